import unittest

from microdot import Microdot
from microdot.microdot import Response

import firmware
import firmware.response as response_module
from firmware.encode import ResponseError
from firmware.response import check
from firmware.slots import BUSY, SENDING
from host_tests.unit.fakes import run_async
from host_tests.unit.sending import Pieces, Sent
from host_tests.unit.sites import GET, Site

PACKET_LEN = 1400


class FakeTime:
    """A clock that shows what the test says."""

    def __init__(self, second, date):
        self._second = second
        self._date = date

    def time(self):
        return self._second

    def gmtime(self, second):
        return self._date


class TestWhole(Sent):
    @run_async
    async def test_a_head_and_a_short_body_are_one_write(self):
        self.assertTrue(await self.send(Response("hello")))
        self.assertEqual(len(self.sock.sizes), 1)
        self.assertEqual(self.fields()[0], b"HTTP/1.1 200 OK")
        self.assertIn(b"Content-Length: 5", self.fields())
        self.assertIn(b"Content-Type: text/plain; charset=UTF-8", self.fields())
        self.assertIn(b"Keep-Alive: timeout=4", self.fields())
        self.assertEqual(self.body(), b"hello")
        self.assertEqual(self.wire_.slot.state, SENDING)

    @run_async
    async def test_a_large_body_goes_out_from_where_it_lies(self):
        body = b"x" * 40000
        await self.send(Response(body))
        self.assertEqual(self.body(), body)
        self.assertEqual(len(self.sock.sizes), 2)
        self.assertLess(self.sock.sizes[0], 2 * PACKET_LEN)

    @run_async
    async def test_fields_for_which_there_was_no_memory_are_made_anew(self):
        encode_type = response_module.encode_type

        def fail(kind):
            response_module.encode_type = encode_type
            raise MemoryError

        for keep_alive in (True, False):
            response_module.encode_type = fail
            try:
                with self.assertRaises(MemoryError):
                    await self.send(Response("a"), keep_alive=keep_alive)
            finally:
                response_module.encode_type = encode_type
            self.sock.sent = b""
            await self.send(Response("a"), keep_alive=keep_alive)
            self.assertEqual(b"Connection: close" in self.fields(), not keep_alive)
            self.assertIn(b"Content-Type: text/plain; charset=UTF-8", self.fields())
            self.assertEqual(self.body(), b"a")

    @run_async
    async def test_a_large_body_is_refused_while_memory_is_short(self):
        self.memory.is_exhausted = True
        with self.assertRaises(MemoryError):
            await self.send(Response(b"x" * (PACKET_LEN + 1)))
        self.assertEqual((self.sock.sent, self.wire_.slot.state), (b"", BUSY))
        await self.send(Response(b"x" * PACKET_LEN))
        self.assertEqual(len(self.body()), PACKET_LEN)

    @run_async
    async def test_a_buffer_is_a_body(self):
        for body in (bytearray(b"image"), memoryview(b"image")):
            self.sock.sent = b""
            await self.send(Response(body))
            self.assertEqual(self.body(), b"image")

    @run_async
    async def test_text_that_was_put_in_the_place_of_a_body_is_one(self):
        response = Response("page")
        response.body = "caf\u00e9"
        self.assertTrue(await self.send(response))
        self.assertIn(b"Content-Length: 5", self.fields())
        self.assertEqual(self.body(), b"caf\xc3\xa9")

    @run_async
    async def test_a_status_without_a_body_has_neither_a_body_nor_a_length(self):
        for status in (204, 304):
            self.sock.sent = b""
            await self.send(Response("hidden", status, {"Content-Length": "6"}))
            self.assertEqual(self.body(), b"")
            self.assertNotIn(b"Content-Length", self.sock.sent)

    @run_async
    async def test_205_has_no_body_and_says_so(self):
        for method in ("GET", "HEAD"):
            for body in ("hidden", Pieces("hidden")):
                self.sock.sent = b""
                response = Response(body, 205, {"Content-Length": "6"})
                self.assertTrue(await self.send(response, method))
                self.assertIn(b"Content-Length: 0", self.fields())
                self.assertEqual(self.body(), b"")

    @run_async
    async def test_none_is_an_empty_body(self):
        response = Response(None, 201)
        self.assertTrue(await self.send(response))
        self.assertIn(b"Content-Length: 0", self.fields())
        self.assertEqual((self.body(), response.body), (b"", b""))

    @run_async
    async def test_a_head_request_gets_the_length_and_nothing_behind_it(self):
        await self.send(Response("hello"), "HEAD")
        self.assertIn(b"Content-Length: 5", self.fields())
        self.assertEqual(self.body(), b"")

    @run_async
    async def test_a_handler_that_says_close_closes(self):
        for body in ("hello", Pieces("hello")):
            self.sock.sent = b""
            self.assertFalse(await self.send(Response(body, 200, {"Connection": "Close"})))
            self.assertIn(b"Connection: close", self.fields())
            self.assertNotIn(b"Keep-Alive", self.sock.sent)

    @run_async
    async def test_a_client_of_1_0_is_told_that_its_connection_is_kept(self):
        self.assertTrue(await self.send(Response("hello"), version="1.0"))
        self.assertIn(b"Connection: keep-alive", self.fields())

    @run_async
    async def test_a_response_has_none_of_the_fields_of_the_one_before(self):
        for _ in range(2):
            for keep_alive, version, kind in (
                (True, "1.1", "text/plain"),
                (True, "1.0", "text/plain"),
                (False, "1.0", "text/plain"),
                (False, "1.0", "text/css"),
                (True, "1.0", "text/css"),
            ):
                self.sock.sent = b""
                response = Response("hello")
                response.default_content_type = kind
                await self.send(response, version=version, keep_alive=keep_alive)
                fields = self.fields()
                self.assertIn(b"Content-Type: %s; charset=UTF-8" % kind.encode(), fields)
                is_said = keep_alive and version == "1.0"
                self.assertEqual(b"Connection: keep-alive" in fields, is_said)
                self.assertEqual(b"Connection: close" in fields, not keep_alive)

    @run_async
    async def test_a_connection_that_does_not_go_on_says_so(self):
        self.assertFalse(await self.send(Response("hello"), keep_alive=False))
        self.assertIn(b"Connection: close", self.fields())


