import asyncio
import unittest
from time import ticks_ms

from microdot import Microdot, Request, Response

from firmware.startup import mark
from firmware.workers import WorkerPool
from host_tests.unit.fakes import run_async, turns
from host_tests.unit.sites import GET, App, LongBodies, Site

UPLOAD = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


class TestExchange(unittest.TestCase):
    @run_async
    async def test_a_handler_that_raises_is_500_and_the_connection_goes_on(self):
        async with App().site() as site:
            peer = site.connect()
            self.assertIn("HTTP/1.1 500 ", await peer.ask(GET % "/broken"))
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()

    @run_async
    async def test_a_body_one_past_the_limit_is_413(self):
        async with App().site(max_body_len=300) as site:
            peer = site.connect()
            head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 301\r\n\r\n"
            self.assertIn("413", await peer.ask(head))
            peer.close()

    @run_async
    async def test_defect_d_a_body_that_drips_arrives_whole_on_the_worker(self):
        async with App().site(max_body_len=300) as site:
            peer = site.connect()
            for length in (1, 2, 299, 300):
                body = "".join(chr(97 + n % 26) for n in range(length))
                text = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length
                for octet in text + body:
                    await peer.send(octet)
                    await turns(2)
                answer = await peer.read()
                self.assertEqual(answer.split("\r\n\r\n", 1)[1], body)
            peer.close()

    @run_async
    async def test_a_worker_is_not_lost_when_an_after_request_handler_raises(self):
        async with App().site() as site:
            peer = site.connect()
            for _ in range(3):
                self.assertIn("HTTP/1.1 500 ", await peer.ask(GET % "/orphan"))
            await site.pool.wait_ready()
            peer.close()

    @run_async
    async def test_an_application_that_says_it_has_answered_is_not_answered_for(self):
        app = Microdot()

        @app.get("/handled")
        async def handled(request):
            return Response.already_handled

        async with Site(app) as site:
            peer = site.connect()
            self.assertEqual(await peer.ask(GET % "/handled"), "")
            peer.close()

    @run_async
    async def test_headers_that_a_handler_replaces_have_names_in_any_case(self):
        app = Microdot()

        @app.get("/replaced")
        async def replaced(request):
            response = Response(iter(["hello"]))
            response.headers = {"content-length": "5", "connection": "close"}
            return response

        async with Site(app) as site:
            peer = site.connect()
            answer = await peer.ask(GET % "/replaced")
            self.assertIn("content-length: 5\r\n", answer)
            self.assertIn("Connection: close\r\n", answer)
            self.assertTrue(answer.endswith("\r\n\r\nhello"))
            peer.close()


