import io
import unittest

from microdot import Microdot, Response

from firmware.http1 import Head
from firmware.kinds import adapt, is_plain
from firmware.static import Part

HEAD = b"%s /x HTTP/1.1\r\nHost: x\r\n%s\r\n"
EVENTS = {"Content-Type": "text/event-stream"}


class Asked:
    """A request at work, and its wire."""

    made = None

    def __init__(self, text=HEAD % (b"GET", b"")):
        self.app = Microdot()
        self.head = Head(text, 100)
        self.path = "/x"
        self.request = self

        @self.app.put("/x")
        async def put(request):
            pass


class TestKinds(unittest.TestCase):
    def test_plain_is_a_200_of_bytes_without_fields_of_its_own(self):
        self.assertTrue(is_plain(Response("text")))
        for response in (
            Response("text", 201),
            Response("text", 200.0),
            Response("text", 200, {"X": "y"}),
            Response(iter(["text"])),
            Response.already_handled,
        ):
            self.assertFalse(is_plain(response))

    def test_a_405_says_what_is_allowed_unless_the_handler_has(self):
        response = Response("", 405)
        self.assertFalse(adapt(Asked(), response))
        self.assertIn("PUT", response.headers["allow"])
        response = Response("", 405, {"allow": "BREW"})
        adapt(Asked(), response)
        self.assertEqual(response.headers["Allow"], "BREW")

    def test_an_event_stream_is_told_by_its_type(self):
        self.assertTrue(adapt(Asked(), Response("", 200, EVENTS)))
        self.assertFalse(adapt(Asked(), Response("", 201)))

    def test_a_file_becomes_the_part_that_is_asked_for_and_closes_with_it(self):
        asked = Asked(HEAD % (b"GET", b"Range: bytes=1-2\r\n"))
        response = Response(io.BytesIO(b"abcd"), 200)
        asked.made = response.body
        adapt(asked, response)
        self.assertEqual((response.status_code, asked.made), (206, None))
        self.assertTrue(isinstance(response.body, Part))
        self.assertEqual(bytes(response.body.read(10)), b"bc")
