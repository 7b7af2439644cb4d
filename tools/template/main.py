"""What runs on the board: `httpd32 run` serves it here, `httpd32 deploy` brings it there."""

import asyncio

from microdot import Microdot

from firmware import WorkerPool, run

PAGE = """<!DOCTYPE html>
<meta name="viewport" content="width=device-width">
<title>My board</title>
<p><a href="/quick">quick</a> is answered at once, also while <a href="/long">long</a> is at work.
"""

app = Microdot()
pool = WorkerPool()


@app.get("/")
async def index(request):
    return PAGE, {"Content-Type": "text/html"}


@app.get("/quick")
async def quick(request):
    return "quick\n"


@app.get("/long")
@pool.long
async def long(request):
    await asyncio.sleep(10)
    return "long\n"


run(app, pool)
