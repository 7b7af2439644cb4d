import asyncio
import gc
import unittest

from microdot.microdot import HTTPException

from firmware.body import Body
from firmware.http1 import Head
from firmware.slots import READING
from firmware.stream import Stream
from host_tests.unit.fakes import FakeSocket, open_wire, run_async, turns

TEXT = b"first line\nsecond\n\n" + b"x" * 900 + b"--end--rest"
MAX_ENDS = 512


def streamed(data, step=None, fields="Content-Length: %d", length=None):
    """A stream over a body that comes `step` bytes at a time."""
    if "%d" in fields:
        fields = fields % (len(data) if length is None else length)
    head = Head(b"POST / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % fields.encode(), 100)
    sock = FakeSocket(data, step=step)
    sock.has_ended = True
    return Stream(Body(open_wire(sock, READING), head, 5000, 5000, 5000), b"")


def every_kind(data):
    """The same body: read in advance, in part, as it comes, in chunks."""
    yield Stream(None, data)
    for step in (1, 7, None):
        yield streamed(data, step)
    partly = streamed(data[5:], 3)
    partly._ahead = data[:5]
    yield partly
    chunks = [data[at : at + 100] for at in range(0, len(data), 100)]
    text = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    yield streamed(text, 13, "Transfer-Encoding: chunked")


class Dripping:
    """A body that comes an octet at a time; `heap` is what lives after each 1000."""

    is_whole = False

    def __init__(self):
        self.count = 0
        self.heap = []

    async def read(self, limit):
        self.count += 1
        if self.count % 1000 == 0:
            gc.collect()
            self.heap.append(gc.mem_alloc())
        return bytes([self.count % 256])


class Pausing:
    """A body that pauses in the middle, until `go_on` is set."""

    is_whole = False

    def __init__(self, *blocks):
        self._blocks = list(blocks)
        self.go_on = asyncio.Event()

    async def read(self, limit):
        if len(self._blocks) == 1:
            await self.go_on.wait()
            self.is_whole = True
        return self._blocks.pop(0)


class TestStream(unittest.TestCase):
    @run_async
    async def test_what_has_come_stays_when_a_reader_is_cancelled(self):
        for read in (
            lambda stream: stream.read(8),
            lambda stream: stream.readexactly(8),
            lambda stream: stream.readline(),
            lambda stream: stream.readuntil(b"gh"),
        ):
            stream = Stream(Pausing(b"abc", b"de", b"fgh"), b"")
            reading = asyncio.create_task(read(stream))
            await turns()
            reading.cancel()
            await turns()
            stream._body.go_on.set()
            self.assertEqual(await read(stream), b"abcdefgh")

    @run_async
    async def test_a_body_that_drips_takes_no_more_memory_than_one_that_does_not(self):
        body = Dripping()
        self.assertEqual(len(await Stream(body, b"").read(3000)), 3000)
        self.assertLess(body.heap[2] - body.heap[0], 10000)

    @run_async
    async def test_a_read_is_filled_unless_the_body_ends(self):
        for stream in every_kind(TEXT):
            at = 0
            for length in (1, 10, 600, 5000):
                self.assertEqual(await stream.read(length), TEXT[at : at + length])
                at += length

    @run_async
    async def test_a_read_without_a_length_is_all_the_rest(self):
        for stream in every_kind(TEXT):
            await stream.read(3)
            self.assertEqual(await stream.read(), TEXT[3:])
            self.assertEqual(await stream.read(-1), b"")

    @run_async
    async def test_a_read_of_nothing_is_nothing(self):
        for stream in every_kind(TEXT):
            self.assertEqual(await stream.read(0), b"")
            self.assertEqual(await stream.readexactly(0), b"")
            self.assertEqual(await stream.read(5), b"first")

    @run_async
    async def test_what_asyncio_refuses_is_a_valueerror(self):
        for stream in every_kind(TEXT):
            with self.assertRaises(ValueError):
                await stream.readexactly(-1)
            with self.assertRaises(ValueError):
                await stream.readuntil(b"")
            self.assertEqual(await stream.read(), TEXT)

    @run_async
    async def test_a_separator_that_comes_in_pieces_is_found(self):
        for length in (60, 62, 63, 64, 65, 510, 511, 512, 513):
            for stream in every_kind(b"x" * length + b"\r\n--end"):
                self.assertEqual(await stream.readuntil(b"\r\n--"), b"x" * length + b"\r\n--")
                self.assertEqual(await stream.read(), b"end")

    @run_async
    async def test_many_short_lines_of_a_large_body_copy_little(self):
        class Large(bytes):
            copied = 0

            def __getitem__(self, key):
                block = bytes.__getitem__(self, key)
                Large.copied += len(block)
                return Large(block)

            def __add__(self, other):
                Large.copied += len(self) + len(other)
                return Large(bytes(self) + other)

        if not hasattr(asyncio, "Runner"):
            return  # MicroPython's bytes can't be watched
        stream = Stream(None, Large(b"\n" * 4096))
        for _ in range(4096):
            self.assertEqual(await stream.readline(), b"\n")
        self.assertLess(Large.copied, 4096 * 100)

    @run_async
    async def test_readexactly_is_exact_or_an_eoferror(self):
        for stream in every_kind(TEXT):
            self.assertEqual(await stream.readexactly(len(TEXT) - 2), TEXT[:-2])
            with self.assertRaises(EOFError):
                await stream.readexactly(3)

    @run_async
    async def test_readline_is_a_line_and_at_the_end_what_is_left(self):
        for stream in every_kind(TEXT):
            self.assertEqual(await stream.readline(), b"first line\n")
            self.assertEqual(await stream.readline(), b"second\n")
            self.assertEqual(await stream.readline(), b"\n")
            self.assertEqual(await stream.readline(), TEXT[19:])
            self.assertEqual(await stream.readline(), b"")

    @run_async
    async def test_readuntil_ends_with_its_separator_or_is_an_eoferror(self):
        for stream in every_kind(TEXT):
            self.assertEqual(await stream.readuntil(b"line\nsec"), b"first line\nsec")
            self.assertEqual(await stream.readuntil(b"--end--"), TEXT[14:-4])
            with self.assertRaises(EOFError):
                await stream.readuntil(b"--end--")

    @run_async
    async def test_the_calls_follow_each_other_in_any_order(self):
        for stream in every_kind(TEXT):
            got = await stream.readline()
            got += await stream.read(3)
            got += await stream.readuntil(b"d")
            got += await stream.readexactly(5)
            got += await stream.readline()
            self.assertEqual(got + await stream.read(), TEXT)

    @run_async
    async def test_a_line_longer_than_4_kb_is_413(self):
        for stream in (Stream(None, b"x" * 5000), streamed(b"x" * 5000)):
            with self.assertRaises(HTTPException) as caught:
                await stream.readline()
            self.assertEqual(caught.exception.status_code, 413)


class TestEnd(unittest.TestCase):
    @run_async
    async def test_a_parser_that_reads_on_at_the_end_is_refused(self):
        for function in ("read", "readline"):
            for stream in every_kind(b"body"):
                self.assertEqual(await stream.read(), b"body")
                for _ in range(MAX_ENDS):
                    self.assertEqual(await getattr(stream, function)(), b"")
                with self.assertRaises(HTTPException) as caught:
                    await getattr(stream, function)()
                self.assertEqual(caught.exception.status_code, 400)

    @run_async
    async def test_an_empty_body_is_at_its_end(self):
        stream = Stream(None, b"")
        for _ in range(MAX_ENDS):
            self.assertEqual(await stream.read(5), b"")
        with self.assertRaises(HTTPException):
            await stream.read(5)

    @run_async
    async def test_each_read_at_the_end_lets_others_run(self):
        for function in ("read", "readline"):
            stream = Stream(None, b"")
            turns = []

            async def count(turns=turns):
                while True:
                    turns.append(1)
                    await asyncio.sleep(0)

            task = asyncio.create_task(count())
            for _ in range(10):
                await getattr(stream, function)()
            task.cancel()
            self.assertGreaterEqual(len(turns), 9)


class TestFailure(unittest.TestCase):
    @run_async
    async def test_a_body_that_breaks_the_rules_is_refused_with_its_status(self):
        for text, status in ((b"2\r\nabc\r\n0\r\n\r\n", 400), (b"1389\r\n", 413)):
            stream = streamed(text, None, "Transfer-Encoding: chunked")
            with self.assertRaises(HTTPException) as caught:
                await stream.read()
            self.assertEqual(caught.exception.status_code, status)
            self.assertEqual(stream._body.failure, status)

    @run_async
    async def test_a_client_that_closes_in_the_middle_is_an_eoferror(self):
        for function in ("read", "readline", "readuntil"):
            stream = streamed(b"half", length=9)
            with self.assertRaises(EOFError):
                await getattr(stream, function)()
