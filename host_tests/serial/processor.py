"""The processor of a board that is played here: MicroPython for Unix, with `console.py`.

What it is told and what it says are bytes; the serial line they go over is not its concern.
"""

import array
import fcntl
import os
import selectors
import shutil
import signal
import subprocess
import termios
import time
from pathlib import Path

from tools.checkout import ROOT
from tools.simulator.flash import is_watchdog_due
from tools.simulator.interpreter import micropython

_HEAP = "320k"  # the console itself is Python here
_SOFT_RESETS = {3: "soft", 4: "raw"}  # as `console.py` leaves
_WDT_RESET = 3  # of `machine.reset_cause()`
_STUBBORN_S = 0.5
_LOOK_S = 0.02  # at the file of its watchdog: not after each byte that it says
_CTRL_C = b"\x03"


class Processor:
    """Runs what is in the file `flash`, from `start()` until it resets or is killed.

    on_output     called with what it says
    on_hard_end   called when it has ended otherwise than by a soft reset, after which it goes on
    start_count   how often it was started
    """

    def __init__(self, selector, flash, on_output, on_hard_end):
        self._selector = selector
        self._flash = flash
        self._kept = Path(f"{flash}.kept")
        self._on_output = on_output
        self._on_hard_end = on_hard_end
        self._process: subprocess.Popen | None = None
        self._last = b""
        self._stubborn_at: float | None = None
        self._looks_at = 0.0
        self._typed_since = 0  # bytes after the last Ctrl-C
        self._keyboard = os.pipe()  # outlives a soft reset, as a UART's buffer does
        self.start_count = 0
        os.set_blocking(self._keyboard[1], False)

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def start(self, mode="hard"):
        self.start_count += 1
        self._kept.mkdir(exist_ok=True)
        script = str(Path(__file__).parent / "console.py")
        self._process = subprocess.Popen(
            [*micropython(_HEAP), script, str(self._flash), str(self._kept), str(ROOT), mode],
            stdin=self._keyboard[0],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._selector.register(self._process.stdout, selectors.EVENT_READ, self._relay)

    def type(self, block: bytes):
        if not self._process:
            return
        try:
            os.write(self._keyboard[1], block)
        except OSError:
            pass  # full, as the board's own buffer may be
        self._typed_since += len(block)
        if _CTRL_C in block:
            self._stubborn_at = time.monotonic() + _STUBBORN_S
            self._typed_since = len(block) - block.rindex(_CTRL_C) - 1

    def interrupt_if_stubborn(self):
        """To be called now and then: a program that never waits does not take a Ctrl-C."""
        if self._stubborn_at and time.monotonic() >= self._stubborn_at:
            self._stubborn_at = None
            if self._process and self._unread_len() > self._typed_since:
                # The signal may strike anywhere, which is rare in such a program.
                self._process.send_signal(signal.SIGINT)

    def bite_if_due(self):
        """To be called now and then: its watchdog, which was not fed in time, resets it."""
        if time.monotonic() < self._looks_at:
            return
        self._looks_at = time.monotonic() + _LOOK_S
        path = self._kept / "watchdog"
        if self._process and is_watchdog_due(path):
            self._on_output(b"rst:0x8 (TG1WDT_SYS_RESET)\r\n")
            (self._kept / "cause").write_bytes(bytes((_WDT_RESET,)))
            self._process.kill()
            path.unlink()

    def press_reset(self) -> bool:
        """Whether it ran: it does not for a moment between two starts."""
        process = self._process
        if process:
            process.kill()
        return process is not None

    def kill(self):
        """Power is lost, and with it what a reset leaves."""
        shutil.rmtree(self._kept, ignore_errors=True)
        if self._process:
            self._process.kill()
            self._end()

    def close(self):
        self.kill()
        for end in self._keyboard:
            os.close(end)

    def _relay(self, stdout):
        """What it says; at its end, the next start."""
        if stdout.closed:
            return  # it was killed since the selector has looked
        block = os.read(stdout.fileno(), 4096)
        if block:
            self._on_output(self._cook(block))
            return
        status = self._end()
        if status not in _SOFT_RESETS:
            (self._kept / "watchdog").unlink(missing_ok=True)
        if status in _SOFT_RESETS:
            self.start(_SOFT_RESETS[status])
        else:
            self._on_hard_end()

    def _cook(self, block):
        """A board ends its lines with CR LF."""
        text = (self._last + block).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        text = text[len(self._last.replace(b"\n", b"\r\n")) :]
        self._last = block[-1:]
        return text

    def _unread_len(self):
        """Bytes that it has not taken."""
        count = array.array("i", [0])
        fcntl.ioctl(self._keyboard[0], termios.FIONREAD, count)
        return count[0]

    def _end(self) -> int:
        """The process has ended, or is about to; its status."""
        process, self._process = self._process, None
        assert process and process.stdout
        self._selector.unregister(process.stdout)
        self._stubborn_at = None
        status = process.wait(10)
        process.stdout.close()
        if status not in _SOFT_RESETS and (unread := self._unread_len()):
            os.read(self._keyboard[0], unread)
        return status
