"""Before a connection is closed by us: what the client still sends is read and forgotten.

Closing a socket with unread bytes resets it, and the reset can overtake a response that the client
does not expect yet (RFC 9112, 9.6).  A client that has said that it closes may do so first: whoever
does keeps the pair of ports for two minutes (TIME-WAIT), in which lwIP, unlike other stacks, lets
no new connection in from there.  The slot can be purged meanwhile.
"""

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from firmware.slots import LINGERING
from firmware.wire import BLOCK_LEN

_SCARCE_LEN = const(256)  # received at a time where there is no memory for a block
_QUIET_MS = const(2000)  # without a byte; Wi-Fi that saves power pauses for some hundreds
_LINGER_MS = const(60000)  # in all
_CLOSE_MS = const(100)  # for a client to close first; one that waits for us loses so much


async def linger(wire: "Wire", is_close_awaited: bool = False) -> None:
    """Returns when the client has closed, or has been quiet, or after a minute.

    is_close_awaited  the client has said that it closes, and knows where the response ends

    Every way out on which the client may still send, or has sent what was not read, ends here.  A
    WebSocket's client has to say that it closes (RFC 6455, 5.5.1), and then waits for us to.
    """
    heart: Anything = wire.heart
    if heart and not heart.is_closing:
        heart = None
    quiet_ms = _QUIET_MS
    if wire.is_read and not wire.received and not heart:
        speaks = _speaks(wire)
        if speaks is None:
            return
        if not speaks:
            if not is_close_awaited:
                return
            quiet_ms = _CLOSE_MS
    wire.slot.enter(LINGERING, ticks_ms())
    end = ticks_add(ticks_ms(), _LINGER_MS)
    length = BLOCK_LEN  # with less, the board's buffers fill with what comes
    block = wire.received
    while not heart or not heart.is_answered(block):
        wire.received = block = b""
        left = ticks_diff(end, ticks_ms())
        wire.set_deadline(min(quiet_ms, left))
        try:
            block = await wire.receive(length) if left > 0 else b""
            if not block:
                return
        except MemoryError:
            if length == _SCARCE_LEN:
                raise
            length = _SCARCE_LEN


def _speaks(wire: "Wire") -> bool | None:
    """Whether a client has sent something that nobody has asked for; None when it is gone."""
    try:
        return len(wire.received) > 0 if wire.receive_now() else None
    except MemoryError:  # for what it has sent
        return True
