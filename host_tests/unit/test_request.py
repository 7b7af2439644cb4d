import unittest

from microdot import Microdot, Request

from firmware.http1 import Head
from firmware.request import ServedRequest


class FakeWire:
    address = ("10.0.0.2", 1234)
    sess_ctx = None
    _sock = None


class FakeBody:
    max_len = 5000


def make(lines, body=None, data=b""):
    text = ("\r\n".join(lines) + "\r\n\r\n").encode()
    head = Head(text, 1024)
    return ServedRequest(Microdot(), head, FakeWire(), body, data)


class TestRequest(unittest.TestCase):
    def test_the_headers_are_made_when_they_are_asked_for(self):
        request = make(("GET /a?b=1 HTTP/1.1", "Host: x", "X-A: one"))
        self.assertNotIn("headers", request.__dict__)
        self.assertEqual(request.headers["x-a"], "one")
        self.assertIs(request.headers, request.headers)
        self.assertEqual((request.path, request.args["b"]), ("/a", "1"))

    def test_fields_of_one_name_are_joined_and_cookies_by_a_semicolon(self):
        lines = ("GET / HTTP/1.1", "Host: x", "X-A: 1", "Cookie: a=1", "X-A: 2", "Cookie: b=2")
        headers = make(lines).headers
        self.assertEqual((headers["X-A"], headers["Cookie"]), ("1, 2", "a=1; b=2"))

    def test_a_media_type_is_known_whatever_its_capitals_and_the_space_behind_it(self):
        for kind in (
            "Application/JSON",
            "application/json ;charset=utf-8",
            "application/json\t;a=b",
            "application/json",
        ):
            lines = ("POST / HTTP/1.1", "Host: x", "Content-Type: " + kind)
            request = make(lines, FakeBody(), b'{"a": 1}')
            self.assertEqual((request.json, request.headers["Content-Type"]), ({"a": 1}, kind))
        lines = ("POST / HTTP/1.1", "Host: x", "Content-Type: Application/X-WWW-Form-Urlencoded")
        self.assertEqual(make(lines, FakeBody(), b"a=1").form["a"], "1")
        lines = ("POST / HTTP/1.1", "Host: x", "Content-Type: Text/Plain; a=B")
        self.assertEqual(make(lines).content_type, "text/plain; a=B")

    def test_what_it_does_not_have_it_does_not_have(self):
        self.assertFalse(hasattr(make(("GET / HTTP/1.1", "Host: x")), "nothing"))

    def test_what_an_application_keeps_lies_with_the_connection(self):
        request = make(("GET / HTTP/1.1", "Host: x"))
        self.assertIs(request.sess_ctx, None)
        request.sess_ctx = "kept"
        self.assertEqual(request.wire.sess_ctx, "kept")

    def test_a_chunked_body_that_was_received_has_a_length(self):
        lines = ("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked")
        request = make(lines, FakeBody(), b"12345")
        self.assertEqual((request.content_length, request.max_content_length), (5, 5000))
        self.assertEqual(request.body, b"12345")

    def test_it_has_each_attribute_of_a_request_that_microdot_makes(self):
        lines = ("GET /a?b=1&c=2 HTTP/1.0", "Host: x", "Content-Type: text/x", "Cookie: d=3; e")
        request = make(lines)
        plain = Request(
            request.app,
            ("10.0.0.2", 1234),
            "GET",
            "/a?b=1&c=2",
            "1.0",
            {"Content-Type": "text/x", "Cookie": "d=3; e"},
            b"",
            None,
            request.sock,
        )
        for name, value in plain.__dict__.items():
            if name not in ("g", "headers", "after_request_handlers"):
                self.assertEqual((name, getattr(request, name)), (name, value))
        self.assertEqual(request.g.__class__, plain.g.__class__)
        self.assertEqual((request.json, request.form, request.files), (None, None, None))

    def test_what_was_asked_for_is_the_same_the_next_time(self):
        request = make(("GET /?a=1 HTTP/1.1", "Host: x", "Cookie: b=2"))
        request.cookies["c"] = "3"
        self.assertIs(request.args, request.args)
        self.assertEqual(request.cookies, {"b": "2", "c": "3"})
