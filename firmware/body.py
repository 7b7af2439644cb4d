"""The body of a request, read as it comes: by its length, or in chunks (RFC 9112, 6 and 7.1)."""

import asyncio
from errno import EBADF
from time import ticks_diff, ticks_ms

from micropython import const

from firmware.chunked import LINE_LEN, check_end, is_last_trailer, parse_size
from firmware.heads import add_block
from firmware.http1 import HTTPError
from firmware.slots import READING, SENDING
from firmware.tasks import resume
from firmware.wire import BLOCK_LEN

# Microdot's own limit, which nobody has chosen: unless `firmware` has marked it.
_MICRODOT_MAX_LEN = const(16384)
_MAX_UPDATE_LEN = const(1048576)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body:
    """What a client sends behind a head; the connection, or the handler, reads it.

    head       the request's
    max_len    bytes the body may have; one more is a 413
    span       bytes that are received in advance
    wait_ms    time the client has for the first `span` bytes, and again for each further `span`;
               where nothing is received in advance, for each block
    failure    status to refuse the request with, when the client broke the rules, or memory was
               exhausted; else 0
    is_whole   the body has been read to its end
    is_cut     the client has closed in the middle of it
    is_closed  the request is over
    cost       bytes that it takes of the budget for long heads and bodies
    """

    failure = 0
    is_whole = is_cut = is_closed = False
    _is_in_chunk = False  # its data, or the line end behind it, is to come
    _is_in_trailers = False
    _ahead = b""  # read in advance
    _reader: asyncio.Task | None = None  # that waits for the client

    def __init__(self, wire: "Wire", head: "Head", max_len: int, span: int, wait_ms: int) -> None:
        self.max_len = max_len
        self._wire = wire
        self._is_chunked = head.content_length is None
        self._left = head.content_length or 0  # of the body, or of the present chunk
        self._room = max_len
        self._expects_continue = head.expects_continue
        self.span = span
        self._span_left = span or BLOCK_LEN
        self._wait_ms = wait_ms
        self._wait_left_ms = wait_ms
        self.cost = 0  # here: later there might be no memory for one attribute more

    async def read_whole(self, limit: int, memory: "Memory") -> bytes | None:
        """The body, or None if it is longer than `limit`; it can still be read then.

        Raises MemoryError if `memory` has no place for it.
        """
        if not self._is_chunked and self._left > limit:
            return None
        if self._left and len(self._wire.received) >= self._left:  # it has come with its head
            length, self._left = self._left, 0
            self._end()
            return self._wire.use(length)
        blocks: list = []  # for one large piece there may be no place yet
        length = 0
        while not self.is_whole and length <= limit:
            length += add_block(blocks, await self.read(limit + 1 - length))
        data = blocks[0]
        if len(blocks) > 1:
            data = await memory.place(lambda: b"".join(blocks))
        if self.is_whole:
            return data
        self._ahead = data
        return None

    async def read(self, limit: int) -> bytes:
        """Up to `limit` bytes, as they come; b"" at the end, and then only.

        Raises HTTPError, and sets `failure`, when the client breaks the rules; EOFError when it
        closes in the middle; OSError when the request is over.
        """
        if self.is_closed:
            raise OSError(EBADF)
        if self._ahead:
            block = self._ahead[:limit]
            self._ahead = self._ahead[limit:]
            return block
        try:
            return await self._read_block(limit) if limit > 0 else b""
        except asyncio.CancelledError:
            resume(self._wire.sender)
            raise
        except HTTPError as error:
            self.failure = error.status
            raise
        except MemoryError:
            self.failure = 503  # something of the body may be lost
            raise

    def is_drainable(self, limit: int) -> bool:
        """Whether the next request can be reached: no more than `limit` bytes are known to be left.

        A client that still waits for a 100 may send its body or not: there is no telling.
        """
        return self.is_whole or (self._left <= limit and not self._expects_continue)

    def close(self) -> bool:
        """The request is over: from now on only `drain` reads.

        Whether another task was waiting for the client: it is cancelled, and needs a turn to leave.
        """
        self.is_closed = True
        reader, self._reader = self._reader, None
        if reader:
            self._wire.is_awaited = False
            reader.cancel()
        return reader is not None

    async def drain(self, limit: int) -> bool:
        """Reads and forgets the rest, up to `limit` bytes; whether that was all."""
        while not self.is_whole and limit > 0:
            limit -= len(await self._read_block(limit))
        return self.is_whole

    async def _read_block(self, limit: int) -> bytes:
        if self._left == 0:
            if self._is_chunked and not self.is_whole:
                await self._begin_chunk()
            if self._left == 0:
                self._end()
                return b""
        block = await self._wait(self._wire.receive, min(limit, self._left))
        self._left -= len(block)
        if self._left == 0 and not self._is_chunked:
            self._end()
        return block

    def _end(self) -> None:
        self.is_whole = True
        self._wire.is_read = True  # from now on the reaper looks whether the client has gone

    async def _begin_chunk(self) -> None:
        """Reads up to the data of the next chunk; `_left` stays 0 if it is the last.

        A handler may give up waiting at each line, and read on: what has come is not forgotten.
        """
        if self._is_in_chunk:
            check_end(await self._read_line())
            self._is_in_chunk = False
        if not self._is_in_trailers:
            self._left = parse_size(await self._read_line())
            if self._left > self._room:
                raise HTTPError(413)
            self._room -= self._left
            self._is_in_chunk = self._left > 0
            self._is_in_trailers = not self._is_in_chunk
        if self._is_in_trailers:
            await self._skip_trailers()

    async def _skip_trailers(self) -> None:
        length = 0
        line = await self._read_line()
        while not is_last_trailer(line):
            length += len(line)
            if length > LINE_LEN:
                raise HTTPError(431)
            line = await self._read_line()

    async def _read_line(self) -> bytes:
        try:
            return await self._wait(self._wire.receive_line, LINE_LEN)
        except EOFError:
            if len(self._wire.received) >= LINE_LEN:
                raise HTTPError(400)
            raise

    async def _invite(self) -> None:
        """Not within a response that has begun, as of a handler that sends while it reads."""
        if not self._wire.received and self._wire.slot.state != SENDING:
            await self._wire.send_short(_CONTINUE)
        self._expects_continue = False

    async def _wait(self, receive: "Function", limit: int) -> bytes:
        """Receives, within what is left of the client's time.

        Raises EOFError with a word, which nobody else's has, if the client has closed;
        RuntimeError, as CPython's StreamReader, while another task waits.
        """
        if self._reader:
            raise RuntimeError("another task reads the body")
        wire = self._wire
        if self._expects_continue:
            await self._invite()
        start = ticks_ms()
        wire.set_deadline(self._wait_left_ms)
        reader = self._reader = asyncio.current_task()
        wire.is_awaited = True
        try:
            received = await receive(limit)
        except OSError as error:
            if EBADF in error.args:  # another client's connection by now
                raise
            received = b""
        finally:  # a handler may have given up waiting
            if self._reader is reader:  # else the deadline is that of what came after it
                self._reader = None
                wire.set_deadline(None)
                wire.is_awaited = False
            self._wait_left_ms -= ticks_diff(ticks_ms(), start)
        self._span_left -= len(received)
        if self._span_left <= 0:
            self._span_left = self.span or BLOCK_LEN
            self._wait_left_ms = self._wait_ms
        if not received:
            self.is_cut = len(self._wire.received) < LINE_LEN  # else a line is too long
            raise EOFError("the client has closed")
        return received


