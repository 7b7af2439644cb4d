"""What `request.stream` is: the body of a request, for parsers that trust it.

It fills what is asked for, unless the body ends first; it lets others run when it is read at its
end; and it refuses the request when a parser goes on reading there, which would else never end.
"""

import asyncio

from microdot import abort
from micropython import const

from firmware.heads import add_block
from firmware.http1 import HTTPError

_BLOCK_LEN = const(512)
_LINE_LEN = const(64)  # most lines are shorter
_MAX_LINE_LEN = const(4096)
# Reads at the end: one is usual.  Microdot's parser of a form does one for each line that it has in
# its buffer, of 1 KB if the application does not say otherwise, if the last boundary ends it all.
_MAX_ENDS = const(512)


class Stream:
    """Reads as asyncio's StreamReader does: ValueError for a length or separator that is none.

    body    the `Body`, None when all of it was read in advance
    ahead   what was read in advance
    What has come stays when a reader is cancelled, as by `asyncio.wait_for`.
    Raises Microdot's HTTPException, which makes the response 400 or what the body's `failure` says;
    EOFError when the client closes in the middle.
    """

    def __init__(self, body: "Body | None", ahead: "Anything") -> None:
        self._body = body
        self._ahead = ahead
        self._at = 0  # what is before is used
        self._ends = 0

    async def read(self, n: int = -1) -> bytes:
        """`n` bytes, all with -1; fewer only at the end."""
        if n == 0:
            return b""
        blocks: list = []
        try:
            while n:
                block = await self._receive(n if n > 0 else _BLOCK_LEN)
                if not block:
                    break
                add_block(blocks, block)
                if n > 0:
                    n -= len(block)
        except asyncio.CancelledError:
            self._put_back(b"".join(blocks))
            raise
        if not blocks:
            return await self._end()
        self._ends = 0
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    async def readexactly(self, n: int) -> bytes:
        """`n` bytes; EOFError if there are fewer."""
        if n < 0:
            raise ValueError
        data = await self.read(n) if n else b""
        if len(data) < n:
            raise EOFError
        return data

    async def readline(self) -> bytes:
        """The next line with its LF; what is left without one at the end."""
        return await self.readuntil(b"\n", False)

    async def readuntil(self, separator: bytes = b"\n", is_needed: bool = True) -> bytes:
        """Up to `separator` and with it; EOFError without one, if `is_needed`."""
        if not separator:
            raise ValueError
        data = b""
        while True:
            try:
                block = await self._receive(_LINE_LEN)
            except asyncio.CancelledError:
                self._put_back(data)
                raise
            if not block:
                break
            start = max(0, len(data) - len(separator) + 1)
            data += block
            end = data.find(separator, start)
            if end >= 0:
                end += len(separator)
                self._at -= len(data) - end
                self._ends = 0
                return data[:end]
            if len(data) > _MAX_LINE_LEN:
                abort(413)
        if is_needed:
            raise EOFError
        return data or await self._end()

    async def _receive(self, limit: int) -> "Anything":
        """Some bytes, b"" at the end."""
        if self._at >= len(self._ahead):
            if self._body is None or self._body.is_whole:
                return b""
            self._ahead = b""
            try:
                self._ahead = await self._body.read(max(limit, _BLOCK_LEN))
            except HTTPError as error:
                abort(error.status)
            self._at = 0
        block = self._ahead[self._at : self._at + limit]
        self._at += len(block)
        return block

    def _put_back(self, data: "Anything") -> None:
        """What was waited for in vain follows it."""
        self._ahead = data
        self._at = 0

    async def _end(self) -> bytes:
        self._ends += 1
        if self._ends > _MAX_ENDS:
            abort(400)
        await asyncio.sleep(0)
        return b""
