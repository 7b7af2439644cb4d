"""How an update ends, or makes way for itself: the board restarts, and says why."""

import asyncio

import machine
from micropython import const

_RESTART_MS = const(500)  # for the response to leave


async def restart(log: "Log", words: str, reset: "Function" = machine.reset) -> None:
    """Restarts the board a moment later; `words` are why, for the next start to tell."""
    await asyncio.sleep_ms(_RESTART_MS)
    log.warning("update: restarting")
    try:
        _keep(words)
    finally:  # without memory for its words, too
        reset()


def _keep(words: str) -> None:
    from firmware import last_words

    last_words.end(words, False)
