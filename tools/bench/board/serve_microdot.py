"""Plain Microdot, under its own server, with the routes of httpd32's demo.

Arguments: port; a file, for the routes of `application`, too.
"""

import asyncio
import os
import sys
from time import ticks_add, ticks_diff, ticks_ms

from microdot import Microdot

_INDEX = (
    "<!DOCTYPE html>\n<title>httpd32</title>\n"
    '<div><a href="/long">long</a></div>\n<div><a href="/quick">quick</a></div>\n'
)
_HTML = {"Content-Type": "text/html; charset=UTF-8"}
_LONG_TICKS = 60
_LONG_TICK_MS = 1000


class Ticks:
    """The body of one `/long`."""

    def __init__(self, number):
        self._number = number
        self._next = -1
        self._due = ticks_ms()

    def __aiter__(self):
        return self

    async def __anext__(self):
        line = self._next
        if line == _LONG_TICKS:
            raise StopAsyncIteration
        self._next += 1
        if line < 0:
            return "<div>req: %d</div>\n" % self._number
        self._due = ticks_add(self._due, _LONG_TICK_MS)
        await asyncio.sleep_ms(max(0, ticks_diff(self._due, ticks_ms())))
        return "<div>%d</div>\n" % line


class Count:
    def __init__(self):
        self.last = 0


app = Microdot()
count = Count()


@app.get("/")
async def index(request):
    return _INDEX, 200, _HTML


@app.get("/quick")
async def quick(request):
    return "random: %d\n" % int.from_bytes(os.urandom(4), "little")


@app.get("/long")
async def long(request):
    count.last += 1
    return Ticks(count.last), 200, _HTML


if sys.argv[3]:
    from application import add_routes

    add_routes(app, sys.argv[3])
app.run(host="127.0.0.1", port=int(sys.argv[2]))
