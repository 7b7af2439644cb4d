"""Whether the client of a WebSocket is still there; loaded with the first WebSocket.

A client that has lost its network sends nothing, not even a FIN, and one that is well may be silent
for hours.  But it answers a ping (RFC 6455, 5.5.2), with no help of its application.
"""

from time import ticks_diff, ticks_ms

from micropython import const

_PING_MS = const(20000)  # of silence, until the client is asked, and again
_GONE_MS = const(60000)
_PING = b"\x89\x00"
_MAX_AHEAD_LEN = const(512)  # the wire's
_PONG = const(0x8A)
_PONG_LEN = const(6)  # with its mask; what answers our ping has nothing in it


class Heartbeat:
    """Of one client; the wire tells what it receives, and the reaper asks ten times a second."""

    def __init__(self) -> None:
        self._heard = self._asked = ticks_ms()

    def note(self, block: bytes) -> bool:
        """Something has come from the client; whether it is an answer to a ping, and no more."""
        self._heard = self._asked = ticks_ms()
        return len(block) == _PONG_LEN and block[0] == _PONG

    def has_stopped(self, wire: "Wire") -> bool:
        """Whether the client has gone; one that is silent is asked."""
        now = ticks_ms()
        # When no more is received than was kept, only TCP can tell.
        is_heard = wire.is_reading or len(wire.received) < _MAX_AHEAD_LEN
        if is_heard and ticks_diff(now, self._heard) >= _GONE_MS:
            return True
        is_sending = wire.is_partial or (wire.lock and wire.lock.locked())
        if ticks_diff(now, self._asked) >= _PING_MS and not is_sending:
            self._asked = now
            try:
                wire.is_partial = wire.send_now(_PING) == 1
            except OSError:
                return True
        return False
