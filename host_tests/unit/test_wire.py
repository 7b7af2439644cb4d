import asyncio
import unittest

from microdot import Microdot, Request

from host_tests.unit.fakes import run_async
from host_tests.unit.sites import GET, App, Site


class TestWire(unittest.TestCase):
    def setUp(self):
        self._max_content_length = Request.max_content_length
        Request.max_content_length = 5000

    def tearDown(self):
        Request.max_content_length = self._max_content_length

    @run_async
    async def test_a_task_that_outlives_its_connection_does_not_reach_the_next_one(self):
        app = Microdot()
        kept = []

        @app.get("/keep")
        async def keep(request):
            kept.append(request.sock[1])
            return "kept"

        @app.get("/quick")
        async def quick(request):
            return "quick"

        async with Site(app, max_open_sockets=2, workers=1) as site:
            first = site.connect()
            await first.ask(GET % "/keep")
            first.close()
            await site.wait_open(0)
            second = site.connect()
            await second.ask(GET % "/quick")
            with self.assertRaises(OSError):
                await kept[0].awrite(b"secret")
            with self.assertRaises(OSError):
                await kept[0].read(10)
            self.assertTrue((await second.ask(GET % "/quick")).startswith("HTTP/1.1 200"))
            second.close()

    @run_async
    async def test_a_task_that_outlives_its_connection_keeps_off_the_deadline_of_the_next(self):
        app = App()
        kept = []

        @app.app.post("/keep")
        async def keep(request):
            kept.append(request)
            return "kept"

        async with app.site(max_open_sockets=2, workers=1) as site:
            first = site.connect()
            await first.ask("POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 4999\r\n\r\n")
            first.close()
            await site.wait_open(0)
            peers = [site.connect(), site.connect()]
            await site.wait_open(2)
            before = [slot.deadline for slot in site.server._table.slots]
            with self.assertRaises(OSError):
                await kept[0].stream.read(10)
            self.assertNotIn(None, before)
            self.assertEqual([slot.deadline for slot in site.server._table.slots], before)
            for peer in peers:
                peer.close()

    @run_async
    async def test_a_client_that_closes_its_sending_half_still_gets_what_is_being_sent(self):
        app = Microdot()

        @app.get("/file")
        async def file(request):
            return iter(["x" * 4000] * 1000)

        async with Site(app) as site:
            peer = site.connect()
            await peer.send("GET /file HTTP/1.0\r\n\r\n")
            if not hasattr(peer.sock, "shutdown"):  # MicroPython has none
                peer.close()
                return
            peer.sock.shutdown(1)
            await asyncio.sleep(0.3)  # the server waits for room to send, the reaper looks
            body = (await peer.read_all()).split("\r\n\r\n", 1)[1]
            self.assertEqual(len(body), 4000000)
            peer.close()
