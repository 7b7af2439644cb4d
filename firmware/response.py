"""A Microdot response on the wire: one write for a head and a short body, or a piece at a time."""

import asyncio
import time
from time import ticks_diff, ticks_ms

from micropython import const

import firmware
from firmware.encode import (
    CHUNKED,
    CLOSE,
    ResponseError,
    encode_date,
    encode_fields,
    encode_keep_alive,
    encode_length,
    encode_size,
    encode_type,
)
from firmware.tasks import wait_woken

_PACKET_LEN = const(1400)  # small pieces are gathered up to this
_RETRY_MS = const(50)  # until a socket that was full is tried again
_TURN_MS = const(4)  # a body that never waits lets the others run so often
_LAST_CHUNK = b"0\r\n\r\n"
_OK = 200


class Sender:
    """Sends responses; one for the whole server.

    memory   asked before a large response
    keep_alive_timeout_ms  said to clients whose connection is kept
    """

    _date: int | None
    _kind: str | None
    _connection: bytes | None

    def __init__(self, memory: "Memory", log: "Log", keep_alive_timeout_ms: int) -> None:
        self._memory = memory
        self._log = log
        self._keep_alive = encode_keep_alive(keep_alive_timeout_ms)
        self._keep_alive_1_0 = self._keep_alive + b"Connection: keep-alive\r\n"
        self._date = self._kind = self._connection = None
        self._fields = b""
        self._streams: list = []  # those with pieces that were gathered
        self._gathered = asyncio.Event()

    async def run(self) -> None:
        """The task that sends what was gathered, as soon as whoever makes the pieces waits."""
        while True:
            await self._gathered.wait()
            self._gathered.clear()
            await asyncio.sleep(0)  # an event stream that fails at once is told by its status
            self._flush()
            if self._streams:  # whose sockets are full
                self._gathered.set()
                await asyncio.sleep_ms(_RETRY_MS)

    def _flush(self) -> None:
        """Not in `run`, which would keep the last of them in memory while it waits."""
        streams, self._streams = self._streams, []
        self._streams += [out for out in streams if not out.flush_now()]

    def send(
        self, wire: "Wire", head: "Head", response: "Response", keep_alive: bool
    ) -> "Anything":
        """Sends `response` to the request of `head`; whether the connection may go on.

        keep_alive  whether the request and the server allow that
        Returns a coroutine of that when there is more than the socket takes at once.
        The caller closes its body.  Raises ResponseError, before anything is sent, when it can't be
        sent; EOFError when only closing the connection tells the client that the body is
        incomplete.
        """
        body = response.body
        status = response.status_code
        if status is not _OK or not isinstance(body, bytes):  # 200.0 is equal to it
            check(response)
            body = response.body
        if not isinstance(body, bytes):
            return self._send_stream(wire, head, response, keep_alive)
        keep_alive = keep_alive and not (response.headers and _wants_close(response.headers))
        data, rest = self._encode(head, response, keep_alive)
        if rest and not self._memory.can_send():
            raise MemoryError("a large response")
        wire.begin(status)
        sent = wire.send_now(data)
        if rest or sent < len(data):
            return self._send_rest(wire, memoryview(data)[sent:], rest, keep_alive)
        return keep_alive

    async def _send_rest(
        self, wire: "Wire", data: memoryview, rest: memoryview | None, keep_alive: bool
    ) -> bool:
        if data:
            await wire.send_rest(data)
        if rest:
            await wire.send(rest)
        return keep_alive

    def _encode(self, head: "Head", response: "Response", keep_alive: bool) -> tuple:
        """(The head and the beginning of a body that is bytes, the rest of it or None)."""
        body = response.body
        status = response.status_code
        has_body = status != 204 and status != 304
        is_head = response.is_head
        text = encode_fields(status, response.reason, response.headers, has_body and is_head)
        length = b""
        if has_body and not (is_head and b"\ncontent-length:" in text.lower()):
            length = encode_length(len(body))
        if is_head or not has_body:
            body = b""
        rest = None
        if len(body) > _PACKET_LEN:
            rest = memoryview(body)[_PACKET_LEN:]
            body = body[:_PACKET_LEN]
        return b"".join((text, length, self._common(head, response, text, keep_alive), body)), rest

    async def _send_stream(
        self, wire: "Wire", head: "Head", response: "Response", keep_alive: bool
    ) -> bool:
        headers = response.headers
        status = response.status_code
        has_body = status != 204 and status != 304
        text = encode_fields(status, response.reason, headers, has_body)
        fields = text.lower()
        has_length = b"\ncontent-length:" in fields
        length = _length_of(headers) if has_length and has_body else None
        framing = b"" if has_length or not has_body else CHUNKED if head.minor else None
        keep_alive = keep_alive and framing is not None and not _wants_close(headers)
        has_body = has_body and not response.is_head
        out = _Pieces(wire, framing == CHUNKED, response)
        piece = None
        # A body that fails before the head has left is a 500.  An event stream may be silent first.
        if has_body:
            piece = b""
            if b"\ncontent-type: text/event-stream" not in fields:
                piece = await out.next()
        common = self._common(head, response, text, keep_alive)
        out.framed = b"".join((text, framing or b"", common))
        try:
            if has_body:
                await self._send_pieces(out, piece, length)
            await out.flush(_LAST_CHUNK if has_body and out.is_chunked else b"")
        finally:
            if out.status and out in self._streams:  # something else is sent in its place
                self._streams.remove(out)
            if wire.heart:
                wire.heart = None
        return keep_alive

    async def _send_pieces(self, out: "_Pieces", piece: "Anything", left: int | None) -> None:
        """left  bytes of the Content-Length that the handler has set; None without one"""
        turn = ticks_ms()
        while piece is not None:
            if left is not None:
                left -= len(piece)
                if left < 0:
                    break
            if len(piece) > _PACKET_LEN and out.length:
                await out.flush()
            out.add(piece)
            if out.length >= _PACKET_LEN:
                await out.flush()
            elif out not in self._streams:
                self._streams.append(out)
                self._gathered.set()
            if ticks_diff(ticks_ms(), turn) >= _TURN_MS:
                await asyncio.sleep(0)
                turn = ticks_ms()
            piece = await self._next_of(out)
        if left:
            if out.status:
                raise ResponseError("its body has not the length it said")
            self._log.error("response body has not the length it said")
            await out.flush()
            raise EOFError

    async def _next_of(self, out: "_Pieces") -> "Anything":
        """The next piece; EOFError if the body fails when the head has left."""
        try:
            return await out.next()
        except Exception as error:
            if out.status:
                raise
            self._log.exception("response body failed", error)
            await out.flush()
            raise EOFError

    def _common(self, head: "Head", response: "Response", text: bytes, keep_alive: bool) -> bytes:
        """The fields that the server adds to every response, and the empty line at the end."""
        connection = CLOSE
        if keep_alive:
            connection = self._keep_alive if head.minor else self._keep_alive_1_0
        kind = response.default_content_type
        date = int(time.time()) if firmware.is_clock_set else 0
        if response.headers:
            fields = text.lower()
            if b"\ncontent-type:" in fields:
                kind = ""
            if b"\ndate:" in fields:
                date = 0
        # Nearly always they are those of the response before.
        if date != self._date or kind != self._kind or connection != self._connection:
            self._date = date
            self._kind = kind
            self._connection = connection
            self._fields = b"".join(
                (
                    encode_type(kind) if kind else b"",
                    encode_date(time.gmtime(date)) if date else b"",
                    connection,
                    b"\r\n",
                )
            )
        return self._fields


