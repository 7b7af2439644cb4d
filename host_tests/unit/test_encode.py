import unittest

import firmware.response as response_module
from firmware.response import (
    Sender,
    encode_chunk,
    encode_error,
    encode_head,
    format_date,
    reason_of,
)
from host_tests.unit.fakes import FakeLog


class FakeTime:
    """A clock that shows what the test says."""

    def __init__(self, second, date):
        self._second = second
        self._date = date

    def time(self):
        return self._second

    def gmtime(self, second):
        return self._date


class TestDate(unittest.TestCase):
    def setUp(self):
        self._time = response_module.time
        self.sender = Sender(FakeLog())

    def tearDown(self):
        response_module.time = self._time

    def test_a_board_without_the_time_sends_no_date(self):
        for year in (1970, 2000):
            response_module.time = FakeTime(1, (year, 1, 1, 0, 0, 5, 5, 1))
            self.assertEqual(Sender(FakeLog())._date_field(), b"")

    def test_a_date_is_of_this_second(self):
        for second in (7, 8):
            response_module.time = FakeTime(second, (2026, 2, 3, 4, 5, second, 1, 34))
            expected = b"Date: Tue, 03 Feb 2026 04:05:0%d GMT\r\n" % second
            self.assertEqual(self.sender._date_field(), expected)


class TestEncoding(unittest.TestCase):
    def test_a_head_is_a_status_line_and_fields(self):
        data = encode_head(200, None, {"A": "b"}, True)
        self.assertEqual(data, b"HTTP/1.1 200 OK\r\nA: b\r\n")

    def test_a_list_is_a_field_each(self):
        data = encode_head(200, "Fine", {"Set-Cookie": ["a", "b"]}, True)
        self.assertEqual(data, b"HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n")

    def test_the_servers_own_fields_are_not_the_handlers(self):
        headers = {"connection": "x", "Transfer-Encoding": "y"}
        self.assertEqual(encode_head(200, None, headers, True), b"HTTP/1.1 200 OK\r\n")

    def test_a_length_is_not_said_of_no_body(self):
        for has_body in (True, False):
            data = encode_head(200, None, {"Content-Length": "0"}, has_body)
            self.assertEqual(b"Content-Length: 0\r\n" in data, has_body)

    def test_a_line_break_in_a_value_name_or_reason_never_goes_out(self):
        for reason, headers in (
            (None, {"A": "b\r\nC: d"}),
            (None, {"A": "b\n"}),
            (None, {"A\r": "b"}),
            ("x\r\ny", {}),
        ):
            with self.assertRaises(ValueError):
                encode_head(200, reason, headers, True)

    def test_a_usual_status_has_its_reason(self):
        self.assertEqual(reason_of(503), b"Busy")
        self.assertEqual(reason_of(404), b"Not Found")
        self.assertEqual(reason_of(505), b"HTTP Version Not Supported")
        self.assertEqual(reason_of(299), b"")

    def test_a_chunk_is_its_length_in_hexadecimal_and_itself(self):
        self.assertEqual(encode_chunk(b"a" * 31), b"1f\r\n" + b"a" * 31 + b"\r\n")

    def test_a_chunk_may_be_made_of_a_buffer(self):
        for piece in (bytearray(b"image"), memoryview(b"image")):
            self.assertEqual(encode_chunk(piece), b"5\r\nimage\r\n")

    def test_a_date_is_the_fixed_length_form(self):
        date = format_date((2026, 2, 3, 4, 5, 6, 1, 34))
        self.assertEqual(date, b"Tue, 03 Feb 2026 04:05:06 GMT")


class TestError(unittest.TestCase):
    def test_it_says_its_status_in_one_line_and_closes(self):
        head, text = encode_error(400).split(b"\r\n\r\n")
        self.assertEqual(text, b"400 Bad Request\n")
        lines = head.split(b"\r\n")
        self.assertEqual(lines[0], b"HTTP/1.1 400 Bad Request")
        self.assertIn(b"Content-Type: text/plain; charset=UTF-8", lines)
        self.assertIn(b"Content-Length: %d" % len(text), lines)
        self.assertIn(b"Connection: close", lines)

    def test_503_says_when_to_come_back(self):
        self.assertIn(b"\r\nRetry-After: 1\r\n", encode_error(503))
