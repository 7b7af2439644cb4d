"""Whether a client is still there; loaded with the first WebSocket or event stream.

A client that closes says so and waits for an answer (RFC 6455, 5.5.1), which it never gets of an
application that only sends.  One that has lost its network sends nothing, not even a FIN, and one
that is well may be silent for hours.  But that of a WebSocket answers a ping (RFC 6455, 5.5.2),
with no help of its application.  That of an event stream never says anything; but TCP misses it if
it is sent to.
"""

from time import ticks_diff, ticks_ms

from micropython import const

_PING_MS = const(20000)  # of silence, until the client is asked, and again
_GONE_MS = const(60000)
_PING = b"\x89\x00"
_COMMENT = b":\n\n"  # which a client leaves out (HTML, 9.2.6 and 9.2.7)
_MAX_AHEAD_LEN = const(512)  # the wire's
_LEFT_MS = const(1000)  # for the application to read that its client closes
_PONG = const(0x8A)
_PONG_LEN = const(6)  # with its mask; what answers our ping has nothing in it
_CLOSE = const(0x88)


class Heartbeat:
    """Of one client; the wire tells what it receives, and the reaper asks ten times a second.

    is_closing  the application has said that it closes, and the client is to answer that
    """

    is_closing = False
    _has_closed = False  # so has the client
    _is_inside = False  # the next two octets do not begin a frame

    def __init__(self) -> None:
        self._heard = self._asked = ticks_ms()

    def note(self, block: bytes) -> bool:
        """Something has come from the client; whether it is an answer to a ping, and no more."""
        self._heard = self._asked = ticks_ms()
        # An application reads each part of a frame by itself: two octets, a long length, the mask,
        # the text.  A length of 126 and more and a text of two have two octets as well.
        if len(block) == 2 and self._is_inside:
            self._is_inside = False
        elif len(block) == 2:
            self._has_closed = self._has_closed or block[0] == _CLOSE
            self._is_inside = block[1] & 0x7F in (2, 126)
        return len(block) == _PONG_LEN and block[0] == _PONG

    def note_sent(self, frame: bytes | memoryview) -> None:
        if frame and frame[0] == _CLOSE:
            self.is_closing = not self._has_closed

    def is_answered(self, block: bytes) -> bool:
        """Whether what the client sends ends with its word that it closes, without text."""
        return block[-6:-4] == b"\x88\x80" or block[-8:-6] == b"\x88\x82"

    def has_stopped(self, wire: "Wire") -> bool:
        """Whether the client has gone; one that is silent is asked."""
        now = ticks_ms()
        # When no more is received than was kept, only TCP can tell.
        is_heard = wire.is_awaited or len(wire.received) < _MAX_AHEAD_LEN
        if wire.received[:1] == b"\x88" and ticks_diff(now, self._heard) >= _LEFT_MS:
            return True
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


class Comments:
    """Of an event stream whose handler may have nothing to say.

    out  its pieces, each of which is an event
    """

    is_closing = False  # its client never answers

    def __init__(self, out: "Anything") -> None:
        self._out = out
        self._asked = ticks_ms()

    def note(self, block: bytes) -> bool:
        return False

    def has_stopped(self, wire: "Wire") -> bool:
        """Never: TCP tells, once there is something to send."""
        out = self._out
        is_due = ticks_diff(ticks_ms(), self._asked) >= _PING_MS
        if not wire.is_partial and out.flush_now() and is_due:
            self._asked = ticks_ms()
            out.add(_COMMENT)
            out.flush_now()
        return False