class TestDate(Sent):
    def setUp(self):
        super().setUp()
        self._time = response_module.time
        firmware.is_clock_set = True

    def tearDown(self):
        response_module.time = self._time
        firmware.is_clock_set = False

    @run_async
    async def test_a_response_has_the_date_of_its_second(self):
        for second in (7, 8):
            self.sock.sent = b""
            response_module.time = FakeTime(second, (2026, 2, 3, 4, 5, second, 1, 34))
            await self.send(Response("hello"))
            self.assertIn(b"Date: Tue, 03 Feb 2026 04:05:0%d GMT" % second, self.fields())

    @run_async
    async def test_a_clock_that_nobody_has_set_is_not_believed_whatever_it_shows(self):
        for is_set in (True, False):  # while the fields of the response before are kept
            firmware.is_clock_set = is_set
            self.sock.sent = b""
            response_module.time = FakeTime(7, (2033, 2, 3, 4, 5, 6, 3, 34))
            await self.send(Response("hello"))
            self.assertEqual(b"\r\nDate: " in self.sock.sent, is_set)

    @run_async
    async def test_a_date_of_the_handlers_own_stands(self):
        await self.send(Response("hello", 200, {"date": "of old", "content-type": "a/b"}))
        self.assertEqual(self.sock.sent.lower().count(b"\r\ndate:"), 1)
        self.assertEqual(self.sock.sent.lower().count(b"\r\ncontent-type:"), 1)


class TestCheck(Sent):
    async def refuse(self, response):
        """The text that refuses a response, before anything of it has left."""
        try:
            await self.send(response)
        except ResponseError as error:
            self.assertEqual((self.sock.sent, self.wire_.slot.state), (b"", BUSY))
            return str(error)
        raise AssertionError("sent")

    @run_async
    async def test_a_status_is_a_number_from_200_to_999(self):
        for status in (199, 100, 0, -1, 1000, "200", None, 200.0, 200.5):
            self.assertIn("status", await self.refuse(Response("x", status)))
        for status in (200, 299, 999):
            check(Response("x", status))

    @run_async
    async def test_a_body_is_text_bytes_or_something_to_iterate_over(self):
        for body in (5, 1.5, object(), {1}, ("a", "b")):
            text = await self.refuse(Response(body))
            self.assertIn(type(body).__name__, text)

    @run_async
    async def test_a_field_has_no_line_break(self):
        for body in ("x", Pieces("x")):
            await self.refuse(Response(body, 200, {"A": "b\r\nC: d"}))
            await self.refuse(Response(body, 200, reason="a\nb"))

    @run_async
    async def test_the_name_of_a_field_is_a_token(self):
        for name in ("", "A b", "A:", "A\r\nB", " A", "\xe4", "Content-Length "):
            for body in ("x", Pieces("x")):
                self.assertIn("name", await self.refuse(Response(body, 200, {name: "x"})))

    @run_async
    async def test_the_first_piece_of_a_stream_is_made_before_the_head_leaves(self):
        for piece in (2, None, [b"x"], {"a": 1}):
            body = Pieces(piece)
            self.assertIn(type(piece).__name__, await self.refuse(Response(body)))
        for error in (ValueError("first"), OSError(2), MemoryError()):
            with self.assertRaises(type(error)):
                await self.send(Pieces(error))
            self.assertEqual((self.sock.sent, self.wire_.slot.state), (b"", BUSY))

    @run_async
    async def test_a_length_that_is_none_is_refused_before_the_head_leaves(self):
        for length in ("x", "-5", "", "1 0"):
            await self.refuse(Response(Pieces("hello"), 200, {"Content-Length": length}))


class TestOnTheWire(unittest.TestCase):
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
