"""The body of a response that is streamed: its pieces are made, gathered, framed, sent."""

import asyncio
from time import ticks_diff, ticks_ms

from micropython import const

from firmware.encode import ResponseError, encode_size
from firmware.tasks import wait_woken

PACKET_LEN = const(1400)  # small pieces are gathered up to this
_TURN_MS = const(4)  # a body that never waits lets the others run so often
_LAST_CHUNK = b"0\r\n\r\n"


class StreamedBody:
    """One on its way to its client.

    Two tasks send of it: its own, in `send`, and the `Sender`'s with `flush_now`, while the other
    waits for a piece.  What was gathered and is taken by the one is gone for the other.

    is_chunked  each packet is a chunk
    gather      is called with it when it has pieces that may wait for more of them
    framed      octets that leave before any piece: the head, or what the socket did not take
    is_slow     it was waited for a piece: until there is a packet full of them, they share segments
    status      of a response of which nothing has left; then 0
    """

    def __init__(
        self,
        wire: "Wire",
        response: "Response",
        is_chunked: bool,
        gather: "Function",
        log: "Log",
    ) -> None:
        self.framed = b""
        self.is_slow = False
        self.status = response.status_code
        self._wire = wire
        self._is_chunked = is_chunked
        self._gather = gather
        self._log = log
        self._pieces: list = []
        self._len = 0  # of those that were gathered
        body: Anything = response.body
        self._body = body.__aiter__() if hasattr(body, "__anext__") else body
        self._block_len = response.send_file_buffer_size  # 0 at the end of a file
        self._has_events = type(body).__name__ == "sse_loop"  # Microdot's

    async def send(self, piece: "Anything", left: int | None) -> None:
        """Sends `piece`, all that follow it, and their end; the head alone if `piece` is None.

        left  bytes of the Content-Length that the handler has set; None without one
        Raises ResponseError if it is wrong and nothing has left; else EOFError, also if the body
        fails.
        """
        turn = ticks_ms()
        while piece is not None:
            if left is not None:
                left -= len(piece)
                if left < 0:
                    break
            if len(piece) > PACKET_LEN and self._len:
                await self._flush()
            if len(piece) > PACKET_LEN and not (self._is_chunked or self.framed):
                self._hurry()
                await self._wire.send(piece)
            else:
                self.add(piece)
                # While the socket is full, or nothing may follow any more, no more are made.
                is_held = self._wire.is_partial or (self.framed and not self.status)
                if self._len >= PACKET_LEN or is_held:
                    await self._flush()
                else:
                    self._gather(self)
            if ticks_diff(ticks_ms(), turn) >= _TURN_MS:
                await asyncio.sleep(0)
                turn = ticks_ms()
            piece = await self.next()
        if left:
            if self.status:
                raise ResponseError("its body has not the length it said")
            self._log.error("response body has not the length it said")
            await self._flush()
            raise EOFError
        await self._flush(_LAST_CHUNK if self._is_chunked else b"")

    async def next(self) -> "Anything":
        """The next piece as bytes, None at the end; EOFError if it fails when the head has left."""
        try:
            return await self._make()
        except Exception as error:
            if self.status:
                raise
            self._log.exception("response body failed", error)
            await self._flush()
            raise EOFError

    async def _make(self) -> "Anything":
        """A body is what Microdot takes for one, in the same order.

        Raises ResponseError for a piece of any other type than text or bytes.
        """
        body = self._body
        try:
            if hasattr(body, "__anext__"):
                piece = await body.__anext__()
            elif not hasattr(body, "read"):
                piece = next(body)
                if piece is None and hasattr(body, "pend_throw"):
                    piece = await self._wait()
            elif self._block_len:
                piece = body.read(self._block_len)
                if hasattr(piece, "send"):
                    piece = await piece
                if len(piece) < self._block_len:
                    self._block_len = 0
            else:
                return None
        except (StopAsyncIteration, StopIteration):
            return None
        return _octets_of(piece)

    async def _wait(self) -> bytes:
        """To MicroPython an async generator that waits.  Too late to refuse it, it goes on."""
        is_early = self.status
        if is_early:
            self.framed, self._pieces = b"", []  # which would leave meanwhile
        await wait_woken()
        if is_early:
            raise ResponseError("its body is an async generator")
        return b""

    def _hurry(self) -> None:
        """Full packets, and the last, wait for no acknowledgement: some clients delay it."""
        if self.is_slow:
            self.is_slow = False
            self._wire.set_nodelay(True)

    def add(self, piece: "Anything") -> None:
        if piece:  # an empty chunk would end the body
            if len(piece) <= PACKET_LEN and not isinstance(piece, bytes):
                piece = bytes(piece)  # whoever made it may use its buffer again
            self._pieces.append(piece)
            self._len += len(piece)

    async def _flush(self, end: bytes = b"") -> None:
        """Sends all that was gathered, and `end` behind it."""
        self._hurry()
        if len(self._pieces) == 1 and self._len > PACKET_LEN:
            await self._send_large(end)
        else:
            data = self._take(end)
            self._begin()
            await self._wire.send(data)

    def flush_now(self) -> bool:
        """Sends what the socket takes at once of what was gathered; whether that was all."""
        data = b""
        if not self._pieces and not self.framed:
            return True
        try:
            if not self._wire.has_air(self._len, self):
                return False
            if not self.is_slow:
                self.is_slow = True
                self._wire.set_nodelay(False)
            data = self._take(b"")
            if data:
                self._begin()
                self.framed = data[self._wire.send_now(data) :]
            return not self.framed
        except OSError:
            return True  # its own task meets that, too
        except MemoryError:
            if not data:
                return False  # it is all there still
            self._wire.is_partial = True  # what has been sent is not known any more
            return True

    def _begin(self) -> None:
        if self.status:
            self._wire.begin(self.status)
            self.status = 0
            if self._has_events:
                from firmware.heartbeat import Comments

                self._wire.heart = Comments(self)

    async def _send_large(self, end: bytes) -> None:
        """A large piece goes out from where it lies."""
        piece = self._pieces.pop()
        framed, self.framed, self._len = self.framed, b"", 0
        if self._is_chunked:
            framed += encode_size(len(piece))
            end = b"\r\n" + end
        if framed:
            framed += memoryview(piece)[:PACKET_LEN]
            piece = memoryview(piece)[PACKET_LEN:]
            self._begin()
            await self._wire.send(framed)
            framed = b""
        await self._wire.send(piece)
        if end:
            await self._wire.send(end)

    def _take(self, end: bytes) -> bytes:
        """Everything that is to be sent, which is gone from here."""
        parts = [self.framed]
        if self._pieces:
            if self._is_chunked:
                parts.append(encode_size(self._len))
            parts.extend(self._pieces)
            if self._is_chunked:
                parts.append(b"\r\n")
        parts.append(end)
        data = b"".join(parts)  # first: without memory for it nothing is lost
        self._pieces, self.framed, self._len = [], b"", 0
        return data


def _octets_of(piece: "Anything") -> "Anything":
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, memoryview) and len(bytes(piece[:1])) > 1:  # of an array
        return bytes(piece)
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return piece
    raise ResponseError("a piece of its body is %s; str or bytes" % type(piece).__name__)


async def close(body: "Anything") -> None:
    """Closes what a handler has returned, whatever has become of it; once."""
    function = getattr(body, "aclose", None) or getattr(body, "close", None)
    if function:
        result = function()
        if hasattr(result, "send"):
            await result
