"""Whether MicroPython answers on a port, and which."""

import re
import time
from collections.abc import Callable
from typing import NamedTuple

import serial

from tools.board import ports
from tools.terminal import Progress, Refused

_INTERRUPT = b"\r\x03\x03"  # Ctrl-C
_FRIENDLY = b"\x02"  # Ctrl-B: leaves the raw REPL; either way MicroPython tells who it is
_RESTART = b"\x04"  # Ctrl-D: a soft reset, which runs main.py again
_BANNER = re.compile(rb"MicroPython (\S+) on [^;\r\n]+; ([^\r\n]+)")
_PROMPT = b">>> "
_ASK_AGAIN_S = 1.0
_HURRY_S = 0.05  # a board that resets again and again hears it for a moment only
_RETRY_S = 0.2
_RESETS = 2  # in one look: opening the port may cause one
_MAX_TEXT = 16384


class Console(NamedTuple):
    """What a look at a console has shown: MicroPython's version and machine, or empty texts."""

    version: str
    machine: str
    text: bytes

    def is_resetting(self) -> bool:
        """Whether the chip starts again and again: the ROM tells of each reset."""
        return self.text.count(b"rst:0x") >= _RESETS


def ask(
    port: str, limit_s: float, restart: bool = True, on_turn: Callable[[], None] = lambda: None
) -> Console:
    """Looks for the REPL, for no longer than `limit_s`; Refused if the port does not open.

    What runs on the board is interrupted, and started again at the end unless not wanted.
    `on_turn` is called now and then meanwhile.
    """
    options = {} if ports.is_remote(port) else {"write_timeout": limit_s}  # rfc2217:// has none
    with ports.open_port(port, timeout=0.1, **options) as console:
        try:
            found = _ask(console, limit_s, on_turn)
            if found.version and restart:
                console.write(_RESTART)
        except OSError as error:
            raise ports.refusal(port, error)
    return found


def _ask(console: serial.Serial, limit_s: float, on_turn: Callable[[], None]) -> Console:
    text = b""
    start = asked = time.monotonic() - _ASK_AGAIN_S
    while time.monotonic() - start < limit_s + _ASK_AGAIN_S:
        if time.monotonic() - asked >= (_HURRY_S if b"rst:0x" in text else _ASK_AGAIN_S):
            # Again and again: while a board starts it hears nothing.
            console.write(_INTERRUPT + _FRIENDLY)
            asked = time.monotonic()
        text = (text + console.read(max(1, console.in_waiting)))[-_MAX_TEXT:]
        on_turn()
        found = list(_BANNER.finditer(text))
        if found and _PROMPT in text[found[-1].end() :]:
            return Console(found[-1][1].decode(), found[-1][2].decode("ascii", "replace"), text)
    return Console("", "", text)


def wait(port: str, limit_s: float) -> tuple[str, Console]:
    """Waits for the REPL of a board that starts, and tells on which port it is.

    An ESP32-S2 or S3 that is its own USB device goes away for that, and may return on another port.
    """
    end = time.monotonic() + limit_s
    console = Console("", "", b"")
    with Progress("waiting for the REPL") as progress:
        while not console.version and time.monotonic() < end:
            progress.show()
            try:
                console = ask(port, min(2.0, limit_s), restart=False)
            except Refused:
                time.sleep(_RETRY_S)  # not there, or not ready
                port = _follow(port)
    return port, console


def _follow(port: str) -> str:
    """The only port there is, in place of one that has gone; else the same."""
    found = [each.device for each in ports.find()]
    return found[0] if len(found) == 1 and not ports.is_remote(port) else port
