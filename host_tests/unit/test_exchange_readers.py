"""Who reads the body of a request beside its handler, or behind it."""

import asyncio
import unittest

from microdot import Microdot, Request

from firmware.slots import STOPPED
from firmware.workers import WorkerPool
from host_tests.unit.fakes import run_async, turns, until
from host_tests.unit.sites import GET, Site

POST = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1500\r\n\r\n"
WARNING = "%s: a task that still reads it is cancelled"


class Reading:
    """An application with a task that reads what is uploaded; `end` is what has become of it."""

    def __init__(self):
        self.gate = asyncio.Event()
        self.pool = WorkerPool()
        self.app = app = Microdot()
        self.end = None
        app.post("/behind")(self.behind)
        app.post("/later")(self.later)
        app.post("/beside")(self.beside)
        app.post("/impatient")(self.impatient)
        app.post("/long")(self.pool.long(self.read))
        app.get("/quick")(self.quick)

    async def quick(self, request):
        return "quick"

    async def behind(self, request):
        asyncio.create_task(self.read(request))
        await turns()
        return "answered"

    async def later(self, request):
        asyncio.create_task(self.read(request, self.gate))
        return "answered"

    async def beside(self, request):
        asyncio.create_task(self.read(request))
        await self.gate.wait()

    async def impatient(self, request):
        await asyncio.wait_for(self.read(request), 5)

    async def read(self, request, gate=None):
        try:
            if gate:
                await gate.wait()
            while await request.stream.read(100):
                pass
            self.end = "read"
        except asyncio.CancelledError:
            self.end = "cancelled"
            raise
        except (OSError, EOFError) as error:
            self.end = type(error)


class TestReaders(unittest.TestCase):
    def setUp(self):
        self.limits = Request.max_content_length, Request.max_body_length
        Request.max_content_length, Request.max_body_length = 10000, 0

    def tearDown(self):
        Request.max_content_length, Request.max_body_length = self.limits

    @run_async
    async def test_a_task_that_reads_on_when_the_response_has_left_is_cancelled_and_named(self):
        reading = Reading()
        async with Site(reading.app, reading.pool) as site:
            peer = site.connect()
            self.assertIn("answered", await peer.ask(POST % "/behind" + "x" * 700))
            await until(lambda: reading.end)
            await peer.send("x" * 800)
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            self.assertEqual(reading.end, "cancelled")
            self.assertEqual(site.log.lines.count(WARNING % "/behind"), 1)
            peer.close()

    @run_async
    async def test_so_it_is_when_nothing_can_follow_on_the_connection(self):
        reading = Reading()
        async with Site(reading.app, reading.pool) as site:
            peer = site.connect()
            head = (POST % "/behind").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
            self.assertIn("answered", await peer.ask(head + "x" * 700))
            await until(lambda: reading.end)
            self.assertEqual(reading.end, "cancelled")
            self.assertEqual(site.log.lines.count(WARNING % "/behind"), 1)
            peer.close()

    @run_async
    async def test_what_a_body_has_of_the_budget_comes_back_whatever_fails_behind_it(self):
        Request.max_body_length = 10000
        reading = Reading()
        async with Site(reading.app, reading.pool) as site:

            def fail(request):
                raise MemoryError

            site.pool.release = fail
            peer = site.connect()
            await peer.send(POST % "/behind" + "x" * 1500)
            await peer.read_all()
            await site.wait_open(0)
            self.assertEqual(site.memory.taken, 0)
            peer.close()

    @run_async
    async def test_one_that_begins_then_is_told_that_the_request_is_over(self):
        reading = Reading()
        async with Site(reading.app, reading.pool) as site:
            peer = site.connect()
            self.assertIn("answered", await peer.ask(POST % "/later" + "x" * 700))
            reading.gate.set()
            await until(lambda: reading.end)
            await peer.send("x" * 800)
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            self.assertEqual(reading.end, OSError)
            self.assertFalse(WARNING % "/later" in site.log.lines)
            peer.close()

    @run_async
    async def test_who_reads_when_the_connection_is_cut_is_cancelled_without_a_word(self):
        for path in ("/beside", "/long", "/impatient"):
            reading = Reading()
            async with Site(reading.app, reading.pool) as site:
                peer = site.connect()
                await peer.send(POST % path + "x" * 700)
                wire = await site.wait_wire()
                await site.wait_line("uri:")
                await turns()
                wire.slot.owner.cut(STOPPED)
                await site.wait_open(0)
                await until(lambda reading=reading: reading.end)
                self.assertEqual(reading.end, "cancelled")
                self.assertFalse(WARNING % path in site.log.lines)
                peer.close()
