"""The console of a board: the one connection over which tools talk to it."""

import re
import time
from collections.abc import Callable
from typing import NamedTuple

import serial

from tools.board import ports
from tools.terminal import CommandError, Progress

PROMPT = b">>> "
_TO_PROMPT = b"\r\x03\x03\x02"  # Ctrl-C; Ctrl-B leaves the raw REPL
_BANNER = re.compile(rb"MicroPython (\S+) on [^;\r\n]+; ([^\r\n]+)")
_READ_S = 0.1
_WRITE_S = 10.0
_ASK_AGAIN_S = 1.0  # while a board starts it hears nothing, and the first bytes may be lost
_HURRY_S = 0.05  # a board that resets again and again hears it for a moment only
_REOPEN_S = 0.3
_RESETS = 2  # in one answer: opening the port may cause one
_MAX_TEXT = 16384


class Answer(NamedTuple):
    """What a board has said: MicroPython's version and machine, or empty texts, and all of it."""

    version: str
    machine: str
    text: bytes

    def is_resetting(self) -> bool:
        """Whether the chip starts again and again: the ROM tells of each reset."""
        return self.text.count(b"rst:0x") >= _RESETS


class Console:
    """The board at `port`, which is opened when it is first needed and held until `close()`.

    A port that goes away, as with a chip that is its own USB device when it resets, raises OSError;
    `reopen()` gets it back.
    """

    def __init__(self, port: str) -> None:
        self.port = port
        self._serial: serial.Serial | None = None

    def __enter__(self) -> "Console":
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        return self._serial is not None

    def open(self) -> serial.Serial:
        """Opens the port if it is not open; CommandError with the reason if it does not open."""
        if self._serial is None:
            # rfc2217:// has no such limit.
            limit = {} if ports.is_remote(self.port) else {"write_timeout": _WRITE_S}
            self._serial = ports.open_port(self.port, timeout=_READ_S, **limit)
        return self._serial

    def close(self) -> None:
        held, self._serial = self._serial, None
        if held:
            sock = getattr(held, "_socket", None)
            try:
                held.close()
            except OSError:
                pass  # it has gone
            if sock:
                sock.close()  # pyserial leaves it open if the other end has gone before

    def reopen(self) -> bool:
        """Tries to open the port if it is not open, in the time of a short wait; whether it is."""
        try:
            self.open()
        except CommandError:
            time.sleep(_REOPEN_S)
        return self.is_open

    def count_waiting(self) -> int:
        """How many bytes have come and were not read."""
        return self.open().in_waiting

    def read(self, limit: int = 0) -> bytes:
        """What has come, `limit` bytes at most if that is not 0; waits for it a moment."""
        port = self.open()
        waiting = max(1, port.in_waiting)
        return port.read(min(waiting, limit) if limit else waiting)

    def write(self, block: bytes) -> None:
        self.open().write(block)

    def ask(self, limit_s: float, on_turn: Callable[[], None] = lambda: None) -> Answer:
        """Interrupts what runs and looks for the prompt, for no longer than `limit_s`.

        CommandError if the port fails.  `on_turn` is called now and then meanwhile.
        """
        try:
            return self._ask(limit_s, on_turn)
        except OSError as error:
            raise ports.as_command_error(self.port, error)

    def _ask(self, limit_s: float, on_turn: Callable[[], None]) -> Answer:
        text = b""
        start = asked = time.monotonic() - _ASK_AGAIN_S
        while time.monotonic() - start < limit_s + _ASK_AGAIN_S:
            if time.monotonic() - asked >= (_HURRY_S if b"rst:0x" in text else _ASK_AGAIN_S):
                self.write(_TO_PROMPT)
                asked = time.monotonic()
            text = (text + self.read())[-_MAX_TEXT:]
            on_turn()
            found = list(_BANNER.finditer(text))
            if found and PROMPT in text[found[-1].end() :]:
                return Answer(found[-1][1].decode(), found[-1][2].decode("ascii", "replace"), text)
        return Answer("", "", text)


def wait(port: str, limit_s: float) -> tuple[str, Answer]:
    """Waits for the prompt of a board that starts, and tells on which port it is.

    An ESP32-S2 or S3 that is its own USB device goes away for that, and may return on another port.
    """
    end = time.monotonic() + limit_s
    answer = Answer("", "", b"")
    with Progress("waiting for the REPL") as progress:
        while not answer.version and time.monotonic() < end:
            progress.show()
            try:
                with Console(port) as console:
                    answer = console.ask(min(2.0, limit_s))
            except CommandError:
                time.sleep(_REOPEN_S)  # not there, or not ready
                port = _follow(port)
    return port, answer


def _follow(port: str) -> str:
    """The only port there is, in place of one that has gone; else the same."""
    found = [each.device for each in ports.find()]
    return found[0] if len(found) == 1 and not ports.is_remote(port) else port
