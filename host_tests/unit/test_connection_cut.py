"""A connection that is cut, or whose beginning or end fails: its client is told or closed, and its
slot comes back.
"""

import asyncio
import unittest

from microdot import Microdot

from firmware.slots import FREE, NOT_CUT, STOPPED
from firmware.tasks import join
from host_tests.unit.fakes import FakeSocket, Lines, run_async, turns
from host_tests.unit.sites import GET, App, LongBodies, Site


class TestCutAgain(LongBodies):
    @run_async
    async def test_a_handler_that_swallows_its_cut_while_it_reads_is_cut_again(self):
        app = Microdot()
        cuts = []

        @app.post("/stubborn")
        async def stubborn(request):
            try:
                while True:
                    await request.stream.read(9)
            except asyncio.CancelledError:
                cuts.append(1)
            try:
                await asyncio.Event().wait()
            finally:
                cuts.append(2)
            return "late"

        async with Site(app, max_body_len=4, recv_wait_timeout_ms=100) as site:
            peer = site.connect()
            await peer.send("POST /stubborn HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
            await site.wait_line("uri:")
            await site.wait_open(0)
            self.assertEqual(cuts, [1, 2])
            peer.close()


class TestCutEarly(unittest.TestCase):
    @run_async
    async def test_a_connection_that_is_cut_before_its_task_has_begun_gives_its_slot_back(self):
        async with App().site() as site:
            slot = site.server.table.slots[0]
            owner = slot.owner
            await join(owner.end())  # as one that was cut at work
            sock = FakeSocket()
            owner.take(sock, ("10.0.0.2", 1234))
            owner.cut(STOPPED)
            await turns()
            owner.cut(STOPPED)  # as the reaper does it, after a second
            self.assertTrue(sock.is_closed)
            self.assertEqual((slot.state, slot.reason), (FREE, NOT_CUT))
            peer = site.connect()
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()


class TestNextClient(unittest.TestCase):
    @run_async
    async def test_it_is_not_cancelled_by_what_a_handler_that_was_cut_has_left_behind(self):
        # As MicroPython's `wait_for` does if what it waits for cleans up for a while.
        app = Microdot()
        gate = asyncio.Event()

        async def cancel_late(caller):
            await gate.wait()
            caller.cancel()

        @app.get("/late/<int:swallows>")
        async def late(request, swallows):
            asyncio.create_task(cancel_late(asyncio.current_task()))
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not swallows:
                    raise

        @app.get("/held")
        async def held(request):
            await gate.wait()
            await turns()
            return "held"

        async with Site(app, max_open_sockets=1) as site:
            for swallows in range(2):
                gate.clear()
                peer = site.connect()
                await peer.send(GET % "/late/%d" % swallows)
                await site.wait_line("uri: /late/%d" % swallows)
                peer.close()
                await site.wait_open(0)
                peer = site.connect()
                await peer.send(GET % "/held")
                await site.wait_line("uri: /held", swallows + 1)
                gate.set()
                self.assertIn("held", await peer.read())
                peer.close()
                await site.wait_open(0)

    @run_async
    async def test_its_slot_serves_even_when_the_task_has_ended_with_the_client_before(self):
        async with App().site(max_open_sockets=1) as site:
            peer = site.connect()
            await peer.send(GET % "/held")
            await site.wait_line("uri:")
            task = site.server.table.slots[0].owner.task
            peer.close()
            await site.wait_open(0)
            await turns()
            self.assertTrue(task.done())
            for _ in range(2):
                peer = site.connect()
                self.assertIn("quick", await peer.ask(GET % "/quick"))
                peer.close()

    @run_async
    async def test_while_memory_is_short_the_task_stays_since_a_new_one_would_where_the_heap_grew(
        self,
    ):
        async with App().site() as site:
            peer = site.connect()
            await peer.send(GET % "/held")
            await site.wait_line("uri:")
            task = site.server.table.slots[0].owner.task
            site.memory.is_exhausted = True
            peer.close()
            await site.wait_open(0)
            await turns()
            self.assertFalse(task.done())
            site.memory.is_exhausted = False
            peer = site.connect()
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()


class TestFailures(unittest.TestCase):
    @run_async
    async def test_a_newcomer_for_whom_memory_ends_is_closed(self):
        async with App().site() as site:
            owner = site.server.table.slots[0].owner
            take = owner.take

            def fail(*args):
                owner.take = take
                raise MemoryError

            owner.take = fail
            peer = site.connect()
            self.assertEqual(await peer.read_all(), "")
            peer.close()
            await site.wait_line("admission failed")
            peer = site.connect()
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()

    @run_async
    async def test_a_start_that_memory_ends_keeps_no_client_waiting(self):
        site = App().site()
        info = site.log.info

        def fail(text, *args):
            if text == "Registering URI handlers":
                raise MemoryError
            info(text, *args)

        site.log.info = fail
        with self.assertRaises(MemoryError):
            await site.server.start("127.0.0.1")
        self.assertIsNone(site.server._listener._sock)
        site.log.info = info
        async with site:
            peer = site.connect()
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()

    @run_async
    async def test_a_response_that_memory_ends_at_its_beginning_gives_back_what_its_request_took(
        self,
    ):
        async with App().site() as site:
            exchange = site.server._exchange
            finish = exchange._finish

            def fail(wire, sending, body):
                sending.close()
                exchange._finish = finish
                raise MemoryError

            exchange._finish = fail
            for expected in ("503", "200"):
                peer = site.connect()
                body = 2000 * "x"
                await peer.send(
                    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n" + body
                )
                self.assertIn("HTTP/1.1 %s " % expected, await peer.read())
                peer.close()
                await site.wait_open(0)
                self.assertEqual(site.memory.taken, 0)

    @run_async
    async def test_a_response_that_memory_ends_at_its_beginning_is_closed(self):
        app = App()
        body = Lines(3)

        @app.app.get("/lines")
        async def lines(request):
            return body

        async with app.site() as site:

            def fail(*args):
                raise MemoryError

            site.server._exchange._send = fail
            peer = site.connect()
            self.assertIn("HTTP/1.1 503 ", await peer.ask(GET % "/lines"))
            self.assertTrue(body.is_closed)
            peer.close()

    @run_async
    async def test_an_error_that_cannot_be_told_ends_no_slot(self):
        async with App().site() as site:
            owner = site.server.table.slots[0].owner
            serve, exception = owner._serve, site.log.exception

            async def fail(*args):
                raise ValueError("no text")

            def fail_to_tell(*args):
                raise ValueError("no text")

            owner._serve, site.log.exception = fail, fail_to_tell
            peer = site.connect()
            self.assertEqual(await peer.read_all(), "")
            peer.close()
            owner._serve, site.log.exception = serve, exception
            peer = site.connect()
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()
