import asyncio
import unittest

from microdot import Microdot

from host_tests.unit.fakes import run_async
from host_tests.unit.sites import GET, App, Site


class TestResponse(unittest.TestCase):
    @run_async
    async def test_a_body_in_one_piece_has_the_length_it_has_whatever_its_handler_says(self):
        app = Microdot()

        @app.get("/")
        async def wrong(request):
            body = "" if request.method == "HEAD" else "hello"
            return body, 200, {"Content-Length": request.args["length"]}

        async with Site(app) as site:
            peer = site.connect()
            for length in "3", "9", "abc":
                answer = await peer.ask(GET % ("/?length=" + length))
                self.assertIn("\r\nContent-Length: 5\r\n", answer)
                self.assertEqual(answer.lower().count("content-length"), 1)
                self.assertTrue(answer.endswith("\r\n\r\nhello"))
            answer = await peer.ask("HEAD /?length=7 HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn("\r\nContent-Length: 7\r\n", answer)
            peer.close()

    @run_async
    async def test_a_body_that_raises_cuts_the_connection_without_an_end(self):
        async with App().site() as site:
            peer = site.connect()
            answer = await peer.ask(GET % "/failing") + await peer.read_all()
            self.assertIn("3\r\none\r\n", answer)
            self.assertNotIn("0\r\n\r\n", answer)
            peer.close()

    @run_async
    async def test_nothing_is_added_to_a_response_that_breaks_off(self):
        app = Microdot()

        @app.get("/cancelled")
        async def cancelled(request):
            return BreakingOff(None)

        @app.get("/short")
        async def short(request):
            return BreakingOff(BreakingOff.Huge())

        async with Site(app) as site:
            for path in "/cancelled", "/short":
                peer = site.connect()
                await peer.send(GET % path)
                text = await peer.read_all()
                self.assertTrue(text.endswith("\r\n1\r\na\r\n") or not text)
                peer.close()

    @run_async
    async def test_a_client_that_does_not_read_is_cut_at_the_send_deadline(self):
        app = Microdot()

        @app.get("/flood")
        async def flood(request):
            return iter("x" * 4000 for _ in range(10000))

        async with Site(app, send_wait_timeout_ms=200) as site:
            peer = site.connect()
            await peer.send(GET % "/flood")
            await site.wait_open(1)
            await site.wait_open(0)
            peer.close()


class BreakingOff:
    """A streamed body: "a", then `piece`, or without one its own cancellation."""

    class Huge:
        """A piece that there is no memory for."""

        def __len__(self):
            raise MemoryError

    def __init__(self, piece):
        self._pieces = ["a", piece]

    def __aiter__(self):
        return self

    async def __anext__(self):
        piece = self._pieces.pop(0)
        if piece is None:
            raise asyncio.CancelledError
        return piece
