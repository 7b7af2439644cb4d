import sys
import unittest

from microdot import Microdot, Request
from microdot.websocket import WebSocket

import firmware
from firmware.application import prepare
from host_tests.unit.fakes import FakeLog, run_async
from host_tests.unit.sites import GET, LIMITS, App


async def handle(request, *args):
    return "mine"


class TestApplication(unittest.TestCase):
    @run_async
    async def test_max_readline_is_the_limit_of_the_request_line_and_makes_room_for_heads(self):
        limit = Request.max_readline
        try:
            for Request.max_readline, status in ((3000, 200), (60, 414)):
                async with App().site() as site:
                    peer = site.connect()
                    head = "GET /quick?%s HTTP/1.1\r\nHost: x\r\nA: %s\r\n\r\n"
                    answer = await peer.ask(head % ("q" * 200, "a" * 2000))
                    self.assertTrue(answer.startswith("HTTP/1.1 %d " % status))
                    peer.close()
        finally:
            Request.max_readline = limit

    @run_async
    async def test_the_traceback_of_a_handler_that_raises_goes_through_the_log(self):
        async with App().site() as site:
            peer = site.connect()
            await peer.ask(GET % "/broken")
            self.assertIn("request failed: " + repr(ValueError("handler")), site.log.lines)
            peer.close()

    @run_async
    async def test_what_the_server_refuses_for_want_of_memory_is_one_line(self):
        app = App()
        texts = ["memory allocation failed, allocating 9 bytes", "one more connection that lasts"]

        @app.app.get("/exhausted")
        async def exhausted(request):
            raise MemoryError(texts[0])

        async with app.site() as site:
            for expected in ("request failed: ", "out of memory: one more connection that lasts"):
                peer = site.connect()
                self.assertIn("HTTP/1.1 503 ", await peer.ask(GET % "/exhausted"))
                self.assertTrue(any(line.startswith(expected) for line in site.log.lines))
                peer.close()
                texts.pop(0)

    def test_its_own_handlers_of_errors_stay(self):
        app = Microdot()
        app.errorhandler(MemoryError)(handle)
        app.errorhandler(Exception)(handle)
        prepare(app, FakeLog(), dict(LIMITS))
        self.assertIs(app.error_handlers[MemoryError], handle)
        self.assertFalse(ValueError in app.error_handlers)  # its own takes that, too

    def test_what_it_does_not_handle_has_a_handler(self):
        app = Microdot()
        prepare(app, FakeLog(), dict(LIMITS))
        self.assertTrue(MemoryError in app.error_handlers and ValueError in app.error_handlers)

    def test_what_bodies_and_messages_of_websockets_may_take_is_as_it_says_else_as_configured(self):
        body_len, unchosen_len = Request.max_body_length, getattr(Request, "unchosen_len", 16384)
        Request.unchosen_len = 16383
        try:
            for length, Request.max_body_length, configured, expected, body in (
                (-1, 16383, 5000, 5000, 5000),
                (-1, 16383, 0, -1, 0),  # to Microdot, 0 is no limit
                (-1, 9000, 5000, -1, 9000),
                (300, 16383, 5000, 300, 5000),
            ):
                WebSocket.max_message_length = length
                limits = dict(LIMITS, max_body_len=configured)
                prepare(Microdot(), FakeLog(), limits)
                self.assertEqual(WebSocket.max_message_length, expected)
                head = LIMITS["max_req_hdr_len"]
                self.assertEqual(limits["request_len"], head + max(head, 2 * body))
        finally:
            WebSocket.max_message_length = -1
            Request.max_body_length, Request.unchosen_len = body_len, unchosen_len

    def test_what_bodies_need_is_loaded_now_if_a_route_takes_them(self):
        for method, is_loaded in (("GET", False), ("POST", True)):
            app = Microdot()
            app.route("/", methods=[method])(handle)
            for name in ("body", "stream"):
                firmware.drop(name)
            prepare(app, FakeLog(), dict(LIMITS))
            self.assertEqual("firmware.body" in sys.modules, is_loaded)
            self.assertEqual("firmware.stream" in sys.modules, is_loaded)
