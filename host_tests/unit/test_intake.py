"""What is taken in of a body: what it costs, and what happens to one that no route reads."""

import sys
import unittest
from time import ticks_add, ticks_ms

from microdot import Microdot

from host_tests.unit.fakes import run_async, until
from host_tests.unit.sites import GET, App, LongBodies, Silent, Site

FOR_BODIES = ("firmware.body", "firmware.stream", "firmware.chunked")


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
    async def test_none_loads_anything_and_after_a_short_one_the_next_request_follows(self):
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
                self.assertFalse("firmware.body" in sys.modules)
        finally:
            if module:
                sys.modules["firmware.body"] = module
        async with Site(app, max_body_len=2) as site:
            peer = site.connect()
            self.assertIn("HTTP/1.1 413 ", await peer.ask(post + "abc"))
            peer.close()

    @run_async
    async def test_what_receives_one_in_chunks_is_forgotten_half_a_minute_after_the_last(self):
        loaded = [sys.modules.pop(name, None) for name in FOR_BODIES]
        app = Microdot()
        try:
            for has_route in (False, True):
                if has_route:
                    app.post("/echo")(lambda request: request.body)
                async with Site(app) as site:
                    peer = site.connect()
                    fields = "Host: x\r\nTransfer-Encoding: chunked"
                    await peer.ask("POST /quick HTTP/1.1\r\n%s\r\n\r\n0\r\n\r\n" % fields)
                    peer.close()
                    sweep = site.server._exchange.intake.sweep
                    for wait_ms in (29000, 31000):
                        self.assertTrue("firmware.body" in sys.modules)
                        sweep(ticks_add(ticks_ms(), wait_ms))
                    left = [name for name in FOR_BODIES if name in sys.modules]
                    self.assertEqual("firmware.body" in left, has_route)
                    self.assertEqual(left != [], has_route)
        finally:
            for name, module in zip(FOR_BODIES, loaded):
                if module:
                    sys.modules[name] = module

    @run_async
    async def test_where_what_receives_it_has_no_room_in_the_heap_it_is_a_503(self):
        loaded = [sys.modules.pop(name, None) for name in FOR_BODIES]
        try:
            async with Site(Microdot()) as site:
                peer = site.connect()
                await site.wait_wire()
                site.memory.has_room = False
                fields = "Host: x\r\nTransfer-Encoding: chunked"
                answer = await peer.ask("POST /quick HTTP/1.1\r\n%s\r\n\r\n0\r\n\r\n" % fields)
                self.assertIn("HTTP/1.1 503 Busy", answer)
                await site.wait_line("out of memory: too little is free for body")
                self.assertFalse("firmware.body" in sys.modules)
                peer.close()
                await site.wait_open(0)
                site.memory.has_room = True
                peer = site.connect()
                await site.wait_wire()
                site.memory.has_room = False
                # For an update, a board with too little memory restarts, when it has read this.
                answer = await peer.ask("POST /.httpd32/x HTTP/1.1\r\n%s\r\n\r\n0\r\n\r\n" % fields)
                self.assertFalse("503" in answer)
                peer.close()
        finally:
            for name, module in zip(FOR_BODIES, loaded):
                if module:
                    sys.modules[name] = module

    @run_async
    async def test_one_that_waits_for_a_100_ends_the_connection(self):
        async with Site(Microdot()) as site:
            peer = site.connect()
            field = "Content-Length: 3\r\nExpect: 100-continue"
            await peer.send("POST /quick HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % field)
            answer = await peer.read_all()
            self.assertTrue(answer.startswith("HTTP/1.1 404 "))
            self.assertIn("\r\nConnection: close\r\n", answer)
            peer.close()

    @run_async
    async def test_chunks_that_break_the_rules_are_a_400_there_too(self):
        async with Site(Microdot()) as site:
            for body, status in (("3\nabc\r\n0\r\n\r\n", 400), ("3\r\nabc\r\n0\r\n\r\n", 404)):
                peer = site.connect()
                head = "POST /quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                answer = await peer.ask(head + body)
                self.assertTrue(answer.startswith("HTTP/1.1 %d " % status))
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
