"""ESP-IDF's `simple`: fields of a request, an echo, and handlers that come and go meanwhile."""

import asyncio
import time

from microdot import Microdot, Request, Response
from microdot.sse import with_sse

from firmware import run
from firmware.log import Log

Request.max_content_length = 64 * 1024  # more than `server.max_body_len` is read from the stream
app = Microdot()
log = Log(tag="example")
CUSTOM = {"Custom-Header-1": "Custom-Value-1", "Custom-Header-2": "Custom-Value-2"}
GONE = "HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s"


async def hello(request):
    for name in ("Host", "Test-Header-2", "Test-Header-1"):
        if name in request.headers:
            log.info("Found header => %s: %s", name, request.headers[name])
    if request.query_string:
        log.info("Found URL query => %s", request.query_string)
        for name in ("query1", "query3", "query2"):
            for field in request.query_string.split("&"):
                if field.startswith(name + "="):
                    log.info("Found URL query parameter => %s", field)
                    log.info("Decoded query parameter => %s", request.args[name])
    log.info("Request headers lost")  # with the request, when this returns
    return "Hello World!", CUSTOM


class Echo:
    """Sends a body back, a hundred bytes at a time, while it is received."""

    def __init__(self, stream):
        self._stream = stream

    def __aiter__(self):
        return self

    async def __anext__(self):
        data = await self._stream.read(100)
        if not data:
            raise StopAsyncIteration
        log.info("=========== RECEIVED DATA ==========")
        log.info("%s", data)
        log.info("====================================")
        return data


async def echo(request):
    return Echo(request.stream)


@app.route("/any", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def any_method(request):
    return "Hello World!"


@app.get("/sse")
@with_sse
async def sse(request, sse):
    while True:
        await sse.send("Time since boot: %d seconds" % (time.ticks_ms() // 1000))
        await asyncio.sleep(1)


@app.put("/ctrl")
async def ctrl(request):
    """0 takes /hello and /echo away, anything else brings them back."""
    app.url_map[:] = [route for route in app.url_map if route[2] not in (hello, echo)]
    if request.body[:1] == b"0":
        log.info("Unregistering /hello and /echo URIs")
        app.errorhandler(404)(not_available)
    else:
        log.info("Registering /hello and /echo URIs")
        register()
    return ""


def register():
    app.get("/hello")(hello)
    app.post("/echo")(echo)
    app.errorhandler(404)(not_found)


async def not_found(request):
    return "Nothing matches the given URI", 404


async def not_available(request):
    text = request.path + " URI is not available"
    if request.path == "/hello":
        return text, 404
    if request.path == "/echo":  # as there, it closes without having said so
        await request.sock[1].awrite((GONE % (len(text), text)).encode())
        return Response.already_handled
    return "Some 404 error message", 404, {"Connection": "close"}


register()
run(app)
