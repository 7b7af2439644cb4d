"""A dashboard that the board itself keeps up to date, by Server-Sent Events."""

import asyncio
import gc
from time import ticks_ms

from microdot import Microdot, send_file
from microdot.sse import with_sse

from firmware import run

app = Microdot()


@app.get("/")
async def index(request):
    return send_file("index.html")


@app.get("/events")
@with_sse
async def events(request, sse):
    while True:
        await sse.send({"uptime_s": ticks_ms() // 1000, "heap": gc.mem_alloc()}, event="state")
        await asyncio.sleep(1)


run(app)
