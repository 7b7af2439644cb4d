"""The demo application: `/`, `/quick` and `/long`, as in ESP-IDF's async_handlers example.

It is what an application author writes: a Microdot app, with `pool.long` on the long handler.
"""

import asyncio
import os
from time import ticks_add, ticks_diff, ticks_ms

from microdot import Microdot

_PAGE = "app/index.html"
# In its place where only the firmware is, as in an image of MicroPython.
_LINKS = '<div><a href="/long">long</a></div>\n<div><a href="/quick">quick</a></div>\n'
_HTML = {"Content-Type": "text/html; charset=UTF-8"}


class Ticks:
    """The body of one `/long`: its number at once, then `count` lines, one every `tick_ms`."""

    def __init__(self, number: int, count: int, tick_ms: int) -> None:
        self._number = number
        self._count = count
        self._tick_ms = tick_ms
        self._next = -1
        self._due = ticks_ms()

    def __aiter__(self) -> "Ticks":
        return self

    async def __anext__(self) -> str:
        line = self._next
        if line == self._count:
            raise StopAsyncIteration
        self._next += 1
        if line < 0:
            return "<div>req: %d</div>\n" % self._number
        # By the clock and not by a pause, so that sixty lines take sixty seconds.
        self._due = ticks_add(self._due, self._tick_ms)
        await asyncio.sleep_ms(max(0, ticks_diff(self._due, ticks_ms())))
        return "<div>%d</div>\n" % line


def create_app(
    pool: "WorkerPool", log: "Log", long_ticks: int = 60, long_tick_ms: int = 1000
) -> "Microdot":
    """The demo as a Microdot app; `/long` runs on the workers of `pool`."""
    app = Microdot()
    numbers = iter(range(1, 1 << 30))

    @app.get("/")
    async def index(request: "Request") -> tuple:
        try:
            return open(_PAGE, "rb"), 200, _HTML
        except OSError:
            return _LINKS, 200, _HTML

    @app.get("/quick")
    async def quick(request: "Request") -> str:
        return "random: %d\n" % int.from_bytes(os.urandom(4), "little")

    @app.get("/long")
    @pool.long
    async def long(request: "Request") -> tuple:
        if "Host" in request.headers:
            log.info("Found header => Host: %s", request.headers["Host"])
        if request.query_string:
            log.info("Found query string => %s", request.query_string)
        return Ticks(next(numbers), long_ticks, long_tick_ms), 200, _HTML

    return app
