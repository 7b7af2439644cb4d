import unittest

from firmware.headers import Headers


class TestHeaders(unittest.TestCase):
    def setUp(self):
        self.headers = Headers(
            b"GET / HTTP/1.1\r\nHost: x\r\nAccept:  a \r\naccept: b\r\n"
            b"Cookie: c=1\r\nCookie: d=2\r\nOdd: \xe9\r\n\r\n"
        )

    def test_a_name_is_found_in_any_case(self):
        self.assertEqual(self.headers["hOST"], "x")
        self.assertIn("HOST", self.headers)
        self.assertNotIn("ost", self.headers)
        self.assertIsNone(self.headers.get("None"))
        self.assertEqual(self.headers.get("None", "default"), "default")
        with self.assertRaises(KeyError):
            self.headers["None"]

    def test_fields_of_one_name_are_one_value(self):
        self.assertEqual(self.headers["Accept"], "a, b")
        self.assertEqual(self.headers["Cookie"], "c=1; d=2")

    def test_octets_that_are_no_utf_8_are_iso_8859_1(self):
        self.assertEqual(self.headers["Odd"], "\xe9")

    def test_items_are_in_order_and_as_sent(self):
        names = [name for name, _ in self.headers.items()]
        self.assertEqual(names, ["Host", "Accept", "accept", "Cookie", "Cookie", "Odd"])