class TestStreamedBody(LongBodies):
    @run_async
    async def test_the_reaper_takes_nothing_from_a_handler_that_reads_by_itself(self):
        app = Microdot()

        @app.get("/wire")
        async def wire(request):
            return await request.sock[0].read(4)

        @app.post("/body")
        async def body(request):
            return await request.stream.read(4)

        async with Site(app) as site:
            for text in (
                GET % "/wire",
                "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 4999\r\n\r\n",
            ):
                peer = site.connect()
                await peer.send(text)
                await site.wait_line("uri: ", 1)
                await turns()
                peer.sock.send(b"mine")
                site.server._sweep(ticks_ms())
                self.assertTrue((await peer.read()).endswith("mine"))
                peer.close()
                await site.wait_open(0)
                site.log.lines.clear()

    @run_async
    async def test_a_connection_goes_on_after_a_handler_that_has_read_by_itself(self):
        app = Microdot()

        @app.get("/wire")
        async def wire(request):
            return await request.sock[0].read(4)

        async with Site(app) as site:
            peer = site.connect()
            for _ in range(2):
                answer = await peer.ask(GET % "/wire" + "mine")
                self.assertTrue(answer.endswith("mine"))
            peer.close()

    @run_async
    async def test_a_client_that_vanishes_after_its_upload_frees_the_worker(self):
        app = Microdot()
        pool = WorkerPool()

        @app.post("/upload")
        @pool.long
        async def upload(request):
            while await request.stream.read(500):
                pass
            await asyncio.sleep(60)

        async with Site(app, pool, max_body_len=100) as site:
            peer = site.connect()
            await peer.send(UPLOAD + "x" * 1000)
            await site.wait_line("invoking")
            peer.close()
            await site.pool.wait_ready()

    @run_async
    async def test_a_handler_that_gives_up_waiting_for_a_body_is_not_timed_out_later(self):
        app = Microdot()

        @app.post("/upload")
        async def upload(request):
            try:
                await asyncio.wait_for(request.stream.read(100), 0.1)
            except asyncio.TimeoutError:
                pass
            await asyncio.sleep(0.6)
            return "gave up"

        async with Site(app, max_body_len=10, recv_wait_timeout_ms=300) as site:
            peer = site.connect()
            self.assertIn("gave up", await peer.ask(UPLOAD))
            peer.close()

    @run_async
    async def test_a_cancellation_that_comes_late_does_not_hit_the_next_job(self):
        """MicroPython's wait_for, cancelled, cancels its caller once more when its inner ends."""
        app = Microdot()
        pool = WorkerPool()

        async def slow_to_end():
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.2)

        @app.get("/waits")
        @pool.long
        async def waits(request):
            await asyncio.wait_for(slow_to_end(), 60)

        @app.get("/next")
        @pool.long
        async def next_one(request):
            await asyncio.sleep(0.5)
            return "next"

        async with Site(app, pool, workers=1) as site:
            first = site.connect()
            await first.send(GET % "/waits")
            await site.wait_line("invoking")
            first.close()
            await site.pool.wait_ready()
            second = site.connect()
            self.assertIn("next", await second.ask(GET % "/next"))
            second.close()


