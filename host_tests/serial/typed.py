"""What is typed at a board that is played here, and its Ctrl-C.  For MicroPython for Unix."""

import asyncio
import os
import select
import sys

_SLICE_MS = 20


class Input:
    """What is typed.  While a program runs, Ctrl-C interrupts it and the rest is kept for later.

    MicroPython for Unix raises KeyboardInterrupt from the signal handler, even inside its memory
    allocator, which then stays locked.  A board raises it between two steps of the program; so does
    `check`, which runs whenever the program waits.
    """

    def __init__(self):
        self._ahead = b""
        self._poller = select.poll()
        self._poller.register(sys.stdin, select.POLLIN)

    def read(self):
        """The next octet; waits for it."""
        if self._ahead:
            octet, self._ahead = self._ahead[:1], self._ahead[1:]
            return octet
        return self._receive()

    def check(self):
        while self._poller.poll(0):
            octet = self._receive()
            if octet == b"\x03":
                self._ahead = b""
                raise KeyboardInterrupt
            self._ahead += octet

    def _receive(self):
        octet = sys.stdin.buffer.read(1)
        if not octet:
            kill_self()  # the other end is gone
        return octet


def kill_self():
    """Ends at once, whatever the program would catch: that is a reset."""
    os.system("kill -9 $PPID")


def make_interruptible(io_queue, typed):
    """Lets Ctrl-C into asyncio, in which the loop would wait for sockets only."""
    wait = io_queue.wait_io_event

    def wait_io_event(self, dt):
        while True:
            typed.check()
            wait(self, dt if 0 <= dt < _SLICE_MS else _SLICE_MS)
            if dt >= 0 or asyncio.core._task_queue.peek():
                return

    io_queue.wait_io_event = wait_io_event
