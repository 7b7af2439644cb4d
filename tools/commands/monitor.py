"""The board's console, until Ctrl-].  What runs on the board goes on undisturbed."""

import sys
import threading
import time
from argparse import ArgumentParser, Namespace

from serial.tools import miniterm

from tools.board import ports
from tools.terminal import Refused

_LEAVE = "\x1d"  # Ctrl-]
_READ_S = 0.1
_REOPEN_S = 0.3


class Monitor:
    """Shows what the board says, and types what it is told; a port that goes may come back."""

    def __init__(self, port: str):
        self._port = port
        self._console = ports.open_port(port, timeout=_READ_S)

    def show(self):
        """For ever."""
        while True:
            try:
                block = self._console.read(max(1, self._console.in_waiting))
                sys.stdout.buffer.write(block)
                sys.stdout.buffer.flush()
            except OSError:
                self._reopen()

    def type(self, key: str):
        try:
            self._console.write(key.encode())
        except OSError:
            pass  # it is away

    def _reopen(self):
        print(f"\r\n{self._port} is away; waiting for it\r")
        try:
            self._console.close()
        except OSError:
            pass
        while True:
            time.sleep(_REOPEN_S)
            try:
                self._console = ports.open_port(self._port, timeout=_READ_S)
                return
            except Refused:
                continue


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", default="", help="as PORT of make")


def run(options: Namespace) -> None:
    monitor = Monitor(ports.pick(options.port))
    if not sys.stdin.isatty():
        monitor.show()
    keys = miniterm.Console()
    keys.setup()
    try:
        print("Ctrl-] leaves; Ctrl-C stops the program on the board, then Ctrl-D starts it again.")
        threading.Thread(target=monitor.show, daemon=True).start()
        while (key := keys.getkey()) != _LEAVE:
            monitor.type("\r" if key == "\n" else key)
    finally:
        keys.cleanup()
    print()
