"""How a frame of a WebSocket is received; loaded with an application that has WebSockets.

Microdot unmasks a text octet by octet into another, which grows by 16 octets at a time, and moves
when there is no more room behind it.  Here it is unmasked where it lies, and copied once, in a
fraction of the time, in which nobody else runs.
"""

from microdot import Request


def mend(websocket: "Anything") -> None:
    """Has the module of Microdot's receive frames in that way."""
    # Now, instead of with the first client, where what stays would lie in the way.
    import firmware.heartbeat
    import firmware.sock  # noqa: F401

    failure = websocket.WebSocketError

    async def read_frame(ws: "Anything") -> tuple:
        """The next one: what it is, and what is in it, as bytes."""
        stream = ws.request.sock[0]
        header = await stream.read(2)
        if len(header) < 2:
            raise failure("Websocket connection closed")
        _, opcode, is_masked, length = ws._parse_frame_header(header)
        if length < 0:  # it follows, in so many octets
            length = int.from_bytes(await stream.readexactly(-length), "big")
        limit = ws.max_message_length
        if limit == -1:
            limit = Request.max_body_length
        if 0 < limit < length:
            raise failure("Message too large")
        if not is_masked:
            raise failure("A client has to mask what it sends")  # RFC 6455, 5.1
        mask = await stream.readexactly(4)
        return opcode, unmask(await stream.readexactly(length), mask)

    websocket.WebSocket._read_frame = read_frame


def unmask(payload: bytes | bytearray, mask: bytes) -> bytes:
    """What a client has masked with four octets (RFC 6455, 5.3).  A bytearray is changed."""
    data = payload if isinstance(payload, bytearray) else bytearray(payload)
    for first, octet in enumerate(mask):
        for at in range(first, len(data), 4):
            data[at] ^= octet
    return bytes(data)
