import asyncio
import unittest

from microdot import Microdot, Request, Response
from microdot.microdot import HTTPException

from host_tests.unit.fakes import run_async, until
from host_tests.unit.sites import GET, Site

UPLOAD = "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
WRONG_CHUNK = "1\r\nabc\r\n"


class Body:
    """Counts how often it is closed, and gives pieces; one that is an exception is raised."""

    def __init__(self, *pieces):
        self.closed = 0
        self._pieces = list(pieces)

    def next(self):
        piece = self._pieces.pop(0) if self._pieces else None
        if isinstance(piece, Exception):
            raise piece
        return piece

    def count(self):
        self.closed += 1


class Asynchronous(Body):
    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0)
        piece = self.next()
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def aclose(self):
        await asyncio.sleep(0)
        self.count()


class Plain(Body):
    """Is iterated, and has a `close`, as a generator has."""

    def __iter__(self):
        return self

    def __next__(self):
        piece = self.next()
        if piece is None:
            raise StopIteration
        return piece

    def close(self):
        self.count()


class File(Body):
    def read(self, length):
        return ((length and self.next()) or b"")[:length]

    def close(self):
        self.count()


class Seekable(File):
    def tell(self):
        return 0

    def seek(self, offset, whence=0):
        return 3


class Unseekable(File):
    """A file that fails when its length is asked for."""

    def tell(self):
        return 0

    def seek(self, offset, whence=0):
        raise RuntimeError("seek")


KINDS = (Asynchronous, Plain, File)


