import asyncio
import unittest

from firmware.body import Body
from firmware.http1 import Head, HTTPError
from firmware.slots import BUSY, READING
from host_tests.unit.fakes import FakeMemory, FakeSocket, HeapTaken, open_wire, run_async, turns

CHUNKED = "Transfer-Encoding: chunked"


def body_of(fields, data, step=None, max_len=100, span=100, is_over=True):
    """A body whose client has sent `data`, and closed if that is all that comes; its wire."""
    text = "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % fields
    sock = FakeSocket(data, step=step)
    sock.has_ended = is_over
    wire = open_wire(sock, READING)
    return Body(wire, Head(text.encode(), 100), max_len, span, 5000), wire


def rest_of(wire):
    return wire.received + b"".join(wire._sock.incoming)


class TestBody(unittest.TestCase):
    @run_async
    async def read(self, fields, data, step=None):
        body, wire = body_of(fields, data, step)
        return await body.read_whole(100, FakeMemory()), rest_of(wire)

    @run_async
    async def status(self, data):
        """What the body is refused with, 0 if it is not."""
        body, _ = body_of(CHUNKED, data)
        try:
            await body.read_whole(100, FakeMemory())
        except HTTPError as error:
            self.assertEqual(body.failure, error.status)
            return error.status
        return 0

    def test_a_body_ends_at_its_length_however_it_comes(self):
        for step in (1, 2, 3, 1000):
            self.assertEqual(self.read("Content-Length: 5", b"12345GET", step), (b"12345", b"GET"))

    @run_async
    async def test_a_body_that_came_with_its_head_is_taken_and_what_is_behind_it_stays(self):
        body, wire = body_of("Content-Length: 5", b"")
        wire.received = b"12345GET"
        wire.is_read = False
        self.assertEqual(await body.read_whole(100, FakeMemory()), b"12345")
        self.assertEqual((wire.received, body.is_whole, wire.is_read), (b"GET", True, True))

    def test_chunks_are_one_body_however_they_come(self):
        data = b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET"
        for step in range(1, 20):
            self.assertEqual(self.read(CHUNKED, data, step), (b"abc0123456789", b"GET"))

    @run_async
    async def test_a_reader_that_gives_up_anywhere_is_followed_by_one_that_reads_on(self):
        data = b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
        for at in range(len(data)):
            body, wire = body_of(CHUNKED, data[:at], is_over=False)
            read = []
            reading = asyncio.create_task(self.read_into(read, body))
            await turns()
            self.assertFalse(reading.done())
            reading.cancel()
            await turns()
            wire._sock.incoming.append(data[at:] + b"GET")
            await self.read_into(read, body)
            self.assertEqual(b"".join(read), b"abc0123456789")
            self.assertEqual(rest_of(wire), b"GET")

    async def read_into(self, read, body):
        while not body.is_whole:
            read.append(await body.read(100))

    @run_async
    async def test_a_client_that_closes_in_a_line_is_gone(self):
        for data in (b"3\r\nabc\r\nA", b"3\r\nabc\r\n0\r\nTrailer: x"):
            body, _ = body_of(CHUNKED, data)
            with self.assertRaises(EOFError):
                await body.read_whole(100, FakeMemory())
            self.assertEqual((body.is_cut, body.failure), (True, 0))

    def test_a_bad_chunk_is_400(self):
        for data in (
            b"x\r\n",
            b"\r\n",
            b"-1\r\n",
            b"0x1\r\na\r\n",
            b"1\r\nab\r\n0\r\n\r\n",  # longer than it says
            b"2\r\na\r\n0\r\n\r\n",  # shorter
            b"1\na\r\n0\r\n\r\n",  # bare LF behind the size, the data, the last chunk, a trailer
            b"1\r\na\n0\r\n\r\n",
            b"1\r\na\r\n0\n\r\n",
            b"1\r\na\r\n0\r\n\n",
            b"1\r\na\r\n0\r\nA: b\n\r\n",
            b"1;a\nb\r\na\r\n0\r\n\r\n",  # and within an extension
            b"1;" + b"a" * 300,
        ):
            self.assertEqual(self.status(data), 400)

    def test_a_size_line_may_be_256_bytes_long(self):
        for length, status in ((256, 0), (257, 400)):
            line = b"1;" + b"a" * (length - 4) + b"\r\n"
            self.assertEqual(self.status(line + b"a\r\n0\r\n\r\n"), status)

    def test_trailers_may_be_256_bytes_long_together(self):
        for length, status in ((256, 0), (257, 431)):
            trailers = b"A: b\r\n" * 40 + b"B: " + b"c" * (length - 245) + b"\r\n"
            self.assertEqual(len(trailers), length)
            self.assertEqual(self.status(b"0\r\n" + trailers + b"\r\n"), status)

    def test_chunks_are_413_one_past_the_limit(self):
        self.assertEqual(self.status(b"64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n"), 0)
        self.assertEqual(self.status(b"65\r\n"), 413)
        self.assertEqual(self.status(b"32\r\n" + b"x" * 50 + b"\r\n33\r\n"), 413)

    def test_a_client_that_closes_in_the_middle_is_an_eoferror(self):
        for fields, data in (
            ("Content-Length: 5", b"1234"),
            (CHUNKED, b"3\r\nab"),
            (CHUNKED, b"3"),
            (CHUNKED, b"1\r\na"),
            (CHUNKED, b"1\r\na\r\n0\r\n"),
        ):
            with self.assertRaises(EOFError):
                self.read(fields, data)

    @run_async
    async def test_what_was_lost_to_exhausted_memory_spoils_the_body(self):
        body, wire = body_of("Content-Length: 20", b"x" * 20)
        wire._sock.error = MemoryError()
        with self.assertRaises(MemoryError):
            await body.read(20)
        self.assertEqual(body.failure, 503)

    @run_async
    async def test_a_body_that_comes_in_blocks_is_copied_once(self):
        body, wire = body_of("Content-Length: 8192", b"")
        wire._sock.incoming = [b"x" * 1024 for _ in range(8)]  # which are there already
        with HeapTaken() as taken:
            self.assertEqual(len(await body.read_whole(8192, FakeMemory())), 8192)
        self.assertLess(taken.length, 28000)  # with the frames of coroutines

    @run_async
    async def test_a_body_that_drips_is_the_same(self):
        for data in (b"x" * 1024, b"x" * 1025, b"x" * 2049):
            body, _ = body_of("Content-Length: %d" % len(data), data, 1, 4000, 4000)
            self.assertEqual(await body.read_whole(4000, FakeMemory()), data)

    @run_async
    async def test_a_body_longer_than_the_limit_is_left_to_be_streamed(self):
        for fields, data in (
            ("Content-Length: 10", b"0123456789"),
            (CHUNKED, b"4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n"),
        ):
            body, _ = body_of(fields, data, step=3)
            self.assertIsNone(await body.read_whole(5, FakeMemory()))
            streamed = b""
            while not body.is_whole:
                streamed += await body.read(2)
            self.assertEqual(streamed, b"0123456789")
            self.assertEqual(await body.read(5), b"")

    @run_async
    async def test_100_continue_is_sent_before_the_body_is_waited_for(self):
        fields = "Content-Length: 2\r\nExpect: 100-continue"
        body, wire = body_of(fields, b"ab")
        self.assertFalse(body.is_drainable(100))
        self.assertEqual(await body.read_whole(100, FakeMemory()), b"ab")
        self.assertEqual(wire._sock.sent, b"HTTP/1.1 100 Continue\r\n\r\n")
        body, wire = body_of(fields, b"b")
        wire.received = b"a"  # sent without waiting for it
        await body.read_whole(100, FakeMemory())
        self.assertEqual(wire._sock.sent, b"")

    @run_async
    async def test_no_100_continue_gets_into_a_response_that_has_begun(self):
        body, wire = body_of("Content-Length: 2\r\nExpect: 100-continue", b"ab")
        wire.slot.enter(BUSY, 0)
        wire.begin(200)
        self.assertEqual(await body.read(100), b"ab")
        self.assertEqual(wire._sock.sent, b"")

    @run_async
    async def test_only_one_task_reads_it_at_a_time(self):
        body, wire = body_of("Content-Length: 5", b"", is_over=False)
        reading = asyncio.create_task(body.read(5))
        await turns()
        with self.assertRaises(RuntimeError):
            await body.read(5)
        wire._sock.incoming.append(b"12345")
        self.assertEqual(await reading, b"12345")
        self.assertEqual(await body.read(5), b"")

    @run_async
    async def test_when_it_is_closed_who_waits_is_cancelled_and_nobody_reads_any_more(self):
        body, wire = body_of("Content-Length: 9", b"", is_over=False)
        reading = asyncio.create_task(body.read(5))
        await turns()
        self.assertEqual((body.close(), body.close()), (True, False))
        wire.set_deadline(77777)
        deadline = wire.slot.deadline
        with self.assertRaises(asyncio.CancelledError):
            await reading
        self.assertEqual(wire.slot.deadline, deadline)  # of what came after it
        with self.assertRaises(OSError):
            await body.read(5)
        wire._sock.incoming.append(b"123456789GET")
        self.assertTrue(await body.drain(100))
        self.assertEqual(rest_of(wire), b"GET")

    @run_async
    async def test_to_close_one_that_nobody_reads_cancels_nobody(self):
        body, _ = body_of("Content-Length: 5", b"123", is_over=False)
        self.assertEqual(await body.read(5), b"123")
        self.assertFalse(body.close())

    @run_async
    async def test_the_rest_is_drained_up_to_a_limit(self):
        body, wire = body_of("Content-Length: 10", b"0123456789GET")
        self.assertTrue(body.is_drainable(10) and not body.is_drainable(9))
        self.assertTrue(await body.drain(10))
        self.assertEqual(rest_of(wire), b"GET")
        body, _ = body_of(CHUNKED, b"A\r\n0123456789\r\n" * 3)
        self.assertFalse(await body.drain(25))


