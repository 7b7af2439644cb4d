import unittest

from firmware.heads import HeadParser, PartialHead
from firmware.http1 import HTTPError

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
            received = partial.add(block, MAX_URI_LEN, MAX_REQ_HDR_LEN)
            parsed = received and parser.parse(received)
    except HTTPError as error:
        return error.status
    return parsed and (parsed[0].raw, parsed[1])


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


class TestDripping(unittest.TestCase):
    def test_blocks_are_joined_rarely_while_they_drip(self):
        partial = PartialHead(b"G")
        most = 0
        for octet in split(b"ET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 150, 1):
            self.assertIsNone(partial.add(octet, MAX_URI_LEN, MAX_REQ_HDR_LEN))
            most = max(most, len(partial._blocks))
        self.assertLessEqual(most, 8)

    def test_a_head_of_several_blocks_is_joined_once(self):
        partial = PartialHead(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5)
        for _ in range(4):
            self.assertIsNone(partial.add(b"A: bbbbbbb\r\n", MAX_URI_LEN, 1000))
        self.assertEqual(len(partial._blocks), 5)
        self.assertEqual(len(partial.add(b"\r\n", MAX_URI_LEN, 1000)), 16 + 30 + 48 + 2)


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