class Closed(unittest.TestCase):
    def setUp(self):
        self.app = Microdot()
        self.response = None

        @self.app.get("/get")
        async def get(request):
            return self.response

        @self.app.get("/taken")
        async def taken(request):
            await request.sock[1].awrite(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            return self.response

        @self.app.post("/upload")
        async def upload(request):
            try:
                await request.stream.read()
            except Exception:
                pass  # and goes on as if nothing had happened
            return self.response

    async def answer(self, site, text, body, *response):
        """What the server sends until the body was closed."""
        self.response = Response(body, *response) if response else body
        peer = site.connect()
        answer = await peer.ask(text)
        await until(lambda: body.closed)
        peer.close()
        await site.wait_open(0)
        self.assertEqual(body.closed, 1)
        return answer


class TestBodies(Closed):
    """What a handler returns is closed once, whatever becomes of it."""

    @run_async
    async def test_when_it_was_sent(self):
        async with Site(self.app) as site:
            for kind in KINDS:
                self.assertIn("200 OK", await self.answer(site, GET % "/get", kind(b"a", b"b")))
                await self.answer(site, GET % "/get", kind())

    @run_async
    async def test_when_nothing_of_it_is_sent(self):
        async with Site(self.app) as site:
            for kind in KINDS:
                await self.answer(site, (GET % "/get").replace("GET", "HEAD"), kind(b"a"))
                for status in (204, 304):
                    await self.answer(site, GET % "/get", kind(b"a"), status)

    @run_async
    async def test_when_it_fails(self):
        async with Site(self.app) as site:
            for kind in KINDS:
                answer = await self.answer(site, GET % "/get", kind(ValueError("first")))
                self.assertIn("500 ", answer)
                await self.answer(site, GET % "/get", kind(b"a", ValueError("second")))

    @run_async
    async def test_when_what_is_around_it_is_no_response(self):
        async with Site(self.app) as site:
            for kind in KINDS:
                for wrong in ((99,), (200, {"A": "b\r\nC: d"}), (200, {"Content-Length": "x"})):
                    answer = await self.answer(site, GET % "/get", kind(b"a"), *wrong)
                    self.assertIn("500 ", answer)

    @run_async
    async def test_when_the_body_of_its_request_breaks_the_rules(self):
        max_body_length, Request.max_body_length = Request.max_body_length, 0
        try:
            async with Site(self.app) as site:
                for kind in KINDS:
                    answer = await self.answer(site, UPLOAD + WRONG_CHUNK, kind(b"a"))
                    self.assertIn("400 ", answer)
        finally:
            Request.max_body_length = max_body_length

    @run_async
    async def test_when_the_application_has_answered_itself(self):
        async with Site(self.app) as site:
            for kind in KINDS:
                self.assertIn("101 ", await self.answer(site, GET % "/taken", kind(b"a")))

    @run_async
    async def test_when_a_part_is_asked_for(self):
        async with Site(self.app) as site:
            for bounds, status in (("0-1", "206 "), ("7-", "416 "), ("x", "200 ")):
                text = (GET % "/get")[:-2] + "Range: bytes=%s\r\n\r\n" % bounds
                self.assertIn(status, await self.answer(site, text, Seekable(b"abc")))
            self.assertIn("500 ", await self.answer(site, GET % "/get", Unseekable(b"a")))

    @run_async
    async def test_when_its_client_has_gone(self):
        async with Site(self.app) as site:
            for kind in KINDS:
                self.response = body = kind(*[b"x" * 1000] * 5000)
                peer = site.connect()
                await peer.ask(GET % "/get")
                peer.close()
                await until(lambda body=body: body.closed)
                await site.wait_open(0)
                self.assertEqual(body.closed, 1)

    @run_async
    async def test_when_it_is_that_of_a_refusal(self):
        async with Site(self.app) as site:
            for kind in KINDS:
                body = kind(b"no")

                @self.app.errorhandler(404)
                async def refuse(request, body=body):
                    return body

                self.assertIn("no", await self.answer(site, GET % "/nothing", body))

    @run_async
    async def test_a_close_that_fails_is_told_and_its_connection_ends(self):
        class Failing(Plain):
            def close(self):
                self.count()
                raise ValueError("close")

        async with Site(self.app) as site:
            answer = await self.answer(site, GET % "/get", Failing(b"a"))
            self.assertTrue(answer.endswith("1\r\na\r\n0\r\n\r\n"))
            await site.wait_line("ValueError")


class Around(Asynchronous):
    """Changes the pieces of another body, which it leaves open."""

    def __init__(self, body):
        super().__init__()
        self._body = body

    async def __anext__(self):
        return (await self._body.__anext__()).upper()


class TestReplaced(Closed):
    """A body in whose place a handler after the request has put something else is closed, too."""

    def setUp(self):
        super().setUp()
        self.after = None
        self.sub = Microdot()

        @self.app.after_request
        async def after(request, response):
            return self.after and self.after(response)

        @self.sub.get("/get")
        async def get(request):
            return self.response

        @self.sub.after_request
        async def after_local(request, response):
            return self.after and self.after(response)

        @self.app.get("/own")
        async def own(request):
            @request.after_request
            async def after_own(request, response):
                return Response("another")

            return self.response

        self.app.mount(self.sub, "/sub", local=True)

    @run_async
    async def test_when_a_handler_after_the_request_returns_another_response(self):
        self.after = lambda response: Response("another")
        async with Site(self.app) as site:
            for kind in KINDS:
                for path in ("/get", "/sub/get"):
                    answer = await self.answer(site, GET % path, kind(b"a"))
                    self.assertTrue(answer.endswith("\r\n\r\nanother"))

    @run_async
    async def test_when_one_of_that_request_alone_does(self):
        async with Site(self.app) as site:
            for kind in KINDS:
                answer = await self.answer(site, GET % "/own", kind(b"a"))
                self.assertTrue(answer.endswith("\r\n\r\nanother"))

    @run_async
    async def test_when_a_handler_after_the_request_fails(self):
        for error, status in ((ValueError("after"), 500), (HTTPException(418), 418)):

            def fail(response, error=error):
                raise error

            self.after = fail
            async with Site(self.app) as site:
                for kind in KINDS:
                    answer = await self.answer(site, GET % "/get", kind(b"a"))
                    self.assertIn("HTTP/1.1 %d " % status, answer)

    @run_async
    async def test_not_before_a_body_around_it_was_sent(self):
        arounds = []

        def wrap(response):
            arounds.append(Around(response.body))
            response.body = arounds[0]

        self.after = wrap
        async with Site(self.app) as site:
            answer = await self.answer(site, GET % "/get", Asynchronous(b"one ", b"two"))
            self.assertIn("ONE ", answer)
            self.assertEqual(arounds[0].closed, 1)

    @run_async
    async def test_when_the_client_goes_while_a_handler_after_the_request_waits(self):
        waiting = asyncio.Event()

        async def wait(request, response):
            waiting.set()
            await asyncio.sleep(60)

        self.app.after_request_handlers.append(wait)
        async with Site(self.app) as site:
            self.response = body = Asynchronous(b"a")
            peer = site.connect()
            await peer.send(GET % "/get")
            await waiting.wait()
            peer.close()
            await until(lambda: body.closed)


class TestFirstPiece(Closed):
    @run_async
    async def test_abort_in_the_first_piece_is_its_status(self):
        async with Site(self.app) as site:
            for kind in KINDS:
                answer = await self.answer(site, GET % "/get", kind(HTTPException(404)))
                self.assertIn("HTTP/1.1 404 Not Found\r\n", answer)
            self.assertFalse(any("failed" in line for line in site.log.lines))


class TestSharedResponse(unittest.TestCase):
    @run_async
    async def test_what_handlers_do_to_the_one_response_of_all_websockets_does_not_stay(self):
        app = Microdot()

        @app.get("/socket")
        async def socket(request):
            @request.after_request
            async def save(request, response):
                response.set_cookie("session", "x")

            await request.sock[1].awrite(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            return Response.already_handled

        async with Site(app) as site:
            peer = site.connect()
            await peer.send(GET % "/socket")
            await peer.read_all()
            peer.close()
        self.assertEqual(len(Response.already_handled.headers), 0)
