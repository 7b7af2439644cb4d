"""The network link as edges: it went up, it went down.

Pure: it polls an interface, which is handed in, at the time that is handed in.  Nothing tells a
MicroPython program that its link has changed (`network` has no callbacks), so it is asked.  A link
must have held its address for a moment before it counts as up; it is down at once.
"""

from time import ticks_diff

from micropython import const

# States, and as results of `poll()` the edges into them.
DOWN = const(0)
CONNECTING = const(1)
UP = const(2)

_HOLD_MS = const(300)


class Link:
    """Follows an interface: an object whose `poll(now)` gives the address as text, None without."""

    def __init__(self, interface):
        self.state = DOWN
        self.address = None
        self._interface = interface
        self._since = 0

    def poll(self, now: int):
        """UP or DOWN when the link has just gone there, else None.

        A change of address is a DOWN, and an UP later.
        """
        address = self._interface.poll(now)
        if address != self.address:
            was_up = self.state == UP
            self.address = address
            self.state = CONNECTING if address else DOWN
            self._since = now
            return DOWN if was_up else None
        if self.state == CONNECTING and ticks_diff(now, self._since) >= _HOLD_MS:
            self.state = UP
            return UP
        return None
