import asyncio
import unittest
from time import ticks_add, ticks_ms

from microdot import Microdot, Response

from host_tests.unit.fakes import run_async, until
from host_tests.unit.sites import GET, App, Silent, Site


class TestLasting(unittest.TestCase):
    """One slot is never for what stays."""

    def setUp(self):
        self.app = Microdot()
        self.gate = asyncio.Event()
        self.called = 0

        @self.app.get("/quick")
        async def quick(request):
            return "quick"

        @self.app.get("/events")
        async def events(request):
            self.called += 1
            return Silent(), 200, {"Content-Type": "text/event-stream"}

        @self.app.get("/socket")
        async def socket(request):
            self.called += 1
            await request.sock[1].awrite(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            await request.sock[0].read(1)
            return Response.already_handled

    async def fill(self, site, count, text):
        peers = [site.connect() for _ in range(count)]
        for peer in peers:
            self.assertIn("HTTP/1.1 ", await peer.ask(text))
        return peers

    @run_async
    async def test_one_event_stream_too_many_is_503_before_its_handler_runs(self):
        async with Site(self.app, max_open_sockets=3) as site:
            peers = await self.fill(site, 2, GET % "/events")
            late, quick = site.connect(), site.connect()
            answer = await late.ask(GET % "/events")
            self.assertIn("HTTP/1.1 503 Busy", answer)
            self.assertIn("\r\nRetry-After: 1\r\n", answer)
            self.assertEqual(self.called, 2)
            self.assertIn("quick", await quick.ask(GET % "/quick"))
            for peer in peers + [late, quick]:
                peer.close()

    @run_async
    async def test_one_websocket_too_many_is_503_before_its_handler_runs(self):
        text = (
            "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"
        )
        async with Site(self.app, max_open_sockets=3) as site:
            peers = await self.fill(site, 2, text)
            late = site.connect()
            self.assertIn("HTTP/1.1 503 Busy", await late.ask(text))
            self.assertEqual(self.called, 2)
            peers[0].close()
            await site.wait_open(1)
            again = site.connect()
            self.assertIn("101 Switching", await again.ask(text))
            for peer in peers + [late, again]:
                peer.close()

    @run_async
    async def test_without_memory_for_one_more_that_lasts_it_is_503_and_quick_requests_go_on(self):
        text = "GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n"
        async with Site(self.app, max_open_sockets=7) as site:
            site.memory.is_full = True
            peers = await self.fill(site, 1, GET % "/events")  # the first always may
            for request in (GET % "/events", text):
                late = site.connect()
                self.assertIn("HTTP/1.1 503 Busy", await late.ask(request))
                peers.append(late)
            quick = site.connect()
            self.assertIn("quick", await quick.ask(GET % "/quick"))
            site.memory.is_full = False
            for request in (GET % "/events", text):
                late = site.connect()
                self.assertNotIn("503", await late.ask(request))
                peers.append(late)
            for peer in peers + [quick]:
                peer.close()

    @run_async
    async def test_a_long_request_too_many_is_503_though_a_worker_is_ready(self):
        app = App()
        app.app.mount(self.app)
        async with app.site(max_open_sockets=3, workers=2) as site:
            peers = await self.fill(site, 2, GET % "/events")
            late = site.connect()
            answer = await late.ask(GET % "/long")
            self.assertIn("HTTP/1.1 503 Busy", answer)
            self.assertIn("no workers available. server busy.", answer)
            self.assertEqual(site.pool.count_ready(), 2)
            line = "No workers are available: no more connections may last"
            self.assertIn(line, site.log.lines)
            for peer in peers + [late]:
                peer.close()

    @run_async
    async def test_there_is_no_http_behind_what_the_application_has_sent_itself(self):
        @self.app.get("/own")
        async def own(request):
            await request.sock[1].awrite(b"all mine")
            raise ValueError("behind it")

        async with Site(self.app) as site:
            peer = site.connect()
            await peer.send(GET % "/own")
            self.assertEqual(await peer.read_all(), "all mine")
            peer.close()

    @run_async
    async def test_a_handler_that_was_slow_itself_is_known_to_last_from_then_on(self):
        @self.app.get("/slow")
        async def slow(request):
            self.called += 1
            await self.gate.wait()
            return "slow"

        async with Site(self.app, max_open_sockets=2) as site:
            peer = site.connect()
            await peer.send(GET % "/slow")
            await until(lambda: self.called)
            slot = [slot for slot in site.server.table.slots if slot.state][0]
            slot.since = ticks_add(ticks_ms(), -5000)  # it has been at work for so long
            await until(lambda: site.server.table.lasting)
            self.gate.set()
            self.assertIn("slow", await peer.read())
            self.assertEqual(len(site.server._lasting._routes), 1)
            peer.close()
