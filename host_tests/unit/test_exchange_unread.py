"""Bodies that nobody reads, or that break the rules late, where long ones are taken."""

import asyncio
from time import ticks_add, ticks_ms

from microdot import Microdot, Request
from microdot.sse import with_sse
from microdot.websocket import with_websocket

from host_tests.unit.fakes import run_async, until
from host_tests.unit.sites import GET, LongBodies, Site

SAYS = "Content-Length: 4000\r\n"  # and sends nothing


class TestUnread(LongBodies):
    def setUp(self):
        super().setUp()
        self.app = Microdot()

        @self.app.get("/events")
        @with_sse
        async def events(request, sse):
            await sse.send("hello")
            await asyncio.Event().wait()

        @self.app.get("/socket")
        @with_websocket
        async def socket(request, ws):
            await asyncio.Event().wait()

    async def begin(self, site, path, text, *fields):
        """A client that has its response, or the beginning of it."""
        peer = site.connect()
        lines = ("GET %s HTTP/1.1" % path, "Host: x") + fields
        await peer.send("\r\n".join(lines) + "\r\n" + SAYS + "\r\n")
        while text not in await peer.read():
            pass
        return peer

    @run_async
    async def test_the_client_of_an_event_stream_is_asked_for_and_noticed_when_it_closes(self):
        async with Site(self.app) as site:
            peer = await self.begin(site, "/events", "hello")
            wire = await site.wait_wire()
            wire.heart._asked = ticks_add(ticks_ms(), -21000)
            self.assertIn(":\n\n", await peer.read())
            peer.close()
            await site.wait_open(0)

    @run_async
    async def test_the_client_of_a_websocket_that_is_silent_is_gone(self):
        upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: abc")
        async with Site(self.app) as site:
            peer = await self.begin(site, "/socket", "101 ", *upgrade)
            wire = await site.wait_wire()
            await until(lambda: wire.heart)
            wire.heart._heard = ticks_add(ticks_ms(), -61000)
            await site.wait_open(0)
            peer.close()

    @run_async
    async def test_what_comes_ahead_of_its_reader_is_all_there(self):
        gate = asyncio.Event()

        @self.app.post("/later")
        async def later(request):
            await gate.wait()
            data = await request.stream.read()
            return "%d %d" % (len(data), data.count(b"x"))

        async with Site(self.app) as site:
            peer = site.connect()
            await peer.send("POST /later HTTP/1.1\r\nHost: x\r\n" + SAYS + "\r\n" + "x" * 2000)
            wire = await site.wait_wire()
            await until(lambda: len(wire.received) >= 512)  # the reaper has looked, again and again
            await peer.send("x" * 2000)
            wire.slot.since = ticks_add(ticks_ms(), -5000)  # of what lasts, more than that is lost
            self.assertFalse(wire.has_gone())
            gate.set()
            self.assertTrue((await peer.read()).endswith("\r\n\r\n4000 4000"))
            peer.close()

    @run_async
    async def test_of_more_requests_ahead_than_are_kept_none_is_refused_nor_answered(
        self,
    ):
        gate = asyncio.Event()

        @self.app.get("/stream")
        async def stream(request):
            return Gated(gate)

        @self.app.get("/late")
        async def late(request):
            await gate.wait()
            return "done"

        for path, says_close in (("/stream", False), ("/late", True)):
            gate.clear()
            async with Site(self.app) as site:
                peer = site.connect()
                await peer.send(GET % path)
                wire = await site.wait_wire()
                wire.slot.since = ticks_add(ticks_ms(), -5000)
                await peer.send((GET % ("/late?" + "x" * 100)) * 8)
                await until(lambda wire=wire: wire.is_dropped)
                gate.set()
                answer = await peer.read_all()
                self.assertTrue("done" in answer and answer.count("HTTP/1.1 200 ") == 1, answer)
                self.assertEqual("Connection: close" in answer, says_close)
                self.assertEqual(answer.count("HTTP/"), 1)
                peer.close()


class Gated:
    """A body of two pieces, the second when `gate` is set."""

    def __init__(self, gate):
        self._gate = gate
        self._pieces = [b"first", b"done"]

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self._pieces:
            raise StopAsyncIteration
        if len(self._pieces) == 1:
            await self._gate.wait()
        return self._pieces.pop(0)


class Reader:
    """A body that reads the request while it is sent, and swallows what goes wrong with that."""

    def __init__(self, request):
        self._request = request
        self._count = 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        self._count += 1
        if self._count == 3:
            raise StopAsyncIteration
        try:
            while self._count == 2 and await self._request.stream.read(100):
                pass
        except Exception:
            pass
        return b"x" * 2000


class TestBroken(LongBodies):
    @run_async
    async def test_after_chunks_that_broke_the_rules_in_a_response_the_connection_ends(self):
        app = Microdot()

        @app.post("/upload")
        async def upload(request: Request):
            return Reader(request)

        async with Site(app) as site:
            peer = site.connect()
            head = "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            await peer.send(head + "bb8\r\n" + "a" * 3000 + "\r\n")
            text = await peer.read()
            await peer.send("5\r\nhelloGARBAGE\r\n\r\n0\r\n\r\n" + GET % "/hidden")
            while not text.endswith("\r\n0\r\n\r\n"):
                text += await peer.read()
            self.assertEqual(await peer.read_all(), "")
            peer.close()
