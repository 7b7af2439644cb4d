import unittest

from firmware.heads import HeadParser, PartialHead, head_length
from firmware.http1 import HTTPError
from host_tests.unit.fakes import HeapTaken

MAX_URI_LEN = 40
MAX_REQ_HDR_LEN = 200
HEADS = (
    b"GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n",
    b"GET /a HTTP/1.1\nHost: x\n\n",
    b"GET /a HTTP/1.1\r\nHost: x\r\nA: b\n\r\n",
    b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 39),
)


def receive(blocks):
    """What a connection makes of a head that comes in these blocks: (raw, rest), a status, None."""
    parser = HeadParser(MAX_URI_LEN, MAX_REQ_HDR_LEN)
    try:
        parsed = parser.parse(blocks[0])
        partial = None if parsed else PartialHead(blocks[0])
        for block in blocks[1:]:
            if parsed:
                break
            is_complete = partial.add(block, MAX_URI_LEN, MAX_REQ_HDR_LEN)
            parsed = is_complete and parser.parse(partial.join())
    except HTTPError as error:
        return error.status
    return (parsed or None) and (parsed[0].raw, parsed[1] or (partial.rest if partial else b""))


def split(data, step):
    return [data[at : at + step] for at in range(0, len(data), step)]


class TestSplit(unittest.TestCase):
    def test_a_head_is_the_same_in_any_two_blocks(self):
        for head in HEADS:
            for at in range(1, len(head)):
                self.assertEqual(receive([head[:at], head[at:]]), (head, b""))

    def test_a_head_is_the_same_however_it_drips(self):
        for head in HEADS:
            for step in range(1, len(head) + 1):
                self.assertEqual(receive(split(head, step)), (head, b""))

    def test_what_is_sent_behind_a_head_is_kept(self):
        for head in HEADS:
            for at in range(1, len(head)):
                data = head + b"GET /b"
                self.assertEqual(receive([data[:at], data[at:]]), (head, b"GET /b"))

    def test_a_head_that_is_not_complete_is_none(self):
        for head in HEADS:
            for step in range(1, len(head)):
                self.assertIsNone(receive(split(head[:-1], step)))


class TestLimits(unittest.TestCase):
    def check_refused(self, data, status, at_most):
        """However it comes it is refused, and not later than with `at_most` bytes and a block."""
        for step in (1, 2, 7, 50, len(data)):
            self.assertEqual(receive(split(data, step)), status)
            self.assertEqual(receive(split(data[: at_most + step], step)), status)

    def test_a_head_is_431_one_past_the_limit(self):
        head = b"GET / HTTP/1.1\r\nHost: x\r\nA: %s\r\n\r\n"
        fits = head % (b"a" * (MAX_REQ_HDR_LEN - len(head) + 2))
        for step in (1, 3, 10, 50, 99, 199, 200):
            self.assertEqual(receive(split(fits, step)), (fits, b""))
        self.check_refused(fits.replace(b"A: a", b"A: aa"), 431, MAX_REQ_HDR_LEN)

    def test_a_request_line_without_an_end_is_414(self):
        self.check_refused(b"GET /" + b"a" * 100, 414, MAX_URI_LEN + 18)

    def test_a_target_is_414_one_past_the_limit_as_soon_as_its_line_is_there(self):
        line = b"GET /%s HTTP/1.1\r\n" % (b"a" * MAX_URI_LEN)
        self.check_refused(line + b"Host: x\r\n\r\n", 414, len(line))

    def test_what_is_no_request_line_is_refused_as_soon_as_it_is_there(self):
        for line, status in (
            (b"SSH-2.0-OpenSSH_9.6\r\n", 400),
            (b"GET / HTTP/2.0\r\n", 505),
            (b"GET /\n", 400),
        ):
            self.check_refused(line + b"Host: x\r\nA: b\r\nC: d\r\n", status, len(line))


