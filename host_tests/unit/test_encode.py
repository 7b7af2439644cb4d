import unittest

from firmware.encode import (
    ResponseError,
    encode_date,
    encode_error,
    encode_fields,
    encode_keep_alive,
    encode_length,
    encode_size,
    encode_type,
    error_text,
    reason_of,
)


class TestFields(unittest.TestCase):
    def test_a_head_is_a_status_line_and_fields(self):
        data = encode_fields(200, None, {"A": "b"}, True)
        self.assertEqual(data, b"HTTP/1.1 200 OK\r\nA: b\r\n")
        self.assertEqual(encode_fields(200, None, {}, True), b"HTTP/1.1 200 OK\r\n")
        self.assertEqual(encode_fields(404, None, {}, True), b"HTTP/1.1 404 Not Found\r\n")

    def test_a_list_is_a_field_each(self):
        data = encode_fields(200, "Fine", {"Set-Cookie": ["a", "b"]}, True)
        self.assertEqual(data, b"HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n")

    def test_a_value_may_be_a_number(self):
        self.assertIn(b"\r\nA: 5\r\n", encode_fields(200, None, {"A": 5}, True))

    def test_the_servers_own_fields_are_not_the_handlers(self):
        headers = {"connection": "x", "Transfer-Encoding": "y"}
        self.assertEqual(encode_fields(200, None, headers, True), b"HTTP/1.1 200 OK\r\n")

    def test_a_length_is_the_handlers_only_where_it_may_be(self):
        for may_say_length in (True, False):
            data = encode_fields(200, None, {"Content-Length": "0"}, may_say_length)
            self.assertEqual(b"Content-Length: 0\r\n" in data, may_say_length)

    def test_a_line_break_or_nul_in_a_value_name_or_reason_never_goes_out(self):
        for reason, headers in (
            (None, {"A": "b\r\nC: d"}),
            (None, {"A": "b\n"}),
            (None, {"A": "b\r"}),
            (None, {"A": "b\0"}),
            (None, {"A": ["b", "c\r\n"]}),
            (None, {"A\r": "b"}),
            (None, {"A: b\r\nC": "d"}),
            ("x\r\ny", {}),
        ):
            with self.assertRaises(ResponseError):
                encode_fields(200, reason, headers, True)

    def test_a_usual_status_has_its_reason(self):
        self.assertEqual(reason_of(503), b"Busy")
        self.assertEqual(reason_of(404), b"Not Found")
        self.assertEqual(reason_of(505), b"HTTP Version Not Supported")
        self.assertEqual(reason_of(299), b"")
        self.assertEqual(encode_fields(299, None, {}, True), b"HTTP/1.1 299 \r\n")


class TestServersOwn(unittest.TestCase):
    def test_a_type_of_text_has_a_charset(self):
        self.assertEqual(encode_type("a/b"), b"Content-Type: a/b; charset=UTF-8\r\n")
        self.assertEqual(encode_type("a/b; charset=x"), b"Content-Type: a/b; charset=x\r\n")

    def test_a_length_is_decimal(self):
        self.assertEqual(encode_length(31), b"Content-Length: 31\r\n")

    def test_a_client_is_told_one_second_less_than_its_connection_is_kept(self):
        for timeout_ms, field in (
            (60000, b"Keep-Alive: timeout=59\r\n"),
            (2999, b"Keep-Alive: timeout=1\r\n"),
            (1999, b""),
            (200, b""),
        ):
            self.assertEqual(encode_keep_alive(timeout_ms), field)

    def test_a_date_is_the_fixed_length_form(self):
        date = encode_date((2026, 2, 3, 4, 5, 6, 1, 34))
        self.assertEqual(date, b"Date: Tue, 03 Feb 2026 04:05:06 GMT\r\n")

    def test_a_board_without_the_time_sends_no_date(self):
        for year in (1970, 2000, 2023):
            self.assertEqual(encode_date((year, 1, 1, 0, 0, 5, 5, 1)), b"")


class TestError(unittest.TestCase):
    def test_it_says_its_status_in_one_line_and_closes(self):
        head, text = encode_error(400).split(b"\r\n\r\n")
        self.assertEqual(text, b"400 Bad Request\n")
        self.assertEqual(text, error_text(400))
        lines = head.split(b"\r\n")
        self.assertEqual(lines[0], b"HTTP/1.1 400 Bad Request")
        self.assertIn(b"Content-Type: text/plain; charset=UTF-8", lines)
        self.assertIn(b"Content-Length: %d" % len(text), lines)
        self.assertIn(b"Connection: close", lines)

    def test_a_head_request_gets_the_length_alone(self):
        full = encode_error(414)
        self.assertEqual(encode_error(414, b"", False), full[: full.find(b"\r\n\r\n") + 4])

    def test_it_has_the_date_if_there_is_one(self):
        self.assertIn(b"\r\nDate: now\r\n", encode_error(400, b"Date: now\r\n"))

    def test_503_says_when_to_come_back(self):
        self.assertIn(b"\r\nRetry-After: 1\r\n", encode_error(503))
        self.assertNotIn(b"Retry-After", encode_error(500))


class TestChunks(unittest.TestCase):
    def test_a_chunk_begins_with_its_size_in_hexadecimal(self):
        for length in (1, 31, 1400, 65536):
            self.assertEqual(encode_size(length), b"%x\r\n" % length)
        self.assertEqual(encode_size(31), b"1f\r\n")
