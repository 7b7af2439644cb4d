import unittest

from firmware.http1 import Head, HTTPError
from host_tests.unit.fakes import HeapTaken


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

    def test_an_absolute_uri_has_the_host(self):
        parsed = head("GET http://Y:80/a?b HTTP/1.1\nA: b\nhost: x\n\n")
        self.assertEqual(list(parsed.items()), [("Host", "Y:80"), ("A", "b")])
        self.assertEqual(parsed.get("host"), "Y:80")
        self.assertEqual(list(head("GET HTTP://y HTTP/1.0\n\n").items()), [("Host", "y")])
        for target in "*", "//y/", "/http://y/":
            parsed = head("GET %s HTTP/1.1\nHost: x\n\n" % target)
            self.assertEqual(list(parsed.items()), [("Host", "x")])

    def test_lines_may_end_in_a_bare_lf(self):
        self.assertEqual(Head(b"GET / HTTP/1.1\nHost: x\nA: b\n\n", 100).get("A"), "b")

    def test_a_line_that_only_begins_as_a_known_one_is_checked(self):
        known = b"GET / HTTP/1.1\r\nHost: x\r\nFoo: bar\r\nB: c\r\n\r\n"
        for line in (b"Fo", b"Foo: bar\0", b"\rFoo: bar", b"Foo: ba\r", b"Foo: bar\rB: c"):
            with self.assertRaises(HTTPError):
                Head(known.replace(b"Foo: bar", line), 100, known)
        for line in (b"Foo: ba", b"Foo: bar\r\nMore: b"):
            raw = known.replace(b"Foo: bar", line)
            self.assertEqual(list(Head(raw, 100, known).items()), list(Head(raw, 100).items()))

    def test_the_known_request_line_is_no_field(self):
        for end in (b"\r\n", b"\n"):
            known = end.join((b"GET / HTTP/1.1", b"Host: x", b"", b""))
            raw = end.join((b"GET /a HTTP/1.1", b"A: 1", b"B: 1", b"C: 1", known))
            with self.assertRaises(HTTPError):
                Head(raw, 100, known)

    def test_what_is_no_request_line_is_400(self):
        for line in (
            "GET /",
            "GET  / HTTP/1.1",
            "/ HTTP/1.1",
            "GET x HTTP/1.1",
            "GET /a\tb HTTP/1.1",
            "G\tT / HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET / HTTP/x",
            "GET / FTP/1.1",
            "GET http:///a HTTP/1.1",
            "GET http://a,b/ HTTP/1.1",
            "GET https://x/ HTTP/1.1",
        ):
            self.assertEqual(status_of(line + "\nHost: x\n\n"), 400)
        self.assertEqual(status_of("GET / http/1.1\nHost: x\n\n"), 400)

    def test_a_method_is_any_token(self):
        for method in ("BREW", "get", "M-SEARCH", "$"):
            self.assertEqual(head(method + " / HTTP/1.1\nHost: x\n\n").method, method)
        for method in ("G(T", "G\x7fT", "GET,", "\u00e9", "G:"):
            self.assertEqual(status_of(method + " / HTTP/1.1\nHost: x\n\n"), 400)

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

    def test_a_host_is_a_name_or_an_address_with_or_without_a_port(self):
        for host in ("", "a.b-c_d", "a%20b", "192.0.2.1:80", "a:", "[::1]", "[::1]:8080", "A"):
            self.assertEqual(status_of("GET / HTTP/1.1\nHost: %s\n\n" % host), 0)

    def test_what_is_no_host_is_400_in_any_version(self):
        for host in (
            "a b",
            "a,b",
            "a/b",
            "user@a",
            "a?b",
            "a#b",
            "a:b",
            "a:80:80",
            "a%2",
            "a%zz",
            "a%",
            "[::1",
            "[::1]80",
            "[::1]:x",
            "[]",
            "[:]",
            "[80]",
            "[::g]",
            "a\\b",
            '"a"',
            "\u00e9",
        ):
            for version in "01":
                self.assertEqual(status_of("GET / HTTP/1.%s\nHost: %s\n\n" % (version, host)), 400)

    def test_the_connection_goes_on_as_the_client_says(self):
        for version, field, goes_on in (
            ("1.1", "A: b", True),
            ("1.1", "Connection: Close", False),
            ("1.1", "Connection: x, close", False),
            ("1.1", "Connection: x,\tclose\t, y", False),
            ("1.1", "Connection: closed", True),
            ("1.1", "Connection: x\nConnection: close", False),
            ("1.0", "A: b", False),
            ("1.0", "Connection: Keep-Alive", True),
        ):
            parsed = head("GET / HTTP/%s\nHost: x\n%s\n\n" % (version, field))
            self.assertEqual(parsed.keep_alive, goes_on)