class TestBlocks(unittest.TestCase):
    def setUp(self):
        self.begin = b"GET / HTTP/1.1\r\nHost: x\r\nA: "
        self.block = b"a" * 1024

    def test_octets_that_drip_are_few_blocks(self):
        partial = PartialHead(b"G")
        for octet in split(self.begin[1:] + b"a" * 4000, 1):
            self.assertFalse(partial.add(octet, MAX_URI_LEN, 5000))
        self.assertLessEqual(len(partial._blocks), 4)

    def test_blocks_are_not_joined_before_the_head_is_complete(self):
        partial = PartialHead(self.begin)
        for _ in range(3):
            self.assertFalse(partial.add(self.block, MAX_URI_LEN, 4096))
        self.assertEqual([len(block) for block in partial._blocks[1:]], [1024] * 3)
        raw = self.begin + 3 * self.block + b"\r\n\r\n"
        self.assertTrue(partial.add(b"\r\n\r\n", MAX_URI_LEN, 4096))
        self.assertEqual(partial.join(), raw)

    def test_blocks_of_a_head_that_is_too_long_are_never_joined(self):
        partial = PartialHead(self.begin)
        with HeapTaken() as taken:
            for _ in range(7):
                self.assertFalse(partial.add(self.block, MAX_URI_LEN, 8192))
            with self.assertRaises(HTTPError) as raised:
                partial.add(self.block, MAX_URI_LEN, 8192)
        self.assertEqual(raised.exception.status, 431)
        self.assertLess(taken.length, 8192)  # which alone the last would take


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

    def test_what_is_not_http_is_400_at_its_first_bytes(self):
        for received in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
            b"\x16\x03\x01\x00\x0a\x01\x0a",  # TLS, with a line feed in it
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"\x10\x10\x00\x04MQTT\x04\x02",  # MQTT
            b"\x00\x00\x00\x00",
            b"\xff\xfd\x01",  # Telnet
        ):
            self.assertEqual(self.status(received, 100, 1000), 400)
        self.assertEqual(self.status(b"PRI * HTTP/2.0\r\n", 100, 1000), 505)

    def test_a_bad_request_line_is_refused_before_the_head_is_complete(self):
        for line, status in (
            (b"GET /\n", 400),
            (b"GET / HTTP/3.0\n", 505),
            (b"G@T / HTTP/1.1\n", 400),
        ):
            self.assertEqual(self.status(line, 100, 1000), status)

    def test_an_endless_request_line_is_414(self):
        self.assertEqual(head_length(b"a" * 118, 100, 1000), 0)
        self.assertEqual(self.status(b"a" * 119, 100, 1000), 414)

    def status(self, *args):
        with self.assertRaises(HTTPError) as raised:
            head_length(*args)
        return raised.exception.status


class TestKept(unittest.TestCase):
    def setUp(self):
        self.parser = HeadParser(MAX_URI_LEN, 3000)

    def test_a_client_that_sends_the_same_head_again_gets_the_same_object(self):
        first, rest = self.parser.parse(HEADS[0])
        again, rest_again = self.parser.parse(bytes(HEADS[0]))
        self.assertIs(first, again)
        self.assertEqual((rest, rest_again), (b"", b""))

    def test_so_does_one_that_sends_another_body_behind_it(self):
        parser = HeadParser(MAX_URI_LEN, MAX_REQ_HDR_LEN)
        head, rest = parser.parse(HEADS[0] + b"one")
        again, other = parser.parse(HEADS[0] + b"another")
        self.assertIs(again, head)
        self.assertEqual((rest, other), (b"one", b"another"))

    def test_another_head_is_parsed_anew(self):
        self.parser.parse(HEADS[0])
        other, rest = self.parser.parse(HEADS[0].replace(b"/a", b"/b") + b"more")
        self.assertEqual((other.target, rest), ("/b", b"more"))

    def test_a_head_of_more_than_a_kb_is_not_kept(self):
        for length, is_kept in ((1024, True), (1025, False)):
            head = b"GET / HTTP/1.1\r\nHost: x\r\nA: %s\r\n\r\n"
            head = head % (b"a" * (length - len(head) + 2))
            first = self.parser.parse(head)[0]
            self.assertEqual(self.parser.parse(head)[0] is first, is_kept)
