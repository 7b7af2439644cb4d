import io
import unittest

from microdot.microdot import Response

from firmware.http1 import Head
from firmware.static import Part, length_of, parse_range, prepare


def ask(method="GET", **fields):
    """The head of a request with these fields."""
    lines = ["%s: %s\r\n" % (name.replace("_", "-"), fields[name]) for name in fields]
    return Head(("%s / HTTP/1.0\r\n%s\r\n" % (method, "".join(lines))).encode(), 99)


class Stream:
    """A body that can be read and not measured."""

    def read(self, length):
        return b""


class TestLength(unittest.TestCase):
    def test_a_file_has_the_length_from_where_it_stands(self):
        file = io.BytesIO(b"hello")
        self.assertEqual((length_of(file), file.read()), (5, b"hello"))
        file.seek(2)
        self.assertEqual((length_of(file), file.read()), (3, b"llo"))

    def test_a_stream_has_none(self):
        self.assertEqual(length_of(Stream()), -1)


class TestRange(unittest.TestCase):
    def test_one_range_is_its_first_byte_and_its_length(self):
        for value, part in (
            ("bytes=0-1", (0, 2)),
            ("bytes=0-0", (0, 1)),
            ("bytes=5-", (5, 5)),
            ("bytes=9-9", (9, 1)),
            ("bytes=8-99", (8, 2)),
            ("bytes=-3", (7, 3)),
            ("bytes=-99", (0, 10)),
            ("Bytes = 2-3", (2, 2)),
        ):
            self.assertEqual(parse_range(value, 10), part)

    def test_what_is_malformed_or_several_is_ignored(self):
        for value in ("", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=3-2", "lines=0-1"):
            self.assertIsNone(parse_range(value, 10))
        self.assertIsNone(parse_range("bytes=0-1,3-4", 10))
        for digit in ("\u00b2", "\u0661"):
            for value in ("bytes=%s-5", "bytes=0-%s", "bytes=-%s"):
                self.assertIsNone(parse_range(value % digit, 10))

    def test_a_range_behind_the_end_cannot_be_satisfied(self):
        for value in ("bytes=10-", "bytes=10-20", "bytes=-0"):
            with self.assertRaises(ValueError):
                parse_range(value, 10)

    def test_the_last_bytes_of_an_empty_file_are_all_of_it(self):
        self.assertIsNone(parse_range("bytes=-5", 0))
        for value in ("bytes=-0", "bytes=0-"):
            with self.assertRaises(ValueError):
                parse_range(value, 0)


class TestPrepare(unittest.TestCase):
    def prepare(self, request, **options):
        response = Response(io.BytesIO(b"0123456789"), **options)
        prepare(request, response)
        return response

    def test_a_file_says_its_length(self):
        for method in ("GET", "HEAD"):
            headers = self.prepare(ask(method)).headers
            self.assertEqual(headers["Content-Length"], "10")
            self.assertEqual(headers["Accept-Ranges"], "bytes")

    def test_a_file_that_grows_while_it_is_sent_is_as_long_as_it_has_said(self):
        response = self.prepare(ask())
        file = response.body._file
        file.seek(0, 2)
        file.write(b"more")
        file.seek(0)
        blocks = [bytes(response.body.read(4)) for _ in range(3)]
        self.assertEqual(b"".join(blocks), b"0123456789")

    def test_the_blocks_of_a_file_are_read_into_the_same_memory(self):
        body = self.prepare(ask()).body
        first = body.read(2)
        self.assertEqual(bytes(first), b"0123")
        body.read(2)
        self.assertEqual(bytes(first), b"4567")

    def test_one_range_is_206_and_that_part(self):
        response = self.prepare(ask(Range="bytes=2-4"))
        self.assertEqual(response.status_code, 206)
        self.assertEqual(response.headers["Content-Range"], "bytes 2-4/10")
        self.assertEqual(response.headers["Content-Length"], "3")
        self.assertEqual(bytes(response.body.read(2)), b"234")
        self.assertEqual(bytes(response.body.read(99)), b"")

    def test_a_range_behind_the_end_is_416_with_the_length(self):
        response = self.prepare(ask(Range="bytes=10-"))
        self.assertEqual((response.status_code, response.body), (416, b""))
        self.assertEqual(response.headers["Content-Range"], "bytes */10")
        self.assertNotIn("Content-Length", response.headers)

    def test_a_range_is_for_get_alone(self):
        response = self.prepare(ask("HEAD", Range="bytes=2-4"))
        self.assertEqual((response.status_code, response.headers["Content-Length"]), (200, "10"))

    def test_a_file_of_characters_has_no_length_in_bytes_and_no_part(self):
        response = Response(io.StringIO("\xe4" * 10))
        prepare(ask(Range="bytes=2-4"), response)
        self.assertEqual(response.status_code, 200)
        self.assertNotIn("Content-Length", response.headers)
        self.assertNotIn("Accept-Ranges", response.headers)
        self.assertEqual(response.body.read(), "\xe4" * 10)

    def test_a_part_of_something_else_than_was_had_before_is_all_of_it(self):
        response = self.prepare(ask(Range="bytes=2-4", If_Range="x"))
        self.assertEqual(response.status_code, 200)

    def test_another_status_a_length_of_its_own_and_a_post_stay_as_they_are(self):
        self.assertNotIn("Content-Length", self.prepare(ask(), status_code=404).headers)
        own = self.prepare(ask(Range="bytes=2-4"), headers={"Content-Length": "10"})
        self.assertEqual(own.status_code, 200)
        self.assertNotIn("Content-Length", self.prepare(ask("POST")).headers)

    def test_closing_a_part_closes_its_file(self):
        file = io.BytesIO(b"hello")
        Part(file, 1, 2).close()
        with self.assertRaises(ValueError):
            file.read()
