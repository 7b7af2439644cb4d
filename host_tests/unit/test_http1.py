import unittest

from firmware.http1 import Head, HTTPError, head_length


def head(text):
    return Head(text.replace("\n", "\r\n").encode(), 100)


def status_of(text):
    """The status a head is refused with, 0 if it is not."""
    try:
        head(text)
    except HTTPError as error:
        return error.status
    return 0


class TestHead(unittest.TestCase):
    def test_a_request_line_gives_method_target_and_version(self):
        parsed = head("GET /long?a=b HTTP/1.1\nHost: x\n\n")
        self.assertEqual((parsed.method, parsed.target, parsed.minor), ("GET", "/long?a=b", 1))

    def test_an_absolute_uri_is_its_path(self):
        self.assertEqual(head("GET http://x/a?b HTTP/1.1\nHost: x\n\n").target, "/a?b")
        self.assertEqual(head("GET HTTP://x HTTP/1.1\nHost: x\n\n").target, "/")
        self.assertEqual(head("GET http://x?b=/c HTTP/1.1\nHost: x\n\n").target, "/?b=/c")

    def test_lines_may_end_in_a_bare_lf(self):
        self.assertEqual(Head(b"GET / HTTP/1.1\nHost: x\nA: b\n\n", 100)["A"], "b")

    def test_what_is_no_request_line_is_400(self):
        for line in ("GET /", "GET  / HTTP/1.1", "/ HTTP/1.1", "GET x HTTP/1.1", "G\tT / HTTP/1.1"):
            self.assertEqual(status_of(line + "\nHost: x\n\n"), 400)
        self.assertEqual(status_of("GET / http/1.1\nHost: x\n\n"), 400)

    def test_an_unknown_method_is_501(self):
        self.assertEqual(status_of("BREW / HTTP/1.1\nHost: x\n\n"), 501)

    def test_other_versions_are_505(self):
        for version in ("2.0", "1.2", "0.9", "2"):
            self.assertEqual(status_of("GET / HTTP/%s\nHost: x\n\n" % version), 505)

    def test_a_target_is_414_one_past_the_limit(self):
        self.assertEqual(status_of("GET /%s HTTP/1.1\nHost: x\n\n" % ("a" * 99)), 0)
        self.assertEqual(status_of("GET /%s HTTP/1.1\nHost: x\n\n" % ("a" * 100)), 414)

    def test_a_malformed_field_is_400(self):
        for field in ("no colon", ": no name", "A : b", " A: b", "A\t: b", "A: b\n c", "A: \x01"):
            self.assertEqual(status_of("GET / HTTP/1.1\nHost: x\n%s\n\n" % field), 400)

    def test_a_bare_cr_or_a_nul_is_400(self):
        for octet in (b"\r", b"\0"):
            with self.assertRaises(HTTPError):
                Head(b"GET / HTTP/1.1\r\nHost: x\r\nA: b" + octet + b"c\r\n\r\n", 100)

    def test_exactly_one_host_is_needed_in_1_1(self):
        self.assertEqual(status_of("GET / HTTP/1.1\n\n"), 400)
        self.assertEqual(status_of("GET / HTTP/1.1\nHost: a\nhost: a\n\n"), 400)
        self.assertEqual(status_of("GET / HTTP/1.0\n\n"), 0)

    def test_the_connection_goes_on_as_the_client_says(self):
        for version, field, goes_on in (
            ("1.1", "A: b", True),
            ("1.1", "Connection: Close", False),
            ("1.1", "Connection: x, close", False),
            ("1.1", "Connection: x,\tclose\t, y", False),
            ("1.1", "Connection: x,\tclose\t, y", False),
            ("1.1", "Connection: x\nConnection: close", False),
            ("1.0", "A: b", False),
            ("1.0", "Connection: Keep-Alive", True),
        ):
            parsed = head("GET / HTTP/%s\nHost: x\n%s\n\n" % (version, field))
            self.assertEqual(parsed.keep_alive, goes_on)


class TestFields(unittest.TestCase):
    def setUp(self):
        self.headers = Head(
            b"GET / HTTP/1.1\r\nHost: x\r\nAccept:  a \r\naccept: b\r\n"
            b"Cookie: c=1\r\nCookie: d=2\r\nOdd: \xe9\r\n\r\n",
            100,
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


class TestBodyLength(unittest.TestCase):
    def length(self, fields, version="1.1"):
        return head("POST / HTTP/%s\nHost: x\n%s\n\n" % (version, fields)).content_length

    def status(self, fields, version="1.1"):
        return status_of("POST / HTTP/%s\nHost: x\n%s\n\n" % (version, fields))

    def test_it_is_the_content_length_or_none_when_chunked(self):
        self.assertEqual(self.length("A: b"), 0)
        self.assertEqual(self.length("Content-Length: 17"), 17)
        self.assertIsNone(self.length("Transfer-Encoding: Chunked"))

    def test_what_is_no_length_is_400(self):
        for value in ("-1", "+1", "1.0", "x", "", "1, 1"):
            self.assertEqual(self.status("Content-Length: " + value), 400)
        self.assertEqual(self.status("Content-Length: 1\nContent-Length: 2"), 400)

    def test_a_length_of_ten_digits_is_413(self):
        self.assertEqual(self.length("Content-Length: 999999999"), 999999999)
        self.assertEqual(self.status("Content-Length: 1000000000"), 413)

    def test_a_length_beside_a_coding_is_400(self):
        self.assertEqual(self.status("Content-Length: 1\nTransfer-Encoding: chunked"), 400)

    def test_a_coding_is_400_in_1_0_and_an_unknown_one_501(self):
        self.assertEqual(self.status("Transfer-Encoding: chunked", "1.0"), 400)
        self.assertEqual(self.status("Transfer-Encoding: gzip, chunked"), 501)


class TestHeadLength(unittest.TestCase):
    def test_it_is_0_until_the_head_is_complete_however_it_is_split(self):
        data = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        for end in range(len(data)):
            self.assertEqual(head_length(data[:end], 100, 1000), 0)
        self.assertEqual(head_length(data, 100, 1000), len(data))
        self.assertEqual(head_length(data + b"GET /", 100, 1000), len(data))

    def test_bare_lf_ends_a_head_too(self):
        self.assertEqual(head_length(b"GET / HTTP/1.0\n\nab", 100, 1000), 16)
        self.assertEqual(head_length(b"GET / HTTP/1.0\nA: b\n\r\nab\n\n", 100, 1000), 22)

    def test_a_head_is_431_one_past_the_limit(self):
        data = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        self.assertEqual(head_length(data, 100, len(data)), len(data))
        self.assertEqual(self.status(data, 100, len(data) - 1), 431)
        self.assertEqual(self.status(b"GET / HTTP/1.1\r\n" + b"a" * 84, 100, 100), 431)

    def test_an_endless_request_line_is_414(self):
        self.assertEqual(self.status(b"a" * 119, 100, 1000), 414)

    def status(self, *args):
        with self.assertRaises(HTTPError) as raised:
            head_length(*args)
        return raised.exception.status
