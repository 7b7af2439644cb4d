import unittest

from firmware.chunked import check_end, is_last_trailer, parse_size
from firmware.http1 import HTTPError


class Refusing(unittest.TestCase):
    def check_refused(self, function, lines, status=400):
        for line in lines:
            try:
                result = function(line)
            except HTTPError as error:
                self.assertEqual((line, error.status), (line, status))
            else:
                raise AssertionError("%r is %r" % (line, result))


class TestSize(Refusing):
    def test_a_size_is_hexadecimal_in_any_case(self):
        for line, size in ((b"1f", 31), (b"1F", 31), (b"0", 0), (b"fffffff", 0xFFFFFFF)):
            self.assertEqual(parse_size(line + b"\r\n"), size)

    def test_what_is_no_size_is_400(self):
        self.check_refused(
            parse_size,
            (b"\r\n", b"g\r\n", b"-1\r\n", b"+1\r\n", b"0x1\r\n", b"1_1\r\n", b"1 1\r\n", b";a\r\n")
            + (b"1h\r\n", b"1.\r\n", b"\xb2\r\n", b"1\0\r\n"),
        )

    def test_white_space_is_400_around_a_size_without_an_extension(self):
        self.check_refused(parse_size, (b" 1\r\n", b"1 \r\n", b"\t1\r\n", b"1\t\r\n", b" 1;a\r\n"))

    def test_a_bare_lf_ends_no_line_as_in_cve_2025_22871(self):
        self.check_refused(parse_size, (b"1\n", b"1;a\n", b"\n", b""))

    def test_a_bare_cr_is_400(self):
        self.check_refused(parse_size, (b"1\r", b"1\r\r\n", b"1;a\rb\r\n", b"1\rX\r\n"))

    def test_an_extension_is_skipped(self):
        for extension in (b";a", b";a=b", b';a="b;c"', b" ;a", b"\t; a\t=b", b";a;b=c", b";\xe9"):
            self.assertEqual(parse_size(b"A" + extension + b"\r\n"), 10)

    def test_a_control_character_in_an_extension_is_400(self):
        for octet in (b"\0", b"\n", b"\r", b"\x1b", b"\x7f"):
            self.check_refused(parse_size, (b"1;a" + octet + b"b\r\n", b"1;" + octet + b"\r\n"))

    def test_zeros_in_front_are_none_of_the_digits(self):
        self.assertEqual(parse_size(b"0" * 100 + b"1f\r\n"), 31)
        self.assertEqual(parse_size(b"0" * 16 + b"\r\n"), 0)

    def test_a_size_of_eight_digits_is_413(self):
        self.check_refused(
            parse_size, (b"10000000\r\n", b"010000000;a\r\n", b"f" * 16 + b"\r\n"), 413
        )


class TestEnd(Refusing):
    def test_behind_the_data_of_a_chunk_stands_an_empty_line(self):
        self.assertIsNone(check_end(b"\r\n"))
        self.check_refused(check_end, (b"", b"\n", b"x\r\n", b"\r\r\n", b" \r\n", b"\r"))


class TestTrailer(Refusing):
    def test_an_empty_line_is_behind_the_last_trailer(self):
        self.assertTrue(is_last_trailer(b"\r\n"))
        self.assertFalse(is_last_trailer(b"Digest: abc\r\n"))
        self.assertFalse(is_last_trailer(b"A:\r\n"))
        self.assertFalse(is_last_trailer(b"A: \t\xe9\r\n"))

    def test_a_trailer_that_is_no_field_is_400(self):
        self.check_refused(
            is_last_trailer,
            (
                b"A\r\n",
                b": b\r\n",
                b" A: b\r\n",
                b"A : b\r\n",
                b" \r\n",
                b"A b: c\r\n",
                b"\xe9: a\r\n",
            ),
        )

    def test_a_bare_lf_or_a_control_character_is_400(self):
        self.check_refused(
            is_last_trailer,
            (
                b"\n",
                b"A: b\n",
                b"",
                b"A: b\rc\r\n",
                b"A: \0\r\n",
                b"A: \x1b\r\n",
                b"A\0: b\r\n",
                b"\r",
            ),
        )
