"""What is sent lies in the board's pool until it is acknowledged: the radio keeps its share."""

import asyncio
import unittest

from microdot.microdot import Response

from firmware.http1 import Head
from firmware.memory import Memory
from firmware.response import Sender
from firmware.slots import BUSY, SENDING
from host_tests.unit.fakes import FakeLog, FakeSocket, open_wire, run_async, turns
from host_tests.unit.sending import Pieces

KB = 1024
SEGMENT_LEN = 1440  # of the data in one
SEGMENT_COST = 1536
NODELAY = (6, 1)


class FakeStack:
    """lwIP as ESP-IDF builds it, on the pool of an emulated ESP32; nothing is acknowledged.

    A piece takes a segment of full length however short it is; with Nagle's algorithm those share
    one that are sent behind what is not acknowledged yet.
    """

    def __init__(self, free=22 * KB):
        self.free = free
        self.taken = 0
        self.memory = Memory(FakeLog(), self.read)

    def read(self, capabilities):
        return [(120 * KB, self.free - self.taken, self.free - self.taken, 0)]

    def connect(self):
        return FakeConnection(self)


class FakeConnection(FakeSocket):
    """A client's socket whose client acknowledges nothing."""

    def __init__(self, stack):
        super().__init__(room=5760)
        self._stack = stack
        self.options[NODELAY] = 1  # as the listener leaves it
        self.segments = 0
        self._left = 0  # of the last one

    def send(self, data):
        length = sent = super().send(data)
        if self.segments > 1 and not self.options[NODELAY]:  # else the last one has left
            self._left, length = max(0, self._left - length), max(0, length - self._left)
        count = (length + SEGMENT_LEN - 1) // SEGMENT_LEN
        if count:
            self._left = count * SEGMENT_LEN - length
        self.segments += count
        self._stack.taken += count * SEGMENT_COST
        return sent


class Lines(Pieces):
    """A body that waits before each of its lines."""

    async def __anext__(self):
        await turns(4)
        return await super().__anext__()


class TestSegments(unittest.TestCase):
    def setUp(self):
        self.stack = FakeStack()

    def wire(self, sock, state=SENDING):
        return open_wire(sock, state, has_air=self.stack.memory.has_air)

    async def stream(self, *lines):
        """The socket to which they were sent."""
        sock = self.stack.connect()
        sender = Sender(self.stack.memory, FakeLog(), 5000)
        running = asyncio.create_task(sender.run())
        head = Head(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 100)
        await sender.send(self.wire(sock, BUSY), head, Response(Lines(*lines)), True)
        running.cancel()
        return sock

    @run_async
    async def test_lines_of_a_stream_that_nobody_acknowledges_share_segments(self):
        sock = await self.stream(*["a line\n"] * 50)
        self.assertIn(b"a line\n", sock.sent)
        self.assertTrue(sock.segments < 6)

    @run_async
    async def test_the_last_piece_of_a_stream_does_not_wait_for_an_acknowledgement(self):
        sock = await self.stream("one", "two")
        self.assertEqual(sock.options[NODELAY], 1)

    @run_async
    async def test_large_responses_that_nobody_acknowledges_leave_the_radio_its_share(self):
        socks = [self.stack.connect() for _ in range(7)]
        tasks = [asyncio.create_task(self.wire(sock).send(bytes(5000))) for sock in socks]
        await turns(10)
        self.assertTrue(self.stack.taken > 4 * KB)
        self.assertTrue(self.stack.free - self.stack.taken >= 8 * KB)
        for task in tasks:
            task.cancel()

    @run_async
    async def test_one_goes_on_when_others_were_acknowledged(self):
        self.stack.taken = 14 * KB
        sock = self.stack.connect()
        sending = asyncio.create_task(self.wire(sock).send(b"x" * 3000))
        await turns(5)
        self.assertEqual(sock.sent, b"")
        self.stack.taken = 0
        await sending
        self.assertEqual(sock.sent, b"x" * 3000)

    def test_however_little_there_is_a_segment_leaves_with_each_poll(self):
        memory = self.stack.memory
        self.stack.taken = 18 * KB
        self.assertFalse(memory.has_air(1000))
        for now in (1000, 2000):
            memory.poll(now)
            self.assertEqual([memory.has_air(1000) for _ in range(3)], [True, False, False])

    def test_where_the_pool_can_not_be_seen_nothing_is_held(self):
        memory = Memory(FakeLog(), lambda capabilities: [])
        self.assertTrue(all(memory.has_air(5000) for _ in range(100)))
