import unittest

from firmware.encode import encode_chunk, encode_head, format_date, reason_of


class TestEncoding(unittest.TestCase):
    def test_a_head_is_a_status_line_and_fields(self):
        data = encode_head(200, None, {"A": "b"}, True)
        self.assertEqual(data, b"HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n")

    def test_a_list_is_a_field_each(self):
        data = encode_head(200, "Fine", {"Set-Cookie": ["a", "b"]}, False)
        self.assertEqual(data, b"HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n")

    def test_the_servers_own_fields_are_not_the_handlers(self):
        data = encode_head(200, None, {"connection": "x", "Transfer-Encoding": "y"}, False)
        self.assertEqual(data, b"HTTP/1.1 200 OK\r\n\r\n")

    def test_a_line_break_in_a_value_name_or_reason_never_goes_out(self):
        for reason, headers in (
            (None, {"A": "b\r\nC: d"}),
            (None, {"A": "b\n"}),
            (None, {"A\r": "b"}),
            ("x\r\ny", {}),
        ):
            with self.assertRaises(ValueError):
                encode_head(200, reason, headers, False)

    def test_every_status_has_its_reason(self):
        self.assertEqual(reason_of(503), "Busy")
        self.assertEqual(reason_of(404), "Not Found")
        self.assertEqual(reason_of(507), "Insufficient Storage")
        self.assertEqual(reason_of(299), "")

    def test_a_chunk_is_its_length_in_hexadecimal_and_itself(self):
        self.assertEqual(encode_chunk(b"a" * 31), b"1f\r\n" + b"a" * 31 + b"\r\n")

    def test_a_date_is_the_fixed_length_form(self):
        date = format_date((2026, 2, 3, 4, 5, 6, 1, 34))
        self.assertEqual(date, "Tue, 03 Feb 2026 04:05:06 GMT")
