"""A version that has come over the network, on trial; loaded as long as that lasts.

It is good when it has served for a minute.  `/trial.py`, which the launcher runs, counts its starts
and goes back to the version before.
"""

import asyncio
import os

import machine
from micropython import const

import firmware

_STEP_MS = const(1000)
_GOOD = const(60)  # steps of service
_MAX = const(180)  # steps, until a board that has not served so long starts again


async def watch(
    parts: "Parts",
    restart: "Function" = machine.reset,
    sleep_ms: "Function" = asyncio.sleep_ms,
) -> None:
    """The task of `parts`, those of `app.py`, which forgets it when the version is good."""
    log = parts.log
    served = 0
    for _ in range(_MAX):
        await sleep_ms(_STEP_MS)
        if not firmware.is_on_trial:  # the next version is
            return
        served += parts.server.is_running()
        if served == _GOOD:
            for path in ("/trial.py", "/trial"):
                try:
                    os.remove(path)
                except OSError:  # nothing was counted
                    pass
            firmware.is_on_trial = False
            log.info("update: this version has served for a minute, and stays")
            firmware.drop("trial")
            parts.trial = None  # an ended task keeps others, as `own` says
            return
    log.error("update: this version does not serve: restarting")
    try:
        _end()
    finally:  # without memory for its words, too
        restart()


def _end() -> None:
    from firmware import last_words

    last_words.end("the version on trial did not serve")
