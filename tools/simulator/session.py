"""A simulated board in the foreground: what is typed goes to it, and however it ends, it ends."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.simulator import harness
from tools.simulator.flash import is_watchdog_due
from tools.version.tracebacks import Tracebacks

_PATIENCE_S = 2.5  # for the board to stop by itself
_POLL_S = 0.2
_WDT_RESET = 3  # of `machine.reset_cause()`
_INTERRUPTS = ("SIGINT", "SIGTERM", "SIGHUP")


class Session:
    """line    makes the command line of a start, from what `machine.reset_cause()` is to give
    folder  where it starts
    watchdog  the file in which it says when its watchdog is to reset it

    Ctrl-C and what asks this process to end become the board's line `quit`, and a second one, or
    2.5 seconds, kill it: MicroPython for Unix raises KeyboardInterrupt from the signal handler,
    wherever it is, even inside its memory allocator, which then stays locked.  A board raises it
    between two steps of the program.
    """

    def __init__(self, line: Callable[[int], list[str]], folder: Path, watchdog: Path) -> None:
        self._line = line
        self._watchdog = watchdog
        self._has_bitten = False
        self._folder = folder
        self._board: subprocess.Popen[Any] | None = None
        self._is_ending = False
        self._parent = os.getppid()

    def run(self) -> int:
        """Runs the board until it ends; its exit status, 0 if it was asked to end."""
        for name in _INTERRUPTS:
            number = getattr(signal, name, None)
            if number and signal.getsignal(number) != signal.SIG_IGN:  # under nohup
                signal.signal(number, lambda *_: self._end())
        if hasattr(signal, "SIGTTIN"):
            signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # in the background nothing is typed
        for action in (self._relay, self._watch_parent, self._watch_board):
            threading.Thread(target=action, daemon=True).start()
        status = self._run_once(1)
        while (cause := harness.restart_cause(status)) and not self._is_ending:
            status = self._run_once(cause)
        return 0 if self._is_ending else status

    def _run_once(self, cause: int) -> int:
        self._watchdog.unlink(missing_ok=True)
        self._has_bitten = False
        self._board = harness.spawn(self._line(cause), self._folder, stdout=subprocess.PIPE)
        if self._is_ending:
            self._board.kill()
        try:
            self._show(self._board)
            status = self._board.wait()
            return harness.RESTART + _WDT_RESET if self._has_bitten else status
        finally:
            self._board.kill()

    def _show(self, board: "subprocess.Popen[bytes]") -> None:
        """Passes on what the board says, until it has ended."""
        tracebacks = Tracebacks()
        assert board.stdout
        try:
            while block := os.read(board.stdout.fileno(), 65536):
                sys.stdout.buffer.write(tracebacks.feed(block))
                sys.stdout.buffer.flush()
        except OSError:
            self._end()  # nobody listens any more

    def _end(self) -> None:
        if self._is_ending:
            if self._board:
                self._board.kill()
            return
        self._is_ending = True
        if not self._board:
            return  # it is not begun, see `_run_once`
        self._write(b"\nquit\n")  # whatever line was begun
        threading.Thread(target=self._kill_later, daemon=True).start()

    def _kill_later(self) -> None:
        board = self._board
        assert board
        try:
            board.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            print("The application does not end by itself: killed", file=sys.stderr)
            board.kill()

    def _watch_board(self) -> None:
        while True:
            time.sleep(_POLL_S)
            if self._board and is_watchdog_due(self._watchdog):
                self._watchdog.unlink(missing_ok=True)
                self._has_bitten = True
                self._board.kill()

    def _watch_parent(self) -> None:
        """A terminal or a script that was killed takes the board with it."""
        hangs_up = getattr(signal, "SIGHUP", None)  # Windows has no such signal
        if hangs_up is None or signal.getsignal(hangs_up) == signal.SIG_IGN:
            return
        while os.getppid() == self._parent:
            time.sleep(_POLL_S)
        self._end()

    def _relay(self) -> None:
        """Passes standard input on; at its end, and without one, the board goes on serving."""
        while True:
            try:
                block = os.read(0, 1024)
            except OSError as error:
                if error.errno != errno.EIO or not _is_in_background():
                    return
                time.sleep(_POLL_S)  # it may come to the front
                continue
            if not block:
                return
            self._write(block)

    def _write(self, block: bytes) -> None:
        board = self._board
        if board and board.stdin:
            try:
                os.write(board.stdin.fileno(), block)
            except (OSError, ValueError):
                pass  # the board has ended


def _is_in_background() -> bool:
    """Whether the terminal has another job in front: then nothing can be read from it."""
    try:
        return os.tcgetpgrp(0) != os.getpgrp()
    except (OSError, AttributeError):  # none, or none of Unix's
        return False