class TestFields(unittest.TestCase):
    def setUp(self):
        self.head = Head(
            b"GET / HTTP/1.1\r\nHost: x\r\nAccept:  a \r\naccept: b\r\n"
            b"Cookie: c=1\r\nCookie: d=2\r\nOdd: \xe9\r\n\r\n",
            100,
        )

    def test_a_name_is_found_in_any_case(self):
        self.assertEqual(self.head.get("hOST"), "x")
        self.assertIsNone(self.head.get("ost"))
        self.assertEqual(self.head.get("None", "default"), "default")

    def test_fields_of_one_name_are_one_value(self):
        self.assertEqual(self.head.get("Accept"), "a, b")
        self.assertEqual(self.head.get("Cookie"), "c=1; d=2")

    def test_octets_that_are_no_utf_8_are_iso_8859_1(self):
        self.assertEqual(self.head.get("Odd"), "\xe9")

    def test_items_are_in_order_and_as_sent(self):
        names = [name for name, _ in self.head.items()]
        self.assertEqual(names, ["Host", "Accept", "accept", "Cookie", "Cookie", "Odd"])

    def test_the_content_type_has_the_capitals_it_came_with(self):
        self.assertIsNone(self.head.content_type)
        for fields, kind in (
            ("content-type:  A/b; c=D ", "A/b; c=D"),
            ("Content-Type:", ""),
            ("Content-Type: A\ncontent-type: b", "A, b"),
            ("Content-Type: \u00e9", "\u00e9"),
        ):
            parsed = head("GET / HTTP/1.1\nHost: x\n%s\n\n" % fields)
            self.assertEqual((parsed.content_type, parsed.get("Content-Type")), (kind, kind))

    def test_a_long_field_is_not_copied_before_it_is_asked_for(self):
        for name in (b"Cookie", b"Authorization", b"X-Long"):
            raw = b"GET / HTTP/1.1\r\nHost: x\r\n%s: %s\r\n\r\n" % (name, b"a" * 8000)
            with HeapTaken() as taken:
                Head(raw, 100)
            self.assertLess(taken.length, 4000)


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
        for value in ("1\nContent-Length: 2", "1\nContent-Length: 1", "0x1", "1_0", "1 0", "1,"):
            self.assertEqual(self.status("Content-Length: " + value), 400)

    def test_zeros_in_front_of_a_length_are_none_of_its_digits(self):
        self.assertEqual(self.length("Content-Length: 0000000000000017"), 17)
        self.assertEqual(self.length("Content-Length: 000000000000"), 0)
        self.assertEqual(self.length("Content-Length: 000999999999"), 999999999)
        self.assertEqual(self.status("Content-Length: 0001000000000"), 413)

    def test_a_length_of_ten_digits_is_413(self):
        self.assertEqual(self.length("Content-Length: 999999999"), 999999999)
        self.assertEqual(self.status("Content-Length: 1000000000"), 413)

    def test_a_length_beside_a_coding_is_400(self):
        self.assertEqual(self.status("Content-Length: 1\nTransfer-Encoding: chunked"), 400)

    def test_a_coding_is_400_in_1_0_and_an_unknown_one_501(self):
        self.assertEqual(self.status("Transfer-Encoding: chunked", "1.0"), 400)
        for coding in (
            "gzip, chunked",
            "chunked, chunked",
            "identity",
            "xchunked",
            "chunked;a=b",
            "",
        ):
            self.assertEqual(self.status("Transfer-Encoding: " + coding), 501)
        two = "Transfer-Encoding: chunked\nTransfer-Encoding: identity"
        self.assertEqual(self.status(two), 501)
