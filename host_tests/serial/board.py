"""A board on a serial line, played on this computer, with flash, console and resets.

`processor.py` runs its program, `line.py` is its serial port, and its flash is a file
with a littlefs2.
"""

import selectors
import subprocess
import threading
import time
from pathlib import Path

import pytest

from host_tests.serial.line import SerialLine
from host_tests.serial.processor import Processor
from host_tests.waiting import wait_for
from tools.simulator.interpreter import micropython

FLASH_LEN = 1 << 20
# For a test: what its fixture `serial_board` is connected by.
SOCKET = pytest.mark.parametrize("serial_board", ["socket"], indirect=True)
BOTH = pytest.mark.parametrize("serial_board", ["socket", "pty"], indirect=True)
_TURN_S = 0.02
_WAIT_S = 20
_ROM = (
    b"ets Jul 29 2019 12:21:46\r\n\r\n"
    b"rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
    b"configsip: 0, SPIWP:0xee\r\nload:0x3fff0030,len:4892\r\nentry 0x400805d4\r\n"
)


def format_flash(path: Path, length: int = FLASH_LEN) -> Path:
    """Makes `path` an empty flash of `length` bytes."""
    path.write_bytes(b"\xff" * length)
    _run_littlefs("format", path)
    return path


def pack_flash(path: Path, folder: Path) -> Path:
    """Makes `path` a flash that holds what is in `folder`."""
    format_flash(path)
    _run_littlefs("pack", path, folder)
    return path


def unpack_flash(path: Path, folder: Path) -> Path:
    """Copies what is in a flash into `folder`, which it makes."""
    folder.mkdir()
    _run_littlefs("unpack", path, folder)
    return folder


def _run_littlefs(*args):
    script = str(Path(__file__).parent / "littlefs.py")
    line = [*micropython("4M"), script, *map(str, args)]
    subprocess.run(line, check=True, timeout=60)


class SerialBoard:
    """A board at the serial port `port`, running until `stop()`.

    flash      the file that is its flash, from `format_flash`; None for a board without MicroPython
    says       what it sends instead, again and again
    every_s    how often
    is_pty     whether its port is a pseudo-terminal
    hangs_up   whether a reset closes the line, as with a chip that is its own USB device
    line       how its line behaves, for `SerialLine`
    """

    def __init__(self, flash=None, says=b"", every_s=0.2, is_pty=False, hangs_up=False, **line):
        self._hangs_up = hangs_up
        self._has_flash = flash is not None
        self._says = says
        self._every_s = every_s
        self._says_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._processor = Processor(self._selector, flash, self._send, self._on_reset)
        self._line = SerialLine(self._selector, self._type, is_pty, **line)
        self.port = self._line.port
        self._has_ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def console(self) -> bytes:
        """All that it has sent."""
        return self._line.sent

    @property
    def byte_count(self) -> int:
        """Sent and received."""
        return self._line.byte_count

    @property
    def reset_count(self) -> int:
        return self._processor.start_count

    @property
    def is_cut(self) -> bool:
        return self._line.is_cut

    def cut_after(self, count: int):
        """Power and line are lost after `count` more bytes, sent or received."""
        self._line.cut_after(count)

    def cut(self):
        """Loses power and line now."""
        self.cut_after(0)
        wait_for(lambda: self.is_cut, _WAIT_S)

    def power_on(self):
        """After a cut: the line is back and the board starts."""
        self._line.mend()

    def wait_text(self, text: bytes, start: int = 0, timeout_s: float = _WAIT_S) -> int:
        """Where `text` begins in what it has sent after `start`; waits for it."""
        wait_for(
            lambda: self.console.find(text, start) >= 0,
            timeout_s,
            lambda: f"no {text!r} in {self.console[start:]!r}",
        )
        return self.console.find(text, start)

    def wait_client(self):
        """Returns when its port was opened, if that is a socket."""
        wait_for(lambda: self._line.has_client, _WAIT_S)

    def press_reset(self):
        wait_for(self._processor.press_reset, _WAIT_S)

    def stop(self):
        self._has_ended = True
        self._thread.join(10)
        self._processor.close()
        self._line.close()
        self._selector.close()

    def _run(self):
        while not self._has_ended:
            for key, _ in self._selector.select(_TURN_S):
                key.data(key.fileobj)
            self._turn()

    def _turn(self):
        self._cut_if_due()
        if self.is_cut:
            return
        if self._has_flash and not self._processor.is_running:
            self._send(_ROM)
            self._processor.start()
        elif not self._has_flash and self._says and time.monotonic() >= self._says_at:
            self._says_at = time.monotonic() + self._every_s
            self._send(self._says)
        self._processor.interrupt_if_stubborn()
        self._processor.bite_if_due()

    def _send(self, block):
        self._line.send(block)
        self._cut_if_due()

    def _type(self, block):
        self._processor.type(block)
        self._cut_if_due()

    def _on_reset(self):
        if self._hangs_up:
            self._line.hang_up()

    def _cut_if_due(self):
        if self._line.is_due:
            self._processor.kill()  # before anybody can know of the cut
            self._line.cut()
