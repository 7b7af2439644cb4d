"""Starts the server when the link comes up and stops it when the link goes down."""

import asyncio
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from firmware.link import DOWN, UP
from firmware.tasks import join

_POLL_MS = const(100)
_DOWN_POLL_MS = const(5)  # nothing else is to be done then
_MIN_RETRY_MS = const(1000)
_MAX_RETRY_MS = const(60000)
_SECOND_MS = const(1000)


class Supervisor:
    """Keeps `server` in step with `link`.

    on_connect     the application's: called with the address when the server has started; or None
    on_disconnect  the application's: called when the server has stopped; or None
    Either may be an `async def`: it then runs as a task, until the next of them is called.
    uptime_s    how long it has run: `ticks_ms()` wraps after twelve days
    down_s      of these, without a link
    reconnects  how often the link has come up again
    """

    def __init__(
        self,
        link: "Link",
        server: "Server",
        log: "Log",
        on_connect: "Function | None" = None,
        on_disconnect: "Function | None" = None,
    ) -> None:
        self.link = link
        self._server = server
        self._log = log
        self._on_connect = on_connect
        self._on_disconnect = on_disconnect
        self._retry_ms = _MIN_RETRY_MS
        self._retry_at = 0
        self._has_ended = False
        self.uptime_s = self.down_s = 0
        self.reconnects = -1
        self._second = ticks_ms()  # the last one that was counted
        self._task: asyncio.Task | None = None  # of the function that was called last

    async def run(self) -> None:
        """The task: until `end()`."""
        while not self._has_ended:
            try:
                await self.step(ticks_ms())
            except Exception as error:  # a driver's or the application's; the next may do better
                self._log.exception("link failed", error)
                await asyncio.sleep_ms(_MIN_RETRY_MS)  # a traceback holds up a slow console
            await asyncio.sleep_ms(_POLL_MS if self.link.state == UP else _DOWN_POLL_MS)

    def end(self) -> None:
        """From now on it does nothing: a server that is being closed must not start again."""
        self._has_ended = True
        if self._task:
            self._task.cancel()

    def close(self) -> None:
        """What Microdot's `shutdown()` calls, from any task, that of `on_connect` too."""
        self._has_ended = True

    async def step(self, now: int) -> None:
        """Asks the link once, and does what follows from it."""
        if self._has_ended:
            return
        edge = self.link.poll(now)
        if ticks_diff(now, self._second) >= _SECOND_MS:
            self._second = ticks_add(self._second, _SECOND_MS)
            self.uptime_s += 1
            self.down_s += self.link.state != UP
        # The stop before may have failed, without memory.
        if edge == DOWN or (self.link.state != UP and self._server.is_running()):
            was_running = self._server.is_running()
            await self._server.stop(0)
            if was_running and self._on_disconnect:
                await self._call(self._on_disconnect)
        elif edge == UP:
            self._log.info("IPv4 address: %s,", self.link.address)
            self._retry_ms = _MIN_RETRY_MS
            self.reconnects += 1
            await self._start(now)
        elif self._is_start_due(now):
            await self._start(now)

    def _is_start_due(self, now: int) -> bool:
        is_wanted = self.link.state == UP and not self._server.is_running()
        return is_wanted and ticks_diff(now, self._retry_at) >= 0

    async def _start(self, now: int) -> None:
        self._retry_at = ticks_add(now, self._retry_ms)
        address: Anything = self.link.address  # one that is up has one
        try:
            await self._server.start(address)
        except (OSError, MemoryError) as error:
            self._log.error("Error starting server! %s; again in %d ms", error, self._retry_ms)
            self._retry_ms = min(_MAX_RETRY_MS, self._retry_ms * 2)
            return
        if self._on_connect:
            await self._call(self._on_connect, address)

    async def _call(self, function: "Function", *args: object) -> None:
        if self._task:
            await join(self._task)
            self._task = None
        result = function(*args)
        if hasattr(result, "send"):  # a coroutine
            self._task = asyncio.create_task(self._await(result))

    async def _await(self, coroutine: "Anything") -> None:
        try:
            await coroutine
        except Exception as error:
            self._log.exception("on_connect or on_disconnect failed", error)
