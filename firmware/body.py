"""The body of a request, read as it comes: by its length, or in chunks (RFC 9112, 6 and 7.1)."""

from time import ticks_diff, ticks_ms

from micropython import const

from firmware.http1 import HTTPError

_LINE_LEN = const(256)  # of a chunk's size with its extensions, and of all trailers together
_MAX_SIZE_DIGITS = const(7)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body:
    """What `request.stream` is when the body is too long to be read in advance.

    head       the request's
    max_len    bytes the body may have; one more is a 413
    wait_ms    time the client has for the first `span` bytes, and again for each further `span`
    failure    status to refuse the request with, when the client broke the rules, or there was no
               memory for what he sent; else 0
    is_whole   the body has been read to its end
    """

    def __init__(self, wire, head, max_len: int, span: int, wait_ms: int):
        self.max_len = max_len
        self.failure = 0
        self.is_whole = False
        self._wire = wire
        self._is_chunked = head.content_length is None
        self._left = head.content_length or 0  # of the body, or of the present chunk
        self._has_line_end_to_come = False  # that of a chunk's data
        self._may_come = max_len
        self._expects_continue = head.expects_continue
        self._ahead = b""  # read in advance
        self._span = span
        self._span_left = span
        self._wait_ms = wait_ms
        self._wait_left_ms = wait_ms

    async def read_whole(self, limit: int):
        """The body, or None if it is longer than `limit`; it can still be read then."""
        if not self._is_chunked and self._left > limit:
            return None
        data = bytearray(0 if self._is_chunked else self._left)
        at = 0
        while not self.is_whole:
            block = await self.read(limit + 1 - at)
            data[at : at + len(block)] = block
            at += len(block)
            if at > limit:
                self._ahead = bytes(data)
                return None
        return bytes(data)

    async def read(self, n: int = -1) -> bytes:
        """Up to `n` bytes, all with -1; b"" at the end.

        Raises HTTPError, and sets `failure`, when the client breaks the rules; EOFError when he
        closes in the middle.
        """
        if n < 0:
            return await self._read_rest()
        if self._ahead:
            block = self._ahead[:n]
            self._ahead = self._ahead[n:]
            return block
        if n == 0:
            return b""
        try:
            return await self._read_block(n)
        except HTTPError as error:
            self.failure = error.status
            raise
        except MemoryError:
            self.failure = 503  # something of it may be lost
            raise

    async def readexactly(self, n: int) -> bytes:
        data = b""
        while len(data) < n:
            block = await self.read(n - len(data))
            if not block:
                raise EOFError
            data += block
        return data

    def is_drainable(self, limit: int) -> bool:
        """Whether the next request can be reached: no more than `limit` bytes are known to be left.

        A client who still waits for a 100 may send his body or not: there is no telling.
        """
        return self.is_whole or (self._left <= limit and not self._expects_continue)

    async def drain(self, limit: int) -> bool:
        """Reads and forgets the rest, up to `limit` bytes; whether that was all."""
        while not self.is_whole and limit > 0:
            limit -= len(await self.read(limit))
        return self.is_whole

    async def _read_rest(self):
        data = b""
        while True:
            block = await self.read(1024)
            if not block:
                return data
            data += block

    async def _read_block(self, n):
        if self._left == 0:
            if self._is_chunked and not self.is_whole:
                await self._begin_chunk()
            if self._left == 0:
                self.is_whole = True
                return b""
        block = await self._wait(self._wire.receive, min(n, self._left))
        if not block:
            raise EOFError
        self._left -= len(block)
        if self._left == 0 and not self._is_chunked:
            self.is_whole = True
        return block

    async def _begin_chunk(self):
        """Reads up to the data of the next chunk; `_left` stays 0 if it is the last."""
        if self._has_line_end_to_come:
            if (await self._read_line()).strip(b"\r\n"):
                raise HTTPError(400)  # the chunk was longer than it said
            self._has_line_end_to_come = False
        self._left = parse_chunk_size(await self._read_line())
        if self._left > self._may_come:
            raise HTTPError(413)
        self._may_come -= self._left
        self._has_line_end_to_come = True
        if self._left == 0:
            trailers_len = 0
            line = await self._read_line()
            while line.strip(b"\r\n"):
                trailers_len += len(line)
                if trailers_len > _LINE_LEN:
                    raise HTTPError(431)
                line = await self._read_line()

    async def _read_line(self):
        wire = self._wire
        while True:
            end = wire.received.find(b"\n")
            if end >= 0:
                return wire.use(end + 1)
            if len(wire.received) >= _LINE_LEN:
                raise HTTPError(400)
            if not await self._wait(wire.fill, _LINE_LEN):
                raise EOFError

    async def _wait(self, receive, limit):
        """Receives, within what is left of the client's time."""
        wire = self._wire
        if self._expects_continue and not wire.received:
            await wire.send(_CONTINUE)
        self._expects_continue = False
        start = ticks_ms()
        wire.set_deadline(self._wait_left_ms)
        try:
            received = await receive(limit)
        finally:  # a handler may have given up waiting
            wire.set_deadline(None)
            self._wait_left_ms -= ticks_diff(ticks_ms(), start)
        self._span_left -= 1 if received is True else len(received or b"")
        if self._span_left <= 0:
            self._span_left = self._span
            self._wait_left_ms = self._wait_ms
        return received


def parse_chunk_size(line: bytes) -> int:
    """The size in the line before a chunk (RFC 9112, 7.1); extensions are skipped."""
    size = line.split(b";")[0].strip()
    if not size or len(size) > _MAX_SIZE_DIGITS or size.strip(b"0123456789abcdefABCDEF"):
        raise HTTPError(400)
    return int(size, 16)
