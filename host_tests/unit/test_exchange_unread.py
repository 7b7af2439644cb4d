"""Bodies that nobody reads, or that break the rules late, where long ones are taken."""

import asyncio
import sys
import unittest
from time import ticks_add, ticks_ms

from microdot import Microdot, Request
from microdot.sse import with_sse
from microdot.websocket import with_websocket

from host_tests.unit.fakes import run_async, until
from host_tests.unit.sites import GET, App, LongBodies, Silent, Site

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


class TestBudget(LongBodies):
    @run_async
    async def test_a_body_that_is_there_takes_no_more_than_it_is_long(self):
        app = App()

        @app.app.post("/hold")
        @app.pool.long
        async def hold(request):
            await app.gate.wait()
            return request.body

        async with app.site() as site:
            for field, body in (
                ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
                ("Content-Length: 2000", "x" * 2000),
            ):
                app.gate.clear()
                peer = site.connect()
                await peer.send("POST /hold HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n%s" % (field, body))
                await until(lambda: site.pool.jobs)
                self.assertEqual(site.memory.taken, 5 if "hello" in body else 2000)
                app.gate.set()
                await peer.read()
                peer.close()
                await site.wait_open(0)
                self.assertEqual(site.memory.taken, 0)

    @run_async
    async def test_while_a_response_is_streamed_only_a_body_that_is_unread_is_counted(self):
        app = Microdot()

        @app.post("/events")
        async def events(request):
            return Silent()

        peers = []
        async with Site(app) as site:
            for field, body, taken in (
                ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n", 0),
                ("Content-Length: 2000", "x" * 2000, 0),
                ("Transfer-Encoding: chunked", "BB8\r\n%s\r\n0\r\n\r\n" % ("x" * 3000), 4096),
            ):
                peer = site.connect()
                text = "POST /events HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n%s" % (field, body)
                self.assertIn("200 OK", await peer.ask(text))
                self.assertEqual(site.memory.taken, taken)
                peers.append(peer)
        self.assertEqual(site.memory.taken, 0)
        for peer in peers:
            peer.close()


class TestNobodysBody(unittest.TestCase):
    """A POST to an application that has no route for any takes no memory."""

    @run_async
    async def test_it_is_refused_before_it_comes_and_its_client_is_not_reset(self):
        app = Microdot()
        app.get("/quick")(lambda request: "quick")
        async with Site(app) as site:
            site.memory.budget = 0
            for size, status in ((2000, "405 Method Not Allowed"), (100000, "413 ")):
                peer = site.connect()
                await peer.send(
                    "POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
                )
                await site.wait_wire()
                for _ in range(4):  # a reset would fail the second of them
                    await peer.send("x" * 500)
                answer = await peer.read_all()
                self.assertIn("HTTP/1.1 " + status, answer)
                self.assertIn("\r\nConnection: close\r\n", answer)
                self.assertEqual(answer.count("HTTP/1.1 "), 1)
                peer.close()
                await site.wait_open(0)

    @run_async
    async def test_a_short_one_that_comes_with_its_head_loads_nothing_and_the_next_follows(self):
        app = Microdot()
        app.get("/quick")(lambda request: "quick")

        @app.errorhandler(405)
        async def refuse(request):
            return request.body + b" %d" % request.content_length, 405

        post = "POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
        module = sys.modules.pop("firmware.body", None)
        try:
            async with Site(app) as site:
                peer = site.connect()
                last = (GET % "/quick")[:-2] + "Connection: close\r\n\r\n"
                await peer.send(post + "abc" + last)
                answer = await peer.read_all()
                self.assertTrue(answer.startswith("HTTP/1.1 405 Method Not Allowed"))
                self.assertIn("\r\n\r\nabc 3HTTP/1.1 200 OK\r\n", answer)
                self.assertTrue(answer.endswith("\r\n\r\nquick"))
                self.assertFalse("firmware.body" in sys.modules)
                peer.close()
                peer = site.connect()
                await peer.send(post)
                await site.wait_wire()
                self.assertTrue((await peer.ask("abc")).endswith("\r\n\r\nabc 3"))
                peer.close()
        finally:
            if module:
                sys.modules["firmware.body"] = module
        async with Site(app, max_body_len=2) as site:
            peer = site.connect()
            self.assertIn("HTTP/1.1 413 ", await peer.ask(post + "abc"))
            peer.close()

    @run_async
    async def test_a_route_that_comes_later_has_it(self):
        app = Microdot()
        async with Site(app) as site:
            app.post("/echo")(lambda request: request.body)
            peer = site.connect()
            text = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
            self.assertIn("abc", await peer.ask(text))
            peer.close()
