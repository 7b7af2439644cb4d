import asyncio
import unittest

from microdot import Microdot

import firmware.heads as heads_module
import firmware.http1 as http1
from firmware.slots import READING
from firmware.wire import Wire
from host_tests.unit.fakes import FakeSocket, run_async, turns, until
from host_tests.unit.sites import GET, App, Site


class TestConnection(unittest.TestCase):
    @run_async
    async def test_requests_follow_each_other_on_one_connection(self):
        async with App().site() as site:
            peer = site.connect()
            for _ in range(20):
                self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()
            await site.wait_open(0)

    @run_async
    async def test_four_connections_at_full_load_are_served_alike(self):
        served = [0] * 4
        async with App().site(max_open_sockets=4) as site:
            peers = [site.connect() for _ in range(4)]
            await asyncio.gather(*[self.ask_often(peers[n], served, n) for n in range(4)])
            self.assertGreaterEqual(min(served), 80)
            for peer in peers:
                peer.close()

    async def ask_often(self, peer, served, number):
        while max(served) < 100:
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            served[number] += 1

    @run_async
    async def test_one_with_many_requests_in_a_row_lets_the_others_in(self):
        async with App().site() as site:
            greedy, modest = site.connect(), site.connect()
            await modest.ask(GET % "/quick")
            await greedy.send((GET % "/quick") * 25)
            self.assertIn("quick", await modest.ask(GET % "/quick"))
            self.assertLess(len([line for line in site.log.lines if "uri:" in line]), 12)
            greedy.close()
            modest.close()

    @run_async
    async def test_a_head_without_an_end_is_held_up_to_its_limit_and_no_further(self):
        held = []

        def measure(received, *limits):
            held.append(len(received))
            return http1.head_length(received, *limits)

        heads_module.head_length = measure
        try:
            async with App().site(max_req_hdr_len=1024, max_uri_len=500) as site:
                peer = site.connect()
                sending = asyncio.create_task(peer.send("GET / HTTP/1.1\r\nA: " + "a" * 200000))
                self.assertIn("HTTP/1.1 431 ", await peer.read())
                sending.cancel()
                peer.close()
                await site.wait_open(0)
        finally:
            heads_module.head_length = http1.head_length
        self.assertEqual(max(held), 1024)

    @run_async
    async def test_a_handler_that_is_cancelled_from_elsewhere_is_500_and_the_slot_lives(self):
        async with App().site(max_open_sockets=2, workers=1) as site:
            for _ in range(4):
                peer = site.connect()
                self.assertIn("HTTP/1.1 500 ", await peer.ask(GET % "/cancelled"))
                peer.close()
            await site.wait_open(0)

    @run_async
    async def test_a_client_that_is_refused_and_stays_is_closed_without_another_word(self):
        async with App().site() as site:
            peer = site.connect()
            await peer.send("NONSENSE\r\n\r\n")
            text = await peer.read_all()
            self.assertTrue(text.startswith("HTTP/1.1 400"))
            self.assertEqual(text.count("HTTP/1.1"), 1)
            peer.close()

    @run_async
    async def test_a_client_that_closes_frees_the_worker_that_says_nothing(self):
        app = App()
        async with app.site() as site:
            peer = site.connect()
            await peer.send(GET % "/long")
            await site.wait_line("invoking")
            peer.close()
            await site.pool.wait_ready()
            self.assertEqual(app.ended, 1)
            await site.wait_open(0)

    @run_async
    async def test_what_is_pipelined_behind_a_long_request_is_answered_after_it(self):
        app = App()
        async with app.site() as site:
            peer = site.connect()
            await peer.send(GET % "/long")
            await site.wait_line("invoking")
            await peer.send(GET % "/quick")
            slots = site.server._table.slots
            await until(lambda: any(s.owner._wire and s.owner._wire.received for s in slots))
            app.gate.set()  # now that the reaper has looked and found it
            text = await peer.read()
            while "quick" not in text:
                text += await peer.read()
            self.assertIn("long", text)
            peer.close()


class TestDeadlines(unittest.TestCase):
    @run_async
    async def test_defect_h_a_head_that_drips_is_408_at_the_deadline(self):
        async with App().site(recv_wait_timeout_ms=300) as site:
            peer = site.connect()
            dripping = asyncio.create_task(self.drip(peer))
            self.assertIn("HTTP/1.1 408 Request Timeout", await peer.read_all())
            dripping.cancel()
            peer.close()
            await site.wait_open(0)

    async def drip(self, peer):
        for octet in GET % ("/" + "a" * 100):
            await peer.send(octet)
            await asyncio.sleep(0.05)

    @run_async
    async def test_defect_f_a_long_request_past_its_deadline_is_503_and_its_worker_ready(self):
        app = App()
        async with app.site(timeout_ms=200) as site:
            peer = site.connect()
            self.assertIn("HTTP/1.1 503 ", await peer.ask(GET % "/long"))
            await site.pool.wait_ready()
            self.assertEqual(app.ended, 1)
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()

    @run_async
    async def test_a_body_that_does_not_come_is_408_at_the_deadline(self):
        async with App().site(recv_wait_timeout_ms=300) as site:
            peer = site.connect()
            await peer.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
            self.assertTrue((await peer.read_all()).startswith("HTTP/1.1 408"))
            peer.close()

    @run_async
    async def test_a_client_that_says_nothing_is_closed_without_a_word(self):
        async with App().site(recv_wait_timeout_ms=200) as site:
            peer = site.connect()
            self.assertEqual(await peer.read_all(), "")
            peer.close()

    @run_async
    async def test_a_client_that_idles_after_a_response_is_closed_without_a_word(self):
        async with App().site(keep_alive_timeout_ms=200) as site:
            peer = site.connect()
            await peer.ask(GET % "/quick")
            self.assertEqual(await peer.read_all(), "")
            peer.close()


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
            self.assertEqual(await peer.read(), "")
            peer.close()
            await site.wait_open(0)

    @run_async
    async def test_exhausted_memory_while_no_client_is_there_ends_no_connection(self):
        async with App().site() as site:
            connections = [slot.owner for slot in site.server._table.slots]
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
            connection = site.server._table.slots[0].owner
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

            def lose(limit):
                sock.recv(limit)
                raise MemoryError

            wire._sock = FakeSocket()
            wire._sock.recv = lose
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
