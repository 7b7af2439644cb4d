"""What is not needed any more of a request is not held while its connection lasts.

Where `gc.mem_alloc()` tells bytes, that is: MicroPython keeps what a generator has pushed for a
call until it pushes something else there.
"""

import asyncio
import gc
import unittest

from microdot import Microdot

from firmware.slots import LINGERING
from firmware.workers import WorkerPool
from host_tests.unit.fakes import run_async, turns, until
from host_tests.unit.sites import Site

COUNT = 3
LONG_LEN = 2000  # of a head, which comes in two blocks
LINE = "one\n"
LIMITS = {"max_open_sockets": COUNT + 1, "max_req_hdr_len": 4096}


class Lines:
    """A body of one line, and then of none until `gate` is set."""

    def __init__(self, gate):
        self._gate = gate
        self._is_first = True

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self._is_first:
            await self._gate.wait()
            raise StopAsyncIteration
        self._is_first = False
        return LINE


class TestHeld(unittest.TestCase):
    def setUp(self):
        self.app = Microdot()
        self.pool = WorkerPool()
        self.gate = asyncio.Event()
        self.asked = []

        async def lines(request):
            self.asked.append(request.headers["X-Long"][:1])
            return Lines(self.gate)

        self.app.get("/lines")(lines)
        self.app.get("/long")(self.pool.long(lines))

    async def measure(self, site, text, length, wait):
        """Bytes that connections take which have sent a text, with a field of `length` bytes."""
        peers = []
        for _ in range(COUNT):
            peer = site.connect()
            peers.append(peer)
            await peer.send(text.replace("~", "x" * length))
            await wait(site, peer)
        await turns()
        gc.collect()
        used = gc.mem_alloc()
        for peer in peers:
            peer.close()
        await site.wait_open(0)
        gc.collect()
        return used - gc.mem_alloc()

    async def check(self, text, wait):
        async with Site(self.app, self.pool, workers=COUNT, **LIMITS) as site:
            await self.measure(site, text, 20, wait)  # which loads modules
            short = await self.measure(site, text, 20, wait)
            long = await self.measure(site, text, LONG_LEN, wait)
            self.gate.set()
        self.assertTrue(long - short < LONG_LEN)

    async def wait_line(self, site, peer):
        text = ""
        while LINE not in text:
            text += await peer.read()

    async def wait_lingering(self, site, peer):
        self.assertIn("HTTP/1.1 4", await peer.read())
        await until(lambda: all(slot.state in (0, LINGERING) for slot in site.server.table.slots))

    @run_async
    async def test_a_stream_keeps_nothing_of_its_request(self):
        for path in ("/lines", "/long"):
            head = "GET %s HTTP/1.1\r\nHost: x\r\nX-Long: ~\r\n\r\n" % path
            await self.check(head, self.wait_line)
        self.assertEqual(len(self.asked), 6 * COUNT)

    @run_async
    async def test_who_lingers_keeps_nothing_of_its_request(self):
        head = "DELETE /lines HTTP/1.1\r\nHost: x\r\nX-Long: ~\r\nContent-Length: 3000\r\n\r\n"
        await self.check(head + "some of it", self.wait_lingering)