class TestResponses(unittest.TestCase):
    """What a handler returns is checked before a byte leaves."""

    @run_async
    async def test_what_is_no_response_is_a_500_and_one_line_that_names_it(self):
        app = Microdot()

        @app.get("/number")
        async def number(request):
            return 5.5

        @app.get("/status")
        async def status(request):
            return "text", 1000

        @app.get("/pieces")
        async def pieces(request):
            return iter([5])

        @app.get("/field")
        async def field(request):
            return "text", 200, {"A": "b\r\nC: d"}

        async with Site(app) as site:
            peer = site.connect()
            for path, word in (
                ("/number", "float"),
                ("/status", "1000"),
                ("/pieces", "int"),
                ("/field", "line break"),
            ):
                answer = await peer.ask(GET % path)
                self.assertIn("HTTP/1.1 500 Internal Server Error", answer)
                self.assertEqual(answer.count("HTTP/1.1"), 1)
                self.assertIn("GET " + path, site.log.lines[-1])
                self.assertIn(word, site.log.lines[-1])
            peer.close()

    @run_async
    async def test_a_stream_that_fails_at_its_first_piece_is_a_500(self):
        app = Microdot()

        @app.get("/<int:number>")
        async def fail(request, number):
            return Failing((ValueError("piece"), OSError(2, "no such file"))[number])

        async with Site(app) as site:
            peer = site.connect()
            for number in 0, 1:
                answer = await peer.ask(GET % ("/%d" % number))
                self.assertIn("HTTP/1.1 500 Internal Server Error", answer)
                await site.wait_line("request failed", number + 1)
            peer.close()

    @run_async
    async def test_a_head_of_what_the_board_answers_itself_gets_no_body(self):
        for body in ("own", iter(["own"])):

            async def own(request, body=body):
                return Response(body)

            async with App().site(status=own) as site:
                peer = site.connect()
                answer = await peer.ask("HEAD /log HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertTrue(answer.endswith("\r\n\r\n"))
                self.assertTrue((await peer.ask(GET % "/quick")).endswith("quick"))
                peer.close()

    @run_async
    async def test_a_method_that_a_path_does_not_know_says_those_that_it_does(self):
        async with App().site() as site:
            peer = site.connect()
            answer = await peer.ask("POST /quick HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn("HTTP/1.1 405 Method Not Allowed\r\n", answer)
            allow = [line for line in answer.split("\r\n") if line.startswith("Allow: ")]
            self.assertIn("GET", allow[0])
            peer.close()


class TestBodyLimits(unittest.TestCase):
    """`Request.max_content_length` and `Request.max_body_length`, as Microdot documents them."""

    def setUp(self):
        self._limits = Request.max_content_length, Request.max_body_length
        self.app = Microdot()

        @self.app.post("/upload")
        async def upload(request):
            ahead = len(request.body)
            count = 0
            while True:
                block = await request.stream.read(500)
                count += len(block)
                if not block:
                    return "%d in advance, %d in all" % (ahead, count)

    def tearDown(self):
        Request.max_content_length, Request.max_body_length = self._limits

    async def upload(self, site, length):
        peer = site.connect()
        head = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length
        await peer.send(head)
        sending = asyncio.create_task(peer.send("x" * length))
        answer = await peer.read()
        sending.cancel()
        peer.close()
        return answer.split("\r\n\r\n", 1)[1]

    @run_async
    async def test_up_to_the_setting_a_body_is_received_in_advance(self):
        async with Site(self.app, max_body_len=1000) as site:
            self.assertEqual(await self.upload(site, 1000), "1000 in advance, 1000 in all")
            self.assertEqual(await self.upload(site, 1001), "413 Content Too Large\n")

    @run_async
    async def test_up_to_max_content_length_it_is_streamed(self):
        Request.max_content_length = 3000
        async with Site(self.app, max_body_len=1000) as site:
            self.assertEqual(await self.upload(site, 1000), "1000 in advance, 1000 in all")
            self.assertEqual(await self.upload(site, 3000), "0 in advance, 3000 in all")
            self.assertEqual(await self.upload(site, 3001), "413 Content Too Large\n")

    @run_async
    async def test_up_to_max_body_length_it_is_received_in_advance(self):
        Request.max_content_length = 3000
        Request.max_body_length = 2000
        async with Site(self.app, max_body_len=1000) as site:
            self.assertEqual(await self.upload(site, 2000), "2000 in advance, 2000 in all")
            self.assertEqual(await self.upload(site, 3000), "0 in advance, 3000 in all")
            self.assertEqual(await self.upload(site, 3001), "413 Content Too Large\n")

    @run_async
    async def test_a_smaller_max_content_length_is_the_limit(self):
        Request.max_content_length = 200
        async with Site(self.app, max_body_len=1000) as site:
            self.assertEqual(await self.upload(site, 200), "200 in advance, 200 in all")
            self.assertEqual(await self.upload(site, 201), "413 Content Too Large\n")

    @run_async
    async def test_a_limit_that_is_microdots_own_counts_when_it_was_set(self):
        unchosen_len = getattr(Request, "unchosen_len", 16384)
        try:
            Request.max_content_length = Request.max_body_length = 16384
            mark(Request)
            async with Site(self.app, max_body_len=1000) as site:
                self.assertEqual(await self.upload(site, 1001), "413 Content Too Large\n")
                Request.max_body_length = 16384
                self.assertEqual(await self.upload(site, 2000), "2000 in advance, 2000 in all")
                Request.max_body_length = 16383
                Request.max_content_length = 16384
                self.assertEqual(await self.upload(site, 2000), "0 in advance, 2000 in all")
        finally:
            Request.unchosen_len = unchosen_len

    @run_async
    async def test_a_smaller_max_body_length_leaves_more_to_the_stream(self):
        Request.max_body_length = 100
        async with Site(self.app, max_body_len=1000) as site:
            self.assertEqual(await self.upload(site, 100), "100 in advance, 100 in all")
            self.assertEqual(await self.upload(site, 1000), "0 in advance, 1000 in all")


class Failing:
    """A stream that fails at once."""

    def __init__(self, error):
        self._error = error

    def __aiter__(self):
        return self

    async def __anext__(self):
        raise self._error