async def expect(
    wire: "Wire",
    head: "Head",
    memory: "Memory",
    chosen: "type[Request]",
    max_body_len: int,
    wait_ms: int,
    is_update: bool,
) -> Body:
    """The `Body` that is to come.  Raises HTTPError, and MemoryError without budget for it.

    chosen  Microdot's class, on which an application sets limits of its own
    One of up to `max_body_len` bytes is received in advance.  For longer ones an application sets
    `Request.max_content_length` and, if they are to be received in advance too,
    `Request.max_body_length`, as Microdot documents them.
    """
    wire.slot.enter(READING, ticks_ms())
    wire.is_read = False
    unchosen = getattr(chosen, "unchosen_len", _MICRODOT_MAX_LEN)
    span = chosen.max_body_length
    if span == unchosen:
        span = max_body_len
    max_len = chosen.max_content_length
    if max_len == unchosen:
        max_len = max(span, max_body_len)
    if is_update:
        span = BLOCK_LEN
        max_len = _MAX_UPDATE_LEN
    length = head.content_length
    if length is not None and length > max_len:
        raise HTTPError(413)
    body = Body(wire, head, max_len, span, wait_ms)
    length = span if length is None else length
    # What takes more than a block is sent in the client's own time, and is joined in the end.
    body.cost = await memory.take(2 * length if BLOCK_LEN < length <= span else 0)
    return body