class TestDeadline(unittest.TestCase):
    @run_async
    async def test_the_first_span_has_one_deadline_and_each_further_one_its_own(self):
        given = await self.read_a_byte_at_a_time(30, 10)
        self.assertEqual(len(given), 30)
        for first in (0, 10, 20):
            self.assertEqual(given[first], 5000)
            self.assertLessEqual(given[first + 9], 5000 - 9 * 7)

    @run_async
    async def test_a_body_that_drips_has_no_deadline_for_each_byte_where_none_is_read_ahead(self):
        given = await self.read_a_byte_at_a_time(30, 0)
        self.assertEqual(given[0], 5000)
        self.assertLessEqual(given[29], 5000 - 29 * 7)

    async def read_a_byte_at_a_time(self, length, span):
        """The time that the client had for each byte."""
        data = b"x" * length
        body, wire = body_of("Content-Length: %d" % length, data, 1, length, span)
        given = []
        set_deadline = wire.set_deadline

        def note(ms):
            if ms is not None:
                given.append(ms)
                body._wait_left_ms -= 7  # that long it took the byte to come
            set_deadline(ms)

        wire.set_deadline = note
        while not body.is_whole:
            await body.read(1)
        return given

    @run_async
    async def test_no_deadline_is_left_behind_a_read(self):
        body, wire = body_of("Content-Length: 30", b"x", is_over=False)
        await body.read(10)
        self.assertIsNone(wire.slot.deadline)
