"""A head that did not come in one block: its other blocks, one deadline, and what it may take."""

from time import ticks_ms

from micropython import const

from firmware.heads import PartialHead
from firmware.slots import READING
from firmware.wire import BLOCK_LEN

_STEP_LEN = const(512)  # of the budget at least: a client may send an octet at a time


class LongHead:
    """Receives one such head, and holds what it takes of the budget until that is given back.

    memory    the `Memory` with the budget of long heads
    parser    of heads
    wait_ms   time the client has for all of it, however it drips
    """

    def __init__(self, memory: "Memory", parser: "HeadParser", wait_ms: int) -> None:
        self._memory = memory
        self._parser = parser
        self._wait_ms = wait_ms
        self._cost = 0

    async def receive(self, wire: "Wire", received: bytes) -> "tuple[Head, bytes] | None":
        """The head of which `received` is the beginning, as `HeadParser.parse` gives it.

        None when the client has closed.  Raises HTTPError; MemoryError without budget for it.
        """
        parser = self._parser
        received = received.lstrip(b"\r\n")
        while not received:  # empty lines, as old clients send them behind a body, are no request
            block = await wire.receive()
            received = block.lstrip(b"\r\n")
            parsed = received and parser.parse(received)
            if parsed or not block:
                return parsed or None
        wire.slot.enter(READING, ticks_ms(), self._wait_ms)
        length = len(received)
        await self._take(length)
        partial = PartialHead(received)
        received = b""
        is_complete = False
        while not is_complete:
            block = await wire.receive(min(BLOCK_LEN, parser.max_req_hdr_len - length))
            if not block:
                return None
            length += len(block)
            await self._take(length)
            is_complete = partial.add(block, parser.max_uri_len, parser.max_req_hdr_len)
        wire.set_deadline(None)  # the client has done its part
        received = await self._memory.place(partial.join)
        rest = partial.rest
        del partial, block
        self.give_back(length)  # there are no blocks any more
        whole: Anything = parser.parse(received)
        return whole[0], rest

    async def _take(self, length: int) -> None:
        """For so many bytes, which in the end are joined.  A client that sends few costs little."""
        needed_len = 2 * length - self._cost
        if needed_len > 0:
            left_len = 2 * self._parser.max_req_hdr_len - self._cost
            self._cost += await self._memory.take(max(needed_len, min(_STEP_LEN, left_len)))

    def give_back(self, left_len: int = 0) -> None:
        """All but `left_len` bytes of what it has of the budget."""
        if self._cost > left_len:
            self._memory.give_back(self._cost - left_len)
            self._cost = left_len
