"""ESP-IDF's `ws_echo_server`: whole frames, frames in parts, and a token before the handshake."""

import asyncio

from microdot import Microdot, abort
from microdot.websocket import with_websocket

from firmware import run
from firmware.log import Log

PART_LEN = 64
MAX_LEN = 4096
FINAL = 0x80
app = Microdot()
log = Log(tag="ws_echo_server")


class Frame:
    """The frames of a client: kind and length of the present one, and its data in parts."""

    def __init__(self, sock):
        self._sock = sock

    async def begin(self):
        """Whether there is another one, and it is fit to be answered."""
        head = await self._sock.read(2)
        if len(head) < 2:
            return False
        self.kind, self.length = head[0] & 15, head[1] & 127
        if self.length > 125:
            octets = await self._sock.readexactly(2 if self.length == 126 else 8)
            self.length = int.from_bytes(octets, "big")
        self._mask = await self._sock.readexactly(4)
        self.left = self.length
        return head[1] & 128 and self.length <= MAX_LEN and self.kind != 8  # a close

    async def read(self, limit):
        at = self.length - self.left
        data = await self._sock.readexactly(min(limit, self.left))
        self.left -= len(data)
        return bytes(octet ^ self._mask[(at + n) & 3] for n, octet in enumerate(data))


async def send(request, first, data):
    length = bytes((len(data),)) if len(data) < 126 else b"\x7e" + len(data).to_bytes(2, "big")
    await request.sock[1].awrite(bytes((first,)) + length + data)


async def echo(request, ws):
    frame = Frame(request.sock[0])
    while await frame.begin():
        data = await frame.read(frame.length)
        if frame.kind == ws.PING:
            await send(request, FINAL | ws.PONG, data)
            continue
        log.info("frame len is %d", frame.length)
        log.info("Got packet with message: %s", str(data)[2:-1])
        log.info("Packet type: %d", frame.kind)
        if data.startswith(b"Trigger async"):
            asyncio.create_task(ws.send("Async data"))
        elif data.startswith(b"Ping"):
            asyncio.create_task(ws.send(b"", ws.PING))
        else:
            await send(request, FINAL | frame.kind, data)


app.get("/ws")(with_websocket(echo))


@app.get("/ws_partial")
@with_websocket
async def echo_parts(request, ws):
    """A long frame is never in memory as a whole."""
    frame = Frame(request.sock[0])
    while await frame.begin():
        log.info("Frame len is %d", frame.length)
        kind = frame.kind
        while frame.left:
            length = min(PART_LEN, frame.left)
            log.info("Reading chunk: left_len=%d, chunk_size=%d", frame.left, length)
            data = await frame.read(length)
            await send(request, kind if frame.left else FINAL | kind, data)
            log.info("Sent fragmented chunk: len=%d, final=%d", length, not frame.left)
            kind = ws.CONT
        log.info("Packet type: %d", frame.kind)


@app.get("/auth")
async def auth(request):
    log.info("=== ws_pre_handshake_cb called ===")
    log.info("Requested URI: %s", request.url)
    if request.args.get("token") != "valid":
        log.info("No valid token found, rejecting handshake")
        abort(401)
    log.info("Valid token found, accepting handshake")
    return await welcome(request)


@with_websocket
async def welcome(request, ws):
    log.info("=== ws_post_handshake_cb called ===")
    log.info("WebSocket connection established for URI: %s", request.url)
    await ws.send("Welcome to the WebSocket Echo Server (post-handshake)!")
    await echo(request, ws)


async def connected(address):
    log.info("Returned from app_main()")


run(app, on_connect=connected)
