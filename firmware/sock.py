"""What `request.sock` is: the client's socket, for an application that speaks to it itself.

Loaded with the first of them, as of a WebSocket.
"""

import asyncio

from firmware.heads import add_block
from firmware.tasks import resume
from firmware.wire import BLOCK_LEN


class Sock:
    """Reads and writes as an asyncio stream does, both ways; `s` is the socket itself."""

    def __init__(self, wire: "Wire") -> None:
        self._wire = wire
        self._sock = wire._sock
        self._unsent = b""

    async def read(self, n: int = -1) -> bytes:
        """`n` bytes, all with -1; fewer only when the client has closed.

        Raises MemoryError when there is no room for as much as has come.
        """
        wire = self._wire
        wire.take()
        blocks: list = []
        length = 0
        wire.is_awaited = True
        try:
            while length != n:
                block = await wire.receive(n - length if n > 0 else BLOCK_LEN)
                if not block:
                    break
                if wire.heart:
                    wire.heart.note(block)
                count = len(blocks)
                length += add_block(blocks, block)
                # One block more, and all of them in one piece in the end.
                if 0 < count < len(blocks) and not await self._has_room(length + BLOCK_LEN):
                    raise MemoryError("too little is free for what the client sends")
        except asyncio.CancelledError:
            resume(wire.sender)
            raise
        finally:
            wire.is_awaited = False
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def _has_room(self, length: int) -> "Anything":
        """To be awaited; what others give back meanwhile is waited for."""
        return self._wire.slot.owner.memory.wait_room(length)

    async def readexactly(self, n: int) -> bytes:
        if n < 0:
            raise ValueError
        data = await self.read(n)
        if len(data) < n:
            raise EOFError
        return data

    async def awrite(self, data: bytes | memoryview) -> None:
        """Sends all of it; several tasks may send at a time."""
        wire = self._wire
        wire.take()
        if not wire.is_answered:
            wire.is_answered = True
            wire.slot.count(101)
        if not wire.heart and isinstance(data, bytes) and b"Sec-WebSocket-Accept" in data:
            from firmware.heartbeat import Heartbeat

            wire.heart = Heartbeat()
        if wire.lock is None:
            wire.lock = asyncio.Lock()
        async with wire.lock:
            await wire.send(data)
            heart: Anything = wire.heart
            if heart:
                heart.note_sent(data)
        await asyncio.sleep(0)  # an application that never waits lets the others run

    @property
    def s(self) -> "Socket":
        """As MicroPython's streams have it, for `setsockopt`."""
        return self._sock

    def get_extra_info(self, name: str) -> "Anything":
        """The address of the client as "peername"; KeyError for all else, as MicroPython."""
        return {"peername": self._wire.address}[name]

    def write(self, data: bytes) -> None:
        """`drain` sends it."""
        self._unsent += data

    async def drain(self) -> None:
        data, self._unsent = self._unsent, b""
        await self.awrite(data)

    def close(self) -> None:
        self._wire.close()

    async def wait_closed(self) -> None:
        pass

    async def aclose(self) -> None:
        self.close()
