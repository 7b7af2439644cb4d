import asyncio
import unittest
from time import ticks_ms

from microdot import Microdot

from firmware.tasks import resume
from host_tests.unit.fakes import run_async, until
from host_tests.unit.sites import GET, App, LongBodies, Site

_SOCKET = 1
_SEND_BUFFER = 7


class TestBothWays(unittest.TestCase):
    @run_async
    async def test_a_reader_that_gives_up_does_not_stop_who_sends_meanwhile(self):
        app = Microdot()
        length = 300000
        given_up = asyncio.Event()

        @app.get("/both")
        async def both(request):
            request.sock[1].s.setsockopt(_SOCKET, _SEND_BUFFER, 4096)
            sending = asyncio.create_task(request.sock[1].awrite(b"x" * length))
            await until(lambda: request.wire.sender)
            try:
                await asyncio.wait_for(request.sock[0].read(1), 0.01)
            except asyncio.TimeoutError:
                given_up.set()
            await sending
            request.sock[1].close()

        async with Site(app) as site:
            peer = site.connect()
            await peer.send(GET % "/both")
            await given_up.wait()
            self.assertEqual(len(await peer.read_all()), length)
            peer.close()

    @run_async
    async def test_who_still_waits_to_send_is_not_resumed(self):
        app = Microdot()
        wires = []

        @app.get("/sent")
        async def send(request):
            request.sock[1].s.setsockopt(_SOCKET, _SEND_BUFFER, 4096)
            wires.append(request.wire)
            await request.sock[1].awrite(b"x" * 300000)

        async with Site(app) as site:
            peer = site.connect()
            await peer.send(GET % "/sent")
            await until(lambda: wires and wires[0].sender)
            sender = wires[0].sender
            waits_in = getattr(sender, "data", None)
            resume(sender)  # as of a reader that is cancelled when something has just come
            self.assertIs(getattr(sender, "data", None), waits_in)
            peer.close()


class TestApplications(LongBodies):
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
            before = [slot.deadline for slot in site.server.table.slots]
            with self.assertRaises(OSError):
                await kept[0].stream.read(10)
            self.assertNotIn(None, before)
            self.assertEqual([slot.deadline for slot in site.server.table.slots], before)
            for peer in peers:
                peer.close()

    @run_async
    async def test_a_handler_that_gives_up_in_a_line_of_a_chunk_hides_no_request_in_it(self):
        app = App()

        @app.app.post("/slow")
        async def slow(request):
            try:
                await asyncio.wait_for(request.stream.read(), 0.01)
            except asyncio.TimeoutError:
                return "too slow"

        inner = GET % "/quick"
        async with app.site() as site:
            peer = site.connect()
            head = "POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            size = "%x" % len(inner)
            chunk = "bb8\r\n" + "z" * 3000 + "\r\n"
            self.assertIn("too slow", await peer.ask(head + chunk + size[:1]))
            await peer.send(size[1:] + "\r\n" + inner + "\r\n0\r\n\r\n" + GET % "/last")
            self.assertTrue((await peer.read()).startswith("HTTP/1.1 404 "))
            self.assertNotIn("uri: /quick", site.log.lines)
            peer.close()

    @run_async
    async def test_one_that_closes_in_its_upload_is_no_failure_of_the_server(self):
        app = App()

        @app.app.post("/upload")
        async def upload(request):
            await request.stream.read()

        async with app.site() as site:
            peer = site.connect()
            await peer.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 4999\r\n\r\nabc")
            await site.wait_line("uri: /upload")
            peer.close()
            await site.wait_open(0)
            self.assertEqual(sum(site.server.table.responses), 0)
            self.assertFalse([line for line in site.log.lines if "EOFError" in line])

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
            wire = await site.wait_wire()
            await until(lambda: wire._stream and wire._stream.out_buf)  # there is no room to send
            site.server._sweep(ticks_ms())
            body = (await peer.read_all()).split("\r\n\r\n", 1)[1]
            self.assertEqual(len(body), 4000000)
            peer.close()


class TestClosedByTheApplication(unittest.TestCase):
    @run_async
    async def test_its_slot_comes_back_and_the_reaper_goes_on(self):
        app = Microdot()

        @app.get("/close")
        async def close(request):
            await request.sock[1].awrite(b"bye")
            request.sock[1].close()
            await asyncio.sleep(60)

        async with Site(app, max_open_sockets=1, max_async_requests=0) as site:
            for _ in range(3):
                peer = site.connect()
                await peer.send(GET % "/close")
                self.assertEqual(await peer.read_all(), "bye")
                peer.close()
                await site.wait_open(0)
            self.assertEqual([line for line in site.log.lines if "failed" in line], [])
