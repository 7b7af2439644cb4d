"""The network link as edges: it went up, it went down.

Pure: it polls an interface, which is handed in, at the time that is handed in.  Nothing tells a
MicroPython program that its link has changed (`network` has no callbacks), so it is asked.  The
first address counts at once, and after that what has held for a moment: a link that flaps neither
starts nor stops the server.
"""

from time import ticks_diff

from micropython import const

# States, and as results of `poll()` the edges into them.
DOWN = const(0)  # no address
CONNECTING = const(1)  # an address, not for long enough yet
UP = const(2)

_HOLD_MS = const(300)


class Link:
    """Follows an interface: an object whose `poll(now)` gives the address as text, None without."""

    def __init__(self, interface: "Interface") -> None:
        self.state = DOWN
        self.address: str | None = None
        self._interface = interface
        self._seen: str | None = None  # the interface's address, since when
        self._since = 0
        self._hold_ms = 0  # until it was up for the first time

    def poll(self, now: int) -> int | None:
        """UP or DOWN when the link has just gone there, else None.

        Another address is a DOWN at once, and an UP later.
        """
        seen = self._interface.poll(now)
        if seen != self._seen:
            self._seen = seen
            self._since = now
        has_held = ticks_diff(now, self._since) >= self._hold_ms
        if self.state == UP:
            if seen == self.address or not (seen or has_held):
                return None
            self.address = seen
            self.state = CONNECTING if seen else DOWN
            return DOWN
        self.address = seen
        self.state = CONNECTING if seen else DOWN
        if seen and has_held:
            self.state = UP
            self._hold_ms = _HOLD_MS
            return UP
        return None
