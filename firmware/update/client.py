"""One client of a board that has started for an update alone, and its request.

Just enough of HTTP/1.1 for `make deploy`, and for whoever else comes by: what serves an application
is one module on a board, and the largest of those that make room here.
"""

import asyncio
from time import ticks_diff, ticks_ms

from micropython import const

_MAX_HEAD_LEN = const(4096)
_MAX_BODY_LEN = const(4096)  # of one that is received in advance
_BLOCK_LEN = const(512)
_MAX_UNREAD_BLOCKS = const(128)
_SILENT_MS = const(10000)


class Client:
    """Its request, as `Update` wants it.

    stream     what the body is read from: the client itself
    body       all of it, if it is short; else nothing
    is_served  its request is being answered
    """

    path = method = ""
    body = b""
    content_length = 0
    is_served = False

    def __init__(self, reader: "Anything", writer: "Anything") -> None:
        self._reader = reader
        self._writer = writer
        self._received = b""
        self._left = 0  # of the body, to be received
        self._ahead = b""  # of what was received in advance, to be read
        self._since: int | None = None  # since when the client is waited for
        self.client_addr = writer.get_extra_info("peername")
        self.headers: dict[str, str] = {}
        self.stream = self
        self.task: Anything = asyncio.current_task()

    def is_silent(self, now: int) -> bool:
        """Whether it is waited for, and has been for too long."""
        return self._since is not None and ticks_diff(now, self._since) >= _SILENT_MS

    async def serve(self, answer: "Function") -> None:
        """Reads the request, and sends what `answer` makes of it.

        Raises OSError or EOFError when the client is gone, ValueError when it sends no request.
        """
        await self._read_head()
        body = b""
        if self._left <= _MAX_BODY_LEN and self.method != "PUT":
            while self._left:
                body += await self.read(_BLOCK_LEN)
        self.body = self._ahead = body
        self.is_served = True
        await self._send(*await answer(self))
        self.is_served = False
        for _ in range(_MAX_UNREAD_BLOCKS):  # one that still sends would lose the response
            if self._left:
                await self.read(_BLOCK_LEN)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def read(self, length: int) -> bytes:
        """So many bytes of the body; fewer only at its end."""
        if not self._left:
            block = self._ahead[:length]
            self._ahead = self._ahead[length:]
            return block
        length = min(length, self._left)
        while len(self._received) < length:
            await self._receive()
        block = self._received[:length]
        self._received = self._received[len(block) :]
        self._left -= len(block)
        return block

    async def _receive(self) -> None:
        self._since = ticks_ms()
        block = await self._reader.read(_BLOCK_LEN)
        self._since = None
        if not block:
            raise EOFError
        self._received += block

    async def _read_head(self) -> None:
        end = -1
        while end < 0:
            if len(self._received) > _MAX_HEAD_LEN:
                raise ValueError("the head is too long")
            await self._receive()
            end = self._received.find(b"\r\n\r\n")
        lines = self._received[:end].decode().split("\r\n")
        self._received = self._received[end + 4 :]
        self.method, self.path, _ = lines.pop(0).split(" ")
        for line in lines:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        length = self.headers.get("content-length", "0")
        if not length.isdigit():
            raise ValueError("no length: " + length)
        self.content_length = self._left = int(length)

    async def _send(self, body: "Anything", status: int, fields: dict) -> None:
        is_text = isinstance(body, str)
        head = "HTTP/1.1 %d \r\nConnection: close\r\n" % status
        for name in fields:
            head += "%s: %s\r\n" % (name, fields[name])
        if is_text:  # without a length, the end of the connection is that of the body
            head += "Content-Length: %d\r\n" % len(body.encode())
        self._writer.write(head.encode() + b"\r\n")
        for piece in (body,) if is_text else body:
            if piece:
                self._writer.write(piece.encode() if isinstance(piece, str) else piece)
            self._since = ticks_ms()
            await self._writer.drain()
            self._since = None
