import unittest

from firmware.body import Body, parse_chunk_size
from firmware.http1 import Head, HTTPError
from host_tests.unit.fakes import run_async


class FakeWire:
    """A wire whose client has sent `data`, a few bytes at a time, and then closed."""

    def __init__(self, data, step):
        self.received = b""
        self.sent = b""
        self._data = data
        self._step = step

    async def receive(self, limit):
        if self.received:
            return self.use(limit)
        length = min(limit, self._step)
        block = self._data[:length]
        self._data = self._data[length:]
        return block

    async def fill(self, limit):
        before, self.received = self.received, b""
        block = await self.receive(limit - len(before))
        self.received = before + block
        return len(block) > 0

    def use(self, length):
        used = self.received[:length]
        self.received = self.received[length:]
        return used

    async def send(self, data):
        self.sent += data

    def set_deadline(self, ms):
        pass

    def rest(self):
        return self.received + self._data


CHUNKED = "Transfer-Encoding: chunked"


def body_of(fields, data, step=1000, max_len=100):
    text = "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % fields
    wire = FakeWire(data, step)
    return Body(wire, Head(text.encode(), 100), max_len, 100, 5000), wire


class TestBody(unittest.TestCase):
    def read(self, fields, data, step=1000, limit=100):
        async def play():
            body, wire = body_of(fields, data, step)
            return await body.read_whole(limit), wire.rest()

        return run_async(play())

    def status(self, data):
        async def play():
            body, _ = body_of(CHUNKED, data)
            try:
                await body.read_whole(100)
            except HTTPError as error:
                self.assertEqual(body.failure, error.status)
                return error.status
            return 0

        return run_async(play())

    def test_a_body_ends_at_its_length_however_it_comes(self):
        for step in (1, 2, 3, 1000):
            self.assertEqual(self.read("Content-Length: 5", b"12345GET", step), (b"12345", b"GET"))

    def test_chunks_are_one_body_however_they_come(self):
        data = b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET"
        for step in range(1, 20):
            self.assertEqual(self.read(CHUNKED, data, step), (b"abc0123456789", b"GET"))

    def test_a_bad_chunk_is_400(self):
        for data in (
            b"x\r\n",
            b"\r\n",
            b"-1\r\n",
            b"0x1\r\na\r\n",
            b"1\r\nab\r\n0\r\n\r\n",
            b"1" * 300,
        ):
            self.assertEqual(self.status(data), 400)

    def test_endless_trailers_are_431(self):
        self.assertEqual(self.status(b"0\r\n" + b"A: b\r\n" * 100), 431)

    def test_chunks_are_413_one_past_the_limit(self):
        self.assertEqual(self.status(b"64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n"), 0)
        self.assertEqual(self.status(b"65\r\n"), 413)
        self.assertEqual(self.status(b"32\r\n" + b"x" * 50 + b"\r\n33\r\n"), 413)

    def test_a_client_that_closes_in_the_middle_is_an_eoferror(self):
        for fields, data in (
            ("Content-Length: 5", b"1234"),
            (CHUNKED, b"3\r\nab"),
            (CHUNKED, b"3"),
        ):
            with self.assertRaises(EOFError):
                self.read(fields, data)

    def test_what_was_lost_for_want_of_memory_spoils_the_body(self):
        async def play():
            body, wire = body_of("Content-Length: 20", b"x" * 20)

            async def fail(limit):
                raise MemoryError

            wire.receive = fail
            with self.assertRaises(MemoryError):
                await body.read(20)
            self.assertEqual(body.failure, 503)

        run_async(play())

    def test_a_body_longer_than_the_limit_is_left_to_be_streamed(self):
        async def play():
            for fields, data in (
                ("Content-Length: 10", b"0123456789"),
                (CHUNKED, b"4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n"),
            ):
                body, _ = body_of(fields, data, step=3)
                self.assertIsNone(await body.read_whole(5))
                self.assertEqual(await body.read(2), b"01")
                self.assertEqual(await body.readexactly(4), b"2345")
                self.assertEqual(await body.read(-1), b"6789")
                self.assertEqual(await body.read(5), b"")
                self.assertTrue(body.is_whole)

        run_async(play())

    def test_100_continue_is_sent_before_the_body_is_waited_for(self):
        async def play():
            fields = "Content-Length: 2\r\nExpect: 100-continue"
            body, wire = body_of(fields, b"ab")
            self.assertFalse(body.is_drainable(100))
            self.assertEqual(await body.read_whole(100), b"ab")
            self.assertEqual(wire.sent, b"HTTP/1.1 100 Continue\r\n\r\n")
            body, wire = body_of(fields, b"ab")
            wire.received = b"a"  # he did not wait for it
            await body.read_whole(100)
            self.assertEqual(wire.sent, b"")

        run_async(play())

    def test_the_rest_is_drained_up_to_a_limit(self):
        async def play():
            body, wire = body_of("Content-Length: 10", b"0123456789GET")
            self.assertTrue(body.is_drainable(10) and not body.is_drainable(9))
            self.assertTrue(await body.drain(10))
            self.assertEqual(wire.rest(), b"GET")
            body, _ = body_of(CHUNKED, b"A\r\n0123456789\r\n" * 3)
            self.assertFalse(await body.drain(25))

        run_async(play())


class TestChunkSize(unittest.TestCase):
    def test_a_chunk_size_is_hexadecimal_with_or_without_extensions(self):
        self.assertEqual(parse_chunk_size(b"1f\r\n"), 31)
        self.assertEqual(parse_chunk_size(b"A;name=value\r\n"), 10)
        self.assertEqual(parse_chunk_size(b"0fffffF\n"), 0xFFFFFF)
        for line in (b"", b"\r\n", b"g", b"-1", b"+1", b"0x1", b"1 1", b"1_1", b"10000000"):
            with self.assertRaises(HTTPError):
                parse_chunk_size(line)
