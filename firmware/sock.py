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

    async def read(self, n: int = -1) -> bytes | bytearray:
        """`n` bytes, all with -1; fewer only when the client has closed.

        More than a block takes from the budget of long heads and bodies, and has one deadline.
        Raises MemoryError without budget for it.
        """
        wire = self._wire
        wire.take()
        if n > BLOCK_LEN:
            return await self._read_long(n)
        return await self._read(n)

    async def _read_long(self, n: int) -> bytes | bytearray:
        wire = self._wire
        owner = wire.slot.owner
        memory = owner.memory
        # With the copy that is made of it: two pieces, for which a heap with holes has no place
        # when no more than that is free.
        cost = 0
        wire.is_awaited = True  # what comes meanwhile is its beginning
        try:
            cost = await memory.take(3 * n)
            data = await memory.place(lambda: bytearray(n))
            wire.set_deadline(owner.wait_ms)
            at = 0
            while at < n:
                block = await self._read(min(BLOCK_LEN, n - at))
                if not block:
                    return data[:at]
                data[at : at + len(block)] = block
                at += len(block)
            return data
        finally:
            wire.is_awaited = False
            wire.set_deadline(None)
            memory.give_back(cost)

    async def _read(self, n: int) -> bytes:
        wire = self._wire
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
                length += add_block(blocks, block)
        except asyncio.CancelledError:
            resume(wire.sender)
            raise
        finally:
            wire.is_awaited = False
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    async def readexactly(self, n: int) -> bytes | bytearray:
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
