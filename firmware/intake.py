"""What is taken in of a request beside its head: whether somebody wants its body, and its cost."""

import sys
from time import ticks_diff, ticks_ms

from microdot import Request
from micropython import const

import firmware
from firmware.http1 import HTTPError
from firmware.pieces import close
from firmware.slots import LINGERING, READING
from firmware.wire import BLOCK_LEN

UPDATES = "/.httpd32/"  # the paths of `update`
_SAFE = ("GET", "HEAD", "OPTIONS")
_FOR_BODIES = ("body", "stream", "chunked")
_PATIENCE_MS = const(30000)
_BODY_LEN = const(4096)  # of the heap, for what receives one


class Intake:
    """Takes in the bodies of requests; one for the whole server.

    app     the Microdot application
    memory  the `Memory`, with the budget of long bodies
    limits  the settings of section "server", by name
    takes_updates  bodies of updates may be as long as the flash has room for
    """

    def __init__(self, app: "Microdot", memory: "Memory", limits: dict) -> None:
        self.takes_updates = False
        self._app = app
        self._memory = memory
        self._max_body_len = limits["max_body_len"]
        self._wait_ms = limits["recv_wait_timeout_ms"]
        self._is_needed = "firmware.body" in sys.modules  # by a route of the application
        self._used: int | None = None  # when what no route needs was last used

    def sweep(self, now: int) -> None:
        """Forgets what receives bodies, if no route needs it and none has come for a while."""
        if self._used is not None and ticks_diff(now, self._used) >= _PATIENCE_MS:
            self._used = None
            for name in _FOR_BODIES:
                firmware.drop(name)

    def has_method(self, head: "Head") -> bool:
        """Whether the application may have a route for its method."""
        method = head.method
        return method in _SAFE or any(method in route[0] for route in self._app.url_map)

    async def expect(self, wire: "Wire", head: "Head") -> "Body | None":
        """The body that is to come; None if no route reads it: `body` is not even loaded then.

        Raises HTTPError, and MemoryError without budget for it.
        """
        is_update = head.target.startswith(UPDATES)
        is_chunked = head.content_length is None  # chunks that break the rules are a 400
        if not (is_update or is_chunked or self.has_method(head)):
            return None
        if not self._is_needed:
            if not is_update:  # for which a board with too little restarts, once it has read it
                await self._wait_room()
            self._used = ticks_ms()
            firmware.collect_before("body")
        from firmware.body import expect

        is_update = is_update and self.takes_updates
        return await expect(
            wire, head, self._memory, Request, self._max_body_len, self._wait_ms, is_update
        )

    async def _wait_room(self) -> None:
        """For what receives a body that no route needs.  MemoryError if there is none."""
        if "firmware.body" not in sys.modules and not await self._memory.wait_room(_BODY_LEN):
            raise MemoryError("too little is free for body")

    async def receive(self, wire: "Wire", head: "Head", body: "Body | None") -> bytes | None:
        """All of it, or None if it is too long to be received in advance."""
        if not body:
            return await self._skip(wire, head)
        data = await body.read_whole(body.span, self._memory)
        if data is not None and body.cost:  # the blocks that it came in are gone
            self.give_back(body, len(data))
        return data

    def give_back(self, body: "Body", left_len: int = 0) -> None:
        """All but `left_len` bytes of what it has of the budget."""
        self._memory.give_back(body.cost - left_len)
        body.cost = left_len
        if self._used is not None:
            self._used = ticks_ms()

    async def end(self, body: "Body", response: "Response") -> None:
        """Of a body that has failed: no response to a client that has gone, and no good one."""
        if body.is_cut:
            await close(response and response.body)
            raise EOFError
        if response and response.status_code < 400:
            raise HTTPError(body.failure)

    def is_drainable(self, body: "Body") -> bool:
        """Whether the next request can be reached behind it."""
        return not body.failure and body.is_drainable(self._max_body_len)

    async def drain(self, wire: "Wire", body: "Body") -> bool:
        """Skips what the handler has not read of it; whether the next request can follow."""
        if body.failure:
            return False
        wire.slot.enter(LINGERING, ticks_ms())
        try:
            return await body.drain(self._max_body_len)
        except HTTPError:  # the client has its response
            return False

    async def _skip(self, wire: "Wire", head: "Head") -> bytes:
        """A body that no route reads, and that does not come in chunks.  Of more than a block
        nothing is received, and the connection ends.  Raises HTTPError.
        """
        length: Anything = head.content_length
        wire.slot.enter(READING, ticks_ms(), self._wait_ms)
        wire.is_read = False
        if length > self._max_body_len:
            wire.is_dropped = True
            raise HTTPError(413)
        if length > BLOCK_LEN or head.expects_continue:
            wire.is_dropped = True
            return b""
        data = bytearray(length)
        at = 0
        while at < length:
            block = await wire.receive(length - at)
            if not block:
                raise EOFError
            data[at : at + len(block)] = block
            at += len(block)
        wire.is_read = True
        return bytes(data)
