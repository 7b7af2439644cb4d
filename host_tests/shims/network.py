"""`network` for a computer: a Wi-Fi station whose access point obeys standard input.

A line `down` takes the access point away and `up` brings it back; `quit` is Ctrl-C; `heap` prints
the heap in use.  At the end of the input the access point stays as it is.
"""

import gc
import select
import sys

_ADDRESS = "127.0.0.1"
_LINE_LEN = 32


class _Air:
    """The access point, and the person who switches it."""

    def __init__(self):
        self.is_up = True
        self._line = b""
        self._poller = select.poll()
        self._poller.register(sys.stdin, select.POLLIN)

    def listen(self):
        """Obeys the next line, if it is there; one a poll, so that the link sees each of them."""
        while self._poller and self._poller.poll(0):
            octet = sys.stdin.buffer.read(1)
            if not octet:
                self._poller = None
            elif octet == b"\n":
                line, self._line = self._line, b""
                self._obey(line.strip())
                return
            elif len(self._line) < _LINE_LEN:
                self._line += octet

    def _obey(self, command):
        if command == b"down":
            self.is_up = False
        elif command == b"up":
            self.is_up = True
        elif command == b"quit":
            raise KeyboardInterrupt
        elif command == b"heap":
            gc.collect()
            print("heap in use:", gc.mem_alloc())
        elif command:
            print("one of: down, up, quit, heap")


class WLAN:
    IF_STA = 0
    PM_NONE = 0

    def __init__(self, interface):
        self._air = _Air()
        self._wants = False  # an attempt to join, which succeeds when the access point is there

    def active(self, is_active):
        pass

    def config(self, **settings):
        pass

    def connect(self, ssid, password):
        self._wants = True

    def disconnect(self):
        self._wants = False

    def isconnected(self):
        self._air.listen()
        return self._wants and self._air.is_up

    def ipconfig(self, name):
        return (_ADDRESS, "255.0.0.0")


def hostname(name):
    pass


def country(code):
    pass
