"""A stream that fails before anything of it has left is answered by its status, not by a part."""

import array
import asyncio
import sys
import unittest

from microdot import Microdot, abort
from microdot.sse import with_sse

from firmware.workers import WorkerPool
from host_tests.unit.fakes import run_async, until
from host_tests.unit.sites import GET, Site

IS_MICROPYTHON = sys.implementation.name == "micropython"
END = "\r\n0\r\n\r\n"


class Rows:
    """An asynchronous iterator of what `make` gives."""

    def __init__(self, make):
        self._pieces = make()

    def __aiter__(self):
        return self

    async def __anext__(self):
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration


def samples():
    yield memoryview(array.array("H", range(2000)))


def aborts():
    abort(404)
    yield "never"


def fails():
    raise ValueError("piece")
    yield "never"


def ends():
    raise EOFError
    yield "never"


def wrong():
    yield 5


def nothing():
    yield None


def late():
    """Fails while its first packet is still being gathered."""
    yield "row"
    yield "row"
    abort(404)


BUSY = "HTTP/1.1 503 Busy\r\n"
FAILURES = (
    (aborts, "404 Not Found"),
    (fails, "500 Internal Server Error"),
    (ends, "500 Internal Server Error"),
    (wrong, "500 Internal Server Error"),
    (nothing, "500 Internal Server Error"),
)