class _Pieces:
    """The pieces of one streamed response on their way: made, gathered, framed, sent.

    length      bytes that were gathered
    is_chunked  each packet is a chunk
    framed      sent before any piece
    status      of a response of which nothing has left; then 0
    """

    def __init__(self, wire: "Wire", is_chunked: bool, response: "Response") -> None:
        self.wire = wire
        self.is_chunked = is_chunked
        self.length = 0
        self.framed = b""
        self.status = response.status_code
        self._pieces: list = []
        body: Anything = response.body
        self._body = body.__aiter__() if hasattr(body, "__anext__") else body
        self._block_len = response.send_file_buffer_size  # 0 at the end of a file
        if type(body).__name__ == "sse_loop":  # Microdot's: each piece is an event
            from firmware.heartbeat import Comments

            wire.heart = Comments(self)

    async def next(self) -> "Anything":
        """The next piece of the body as bytes, None at the end.

        A body is what Microdot takes for one, in the same order.  Raises ResponseError for a piece
        of any other type than text or bytes.
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
        if isinstance(piece, str):
            return piece.encode()
        if isinstance(piece, (bytes, bytearray, memoryview)):
            return piece
        raise ResponseError("a piece of its body is %s; str or bytes" % type(piece).__name__)

    async def _wait(self) -> bytes:
        """To MicroPython an async generator that waits.  Too late to refuse it, it goes on."""
        is_early = self.status
        if is_early:
            self.framed, self._pieces = b"", []  # which would leave meanwhile
        await wait_woken()
        if is_early:
            raise ResponseError("its body is an async generator")
        return b""

    def add(self, piece: "Anything") -> None:
        if piece:  # an empty chunk would end the body
            if len(piece) <= _PACKET_LEN and not isinstance(piece, bytes):
                piece = bytes(piece)  # whoever made it may use its buffer again
            self._pieces.append(piece)
            self.length += len(piece)

    async def flush(self, end: bytes = b"") -> None:
        """Sends all that was gathered, and `end` behind it."""
        if len(self._pieces) == 1 and self.length > _PACKET_LEN:
            await self._send_large(end)
        else:
            data = self._take(end)
            self._begin()
            await self.wire.send(data)

    def flush_now(self) -> bool:
        """Sends what the socket takes at once of what was gathered; whether that was all."""
        try:
            data = self._take(b"")
            if data:
                self._begin()
                self.framed = data[self.wire.send_now(data) :]
            return not self.framed
        except OSError:
            return True  # its own task meets that, too
        except MemoryError:  # what has been sent is not known any more
            self.wire.is_partial = True
            return True

    def _begin(self) -> None:
        if self.status:
            self.wire.begin(self.status)
            self.status = 0

    async def _send_large(self, end: bytes) -> None:
        """A large piece goes out from where it lies."""
        piece = self._pieces.pop()
        framed, self.framed, self.length = self.framed, b"", 0
        if self.is_chunked:
            framed += encode_size(len(piece))
            end = b"\r\n" + end
        if framed:
            data = b"".join((framed, bytes(piece[:_PACKET_LEN])))
            piece = memoryview(piece)[_PACKET_LEN:]
            self._begin()
            await self.wire.send(data)
        await self.wire.send(piece)
        if end:
            await self.wire.send(end)

    def _take(self, end: bytes) -> bytes:
        """Everything that is to be sent, which is gone from here."""
        parts = [self.framed]
        if self._pieces:
            if self.is_chunked:
                parts.append(encode_size(self.length))
            parts.extend(self._pieces)
            if self.is_chunked:
                parts.append(b"\r\n")
        parts.append(end)
        data = b"".join(parts)  # first: without memory for it nothing is lost
        self._pieces, self.framed, self.length = [], b"", 0
        return data


def check(response: "Response") -> None:
    """Raises ResponseError for what can't be sent; buffers become bytes."""
    status = response.status_code
    if not isinstance(status, int) or not 200 <= status <= 999:
        raise ResponseError("its status is %r; 200 to 999" % (status,))
    body = response.body
    if isinstance(body, (bytearray, memoryview)):
        response.body = bytes(body)
    elif not isinstance(body, bytes) and not (
        hasattr(body, "__anext__") or hasattr(body, "__next__") or hasattr(body, "read")
    ):
        text = "its body is %s; text, bytes, a dictionary, a list, an iterator or a file"
        raise ResponseError(text % type(body).__name__)


def _length_of(headers: dict) -> int:
    """The length that a handler has said."""
    length = str(headers["Content-Length"])
    if not length.isdigit():
        raise ResponseError("its Content-Length is %r; a number" % length)
    return int(length)


def _wants_close(headers: dict) -> bool:
    return str(headers.get("Connection")).lower() == "close"
