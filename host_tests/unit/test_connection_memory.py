import unittest

from microdot import Microdot

from firmware.slots import READING
from firmware.wire import Wire
from host_tests.unit.fakes import FakeSocket, run_async, turns, until
from host_tests.unit.sites import GET, App, Site


class TestMemory(unittest.TestCase):
    @run_async
    async def test_exhausted_memory_is_503_and_one_line(self):
        app = Microdot()

        @app.get("/quick")
        async def quick(request):
            return "quick"

        async with Site(app) as site:

            def fail(request):
                raise MemoryError("no room")

            app.find_route = fail  # which Microdot calls before it catches anything
            peer = site.connect()
            self.assertIn("HTTP/1.1 503 Busy", await peer.ask(GET % "/quick"))
            self.assertIn("out of memory: no room", site.log.lines)
            refused = [line for line in site.log.lines if "refused with 503: " in line]
            self.assertEqual(["server." in line for line in refused], [False])  # no setting helps
            self.assertEqual(await peer.read(), "")
            peer.close()
            await site.wait_open(0)

    @run_async
    async def test_exhausted_memory_while_no_client_is_there_ends_no_connection(self):
        async with App().site() as site:
            connections = [slot.owner for slot in site.server.table.slots]
            for connection in connections:
                connection._arrived = ShortOfMemory(connection._arrived)
            for _ in range(2 * len(connections)):
                peer = site.connect()
                self.assertIn("quick", await peer.ask(GET % "/quick"))
                peer.close()
                await site.wait_open(0)
            await site.wait_line("out of memory", len(connections))

    @run_async
    async def test_memory_that_stays_exhausted_leaves_the_processor_to_others(self):
        async with App().site() as site:
            connection = site.server.table.slots[0].owner
            await turns()
            short = connection._arrived = ShortOfMemory(connection._arrived, 5)
            peer = site.connect()
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()
            await site.wait_open(0)
            count = 0
            while short.times:
                count += 1
                await turns(1)
            self.assertTrue(count > 5)
            peer = site.connect()
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()

    @run_async
    async def test_bytes_of_a_body_that_were_lost_to_exhausted_memory_end_the_connection(self):
        async with App().site() as site:
            peer = site.connect()
            await peer.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n")
            wire = await site.wait_wire()
            await until(lambda: wire.slot.state == READING)
            sock = wire._sock

            def lose(buffer, limit):
                sock.readinto(buffer, limit)
                raise MemoryError

            wire._sock = FakeSocket()
            wire._sock.readinto = lose
            wire._sock.send = sock.send
            wire._sock.close = sock.close
            await peer.send("x" * 10)
            self.assertIn("HTTP/1.1 503 Busy", await peer.read())
            await peer.send("x" * 10)
            peer.close()
            await site.wait_open(0)

    @run_async
    async def test_a_long_request_ends_when_what_is_sent_behind_it_was_lost(self):
        async with App().site() as site:
            has_gone = Wire.has_gone
            peer = site.connect()
            await peer.send(GET % "/long")
            await site.wait_line("invoking")

            def lose(wire, *args):
                raise MemoryError

            Wire.has_gone = lose
            try:
                self.assertEqual(await peer.read_all(), "")
                await site.wait_open(0)
                await site.pool.wait_ready()
            finally:
                Wire.has_gone = has_gone
            peer.close()

    @run_async
    async def test_memory_that_ends_behind_a_response_brings_no_second_one(self):
        send_now = Wire.send_now

        def send_and_fail(wire, data):
            send_now(wire, data)
            raise MemoryError

        app = Microdot()

        @app.get("/quick")
        async def quick(request):
            return "quick"

        async with Site(app) as site:
            peer = site.connect()
            Wire.send_now = send_and_fail
            try:
                answer = await peer.ask(GET % "/quick") + await peer.read_all()
            finally:
                Wire.send_now = send_now
            self.assertEqual((answer.count("HTTP/1.1 "), answer.count("quick")), (1, 1))
            self.assertEqual(site.server.count_answered(), 1)
            peer.close()
            await site.wait_open(0)

    @run_async
    async def test_a_client_that_still_sends_is_not_reset_when_memory_is_exhausted(self):
        async with App().site() as site:
            site.memory.budget = 0
            peer = site.connect()
            await peer.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n")
            await site.wait_line("out of memory")
            for _ in range(4):  # a reset would fail the second of them, and take the answer along
                await peer.send("x" * 500)
                await turns()
            self.assertIn("HTTP/1.1 503 Busy", await peer.read())
            peer.close()
            await site.wait_open(0)

    @run_async
    async def test_what_comes_in_blocks_is_a_503_in_a_heap_that_has_no_place_for_it(self):
        body = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n" + "x" * 2000
        head = (GET % "/quick")[:-2] + "A: " + "a" * 1500 + "\r\n\r\n"
        for request in (body, head):
            async with App().site(max_req_hdr_len=4096) as site:
                site.memory.is_in_holes = True
                peer = site.connect()
                answer = await peer.ask(request) + await peer.read_all()
                self.assertTrue(answer.startswith("HTTP/1.1 503 Busy"))
                self.assertEqual(answer.count("HTTP/1.1"), 1)
                peer.close()
                await site.wait_open(0)
                self.assertEqual(site.memory.taken, 0)

    @run_async
    async def test_a_first_block_that_is_lost_to_exhausted_memory_is_a_503(self):
        receive_now = Wire.receive_now

        def lose(wire):
            receive_now(wire)
            wire.received = b""
            raise MemoryError

        Wire.receive_now = lose
        try:
            async with App().site() as site:
                peer = site.connect()
                answer = await peer.ask(GET % "/quick")
                self.assertTrue(answer.startswith("HTTP/1.1 503 Busy"))
                peer.close()
                await site.wait_open(0)
        finally:
            Wire.receive_now = receive_now

    @run_async
    async def test_nor_when_there_is_no_memory_for_a_whole_block_of_what_it_sends(self):
        receive_now, receive_block = Wire.receive_now, Wire.receive_block

        def receive_some(wire, limit=1024):
            if limit > 256:
                raise MemoryError
            return receive_block(wire, limit)

        Wire.receive_now, Wire.receive_block = lambda wire: True, receive_some
        try:
            async with App().site() as site:
                peer = site.connect()
                for _ in range(4):
                    await peer.send("x" * 500)
                    await turns()
                self.assertIn("HTTP/1.1 503 Busy", await peer.read())
                peer.close()
                await site.wait_open(0)
        finally:
            Wire.receive_now, Wire.receive_block = receive_now, receive_block

    @run_async
    async def test_a_refused_head_takes_nothing_while_its_client_still_sends(self):
        async with App().site() as site:
            peer = site.connect()
            await peer.send("GET /quick HTTP/1.1\r\nHost: x\r\nA: " + "a" * 600)
            await until(lambda: site.memory.taken)
            await peer.send("a" * 600)
            await site.wait_line("refused with 431")
            self.assertEqual(site.memory.taken, 0)
            peer.close()


class ShortOfMemory:
    """An event for which there is no memory to wait, some times."""

    def __init__(self, event, times=1):
        self.times = times
        self._event = event
        self.set = event.set
        self.clear = event.clear

    async def wait(self):
        if self.times:
            self.times -= 1
            raise MemoryError
        await self._event.wait()