class Streaming(unittest.TestCase):
    def setUp(self):
        self.app = app = Microdot()
        self.pool = pool = WorkerPool()
        self.make = lambda: iter(())
        self.paths = "/beside", "/worker", "/thread"

        @app.get("/quick")
        async def quick(request):
            return "quick"

        @app.get("/beside")
        async def beside(request):
            return self.make()

        @app.get("/worker")
        @pool.long
        async def worker(request):
            return self.make()

        @app.get("/thread")
        @pool.long
        def thread(request):
            return self.make()

    def site(self, **options):
        site = Site(self.app, self.pool, **options)
        self.pool.plain = "thread"
        return site

    async def ask_all(self, site, path):
        """All of an answer."""
        peer = site.connect()
        await peer.send((GET % path).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
        text = await peer.read_all()
        peer.close()
        return text


class TestFirstPiece(Streaming):
    @run_async
    async def test_wherever_it_is_made_a_first_piece_that_fails_is_told_by_its_status(self):
        async with self.site() as site:
            peer = site.connect()
            for path in self.paths:
                for failure, status in FAILURES:
                    self.make = failure
                    answer = BUSY
                    while answer.startswith(BUSY):  # the thread closes the body before
                        answer = await peer.ask(GET % path)
                    self.assertIn("HTTP/1.1 %s\r\n" % status, answer)
                    self.assertEqual(answer.count("HTTP/1.1"), 1)
                    await until(lambda: site.pool.count_ready() == 2)
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()

    @run_async
    async def test_also_of_an_asynchronous_iterator(self):
        async with self.site() as site:
            peer = site.connect()
            for path in "/beside", "/worker":
                for failure, status in FAILURES:
                    self.make = lambda failure=failure: Rows(failure)
                    answer = await peer.ask(GET % path)
                    self.assertIn("HTTP/1.1 %s\r\n" % status, answer)
                    await until(lambda: site.pool.count_ready() == 2)
            peer.close()

    @run_async
    async def test_a_wrong_piece_on_a_worker_is_one_line_that_names_it(self):
        self.make = wrong
        async with self.site() as site:
            await self.ask_all(site, "/worker")
            self.assertEqual(
                site.log.lines[-1], "GET /worker: a piece of its body is int; str or bytes"
            )

    @run_async
    async def test_a_stream_that_misses_its_deadline_at_its_first_piece_is_503(self):
        class Slow(Rows):
            async def __anext__(self):
                await asyncio.sleep(60)

        self.make = lambda: Slow(wrong)
        async with self.site(timeout_ms=200) as site:
            answer = await self.ask_all(site, "/worker")
            self.assertIn("HTTP/1.1 503 Busy\r\n", answer)
            self.assertIn("\r\nRetry-After: 1\r\n", answer)
            self.assertFalse(any("failed" in line for line in site.log.lines))

    @run_async
    async def test_a_failure_in_the_first_packet_is_told_too_and_what_was_gathered_is_dropped(self):
        self.make = late
        async with self.site() as site:
            peer = site.connect()
            for _ in range(3):
                answer = await peer.ask(GET % "/beside")
                self.assertIn("HTTP/1.1 404 Not Found\r\n", answer)
                self.assertNotIn("row", answer)
                self.assertTrue((await peer.ask(GET % "/quick")).endswith("\r\n\r\nquick"))
            peer.close()

    @run_async
    async def test_an_event_stream_that_fails_at_once_is_told_by_its_status(self):
        @self.app.get("/events")
        @with_sse
        async def events(request, sse):
            abort(401)

        async with self.site() as site:
            peer = site.connect()
            self.assertIn("HTTP/1.1 401 Unauthorized\r\n", await peer.ask(GET % "/events"))
            self.assertTrue((await peer.ask(GET % "/quick")).endswith("\r\n\r\nquick"))
            peer.close()

    @run_async
    async def test_an_event_stream_may_be_silent_first(self):
        gate = asyncio.Event()

        @self.app.get("/events")
        @with_sse
        async def events(request, sse):
            await gate.wait()
            await sse.send("one")

        async with self.site() as site:
            peer = site.connect()
            self.assertIn("text/event-stream", await peer.ask(GET % "/events"))
            gate.set()
            self.assertIn("data: one\n\n", await peer.read())
            peer.close()

    @run_async
    async def test_a_client_that_sends_much_behind_its_request_and_goes_gives_its_slot_back(self):
        @self.app.get("/events")
        @with_sse
        async def events(request, sse):
            await asyncio.Event().wait()

        async with self.site() as site:
            for path in "/events", "/quick":
                peer = site.connect()
                await peer.send(GET % "/events" + (GET % path) * 100)
                self.assertIn("text/event-stream", await peer.read())
                peer.close()
                await site.wait_open(0)


class TestAsyncGenerator(Streaming):
    """CPython has them.  To MicroPython they are generators, which give None when they wait."""

    def setUp(self):
        super().setUp()
        self.size = 3

        async def rows():
            yield "row\n"
            yield "row\n" * self.size
            for _ in range(20):
                await asyncio.sleep(0.001)
                yield "row\n"

        self.make = rows

    async def check_whole(self, site, path, count):
        answer = await self.ask_all(site, path)
        self.assertIn("HTTP/1.1 200 OK\r\n", answer)
        self.assertEqual(answer.count("row"), count)
        self.assertTrue(answer.endswith(END))

    async def check_refused(self, site, path):
        answer = await self.ask_all(site, path)
        self.assertIn("HTTP/1.1 500 Internal Server Error\r\n", answer)
        self.assertNotIn("row", answer)
        self.assertIn("GET " + path, site.log.lines[-1])

    @run_async
    async def test_it_is_a_500_and_one_line_on_micropython(self):
        async with self.site() as site:
            if IS_MICROPYTHON:
                await self.check_refused(site, "/beside")
                self.assertIn("async generator", site.log.lines[-1])
            else:
                await self.check_whole(site, "/beside", 24)

    @run_async
    async def test_it_is_one_when_it_waits_first(self):
        async def waits():
            await asyncio.sleep(0.01)
            yield "row\n"

        self.make = waits
        async with self.site() as site:
            for path in "/beside", "/worker":
                if IS_MICROPYTHON:
                    await self.check_refused(site, path)
                else:
                    await self.check_whole(site, path, 1)

    @run_async
    async def test_it_is_whole_when_it_waits_after_a_part_of_it_has_left(self):
        self.size = 1000
        async with self.site() as site:
            await self.check_whole(site, "/beside", 1021)
            await self.check_whole(site, "/worker", 1021)

    @run_async
    async def test_its_connection_goes_on_also_when_what_it_waited_for_has_come(self):
        async with self.site() as site:
            peer = site.connect()
            for _ in range(5):
                await peer.send(GET % "/beside")
                text = await peer.read()
                while not text.endswith((END, "Error\n")):
                    text += await peer.read()
                await asyncio.sleep(0.05)
                self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()


class TestArray(unittest.TestCase):
    @run_async
    async def test_the_samples_of_an_array_are_as_many_bytes_as_they_are(self):
        app = Microdot()

        @app.get("/samples")
        async def send_samples(request):
            return samples()

        async with Site(app) as site:
            peer = site.connect()
            await peer.send("GET /samples HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            data = b""
            while not data.endswith(b"\r\n0\r\n\r\n"):
                await peer.stream.read(0)
                data += peer.sock.recv(4096)
            _, _, chunk = data.partition(b"\r\n\r\n")
            self.assertTrue(chunk.startswith(b"fa0\r\n"))
            self.assertEqual(len(chunk), 5 + 4000 + 7)
            peer.close()


class TestEvents(unittest.TestCase):
    @run_async
    async def test_of_a_stream_that_failed_at_once_no_comments_are_left_on_the_connection(self):
        app = Microdot()

        @app.get("/events")
        @with_sse
        async def events(request, sse):
            raise ValueError("first")

        @app.after_request
        async def rename(request, response):
            response.headers["Content-Type"] = "text/plain"
            return response

        async with Site(app) as site:
            peer = site.connect()
            self.assertIn("HTTP/1.1 500", await peer.ask(GET % "/events"))
            self.assertIsNone((await site.wait_wire()).heart)
            peer.close()
