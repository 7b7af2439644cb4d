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
        self._polled: str | None = None  # the interface's address
        self._since = 0  # since when
        self._hold_ms = 0  # until it was up for the first time

    def poll(self, now: int) -> int | None:
        """UP or DOWN when the link has changed to that, else None.

        Another address is a DOWN at once, and an UP later.
        """
        address = self._interface.poll(now)
        if address != self._polled:
            self._polled = address
            self._since = now
        has_held = ticks_diff(now, self._since) >= self._hold_ms
        edge = None
        if self.state == UP:
            is_gap = address is None and not has_held
            if is_gap or address == self.address:
                return None
            edge = DOWN
        elif address and has_held:
            self._hold_ms = _HOLD_MS
            edge = UP
        self.address = address
        self.state = UP if edge == UP else CONNECTING if address else DOWN
        return edge
