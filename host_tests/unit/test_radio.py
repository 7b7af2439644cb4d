"""What is sent lies in the board's pool until it is acknowledged: the radio keeps its share."""

import asyncio
import unittest
from time import ticks_diff, ticks_ms

from microdot.microdot import Response

import firmware
from firmware import response as response_module
from firmware import wire as wire_module
from firmware.http1 import Head
from firmware.memory import Memory
from firmware.pieces import StreamedBody
from firmware.response import Sender
from firmware.slots import BUSY, SENDING, TAKEN
from host_tests.unit.fakes import FakeLog, FakeSocket, open_wire, run_async, turns
from host_tests.unit.sending import Pieces
from host_tests.unit.sites import App

KB = 1024
SEGMENT_LEN = 1440  # of the data in one
SEGMENT_COST = 1536
NODELAY = (6, 1)


class FakeStack:
    """lwIP as ESP-IDF builds it, on the pool of an emulated ESP32; nothing is acknowledged.

    A piece takes a segment of full length however short it is; with Nagle's algorithm those share
    one that are sent behind what is not acknowledged yet.
    """

    def __init__(self, free=firmware.pool_len):
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
        self.undelayed = []  # of each `send`, whether it had that option
        self.segments = 0
        self._left = 0  # of the last one

    def send(self, data):
        length = sent = super().send(data)
        self.undelayed.append(self.options[NODELAY])
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
        return open_wire(sock, state, has_air=self.stack.memory.radio.has_air)

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
    async def test_a_packet_full_of_pieces_does_not_wait_either(self):
        sock = await self.stream("one", "x" * 1400, "y" * 1400, "z" * 1500)
        self.assertIn(b"y" * 1400, sock.sent)
        self.assertEqual(sock.undelayed, [0] + [1] * (len(sock.undelayed) - 1))

    @run_async
    async def test_large_responses_that_nobody_acknowledges_leave_the_radio_its_share(self):
        socks = [self.stack.connect() for _ in range(7)]
        tasks = [asyncio.create_task(self.wire(sock).send(bytes(5000))) for sock in socks]
        await turns(10)
        self.assertTrue(self.stack.taken > 4 * KB)
        self.assertTrue(self.stack.free - self.stack.taken >= 10 * KB)
        for task in tasks:
            task.cancel()

    @run_async
    async def test_one_goes_on_when_others_were_acknowledged(self):
        self.stack.taken = self.stack.free - 10 * KB
        sock = self.stack.connect()
        sending = asyncio.create_task(self.wire(sock).send(b"x" * 3000))
        await turns(5)
        self.assertEqual(sock.sent, b"")
        self.stack.taken = 0
        await sending
        self.assertEqual(sock.sent, b"x" * 3000)

    def test_however_little_there_is_a_segment_leaves_with_each_poll(self):
        memory = self.stack.memory
        self.stack.taken = self.stack.free - 6 * KB
        self.assertFalse(memory.radio.has_air(1000, self))
        for now in (1000, 2000):
            memory.poll(now)
            self.assertEqual(
                [memory.radio.has_air(1000, self) for _ in range(3)], [True, False, False]
            )

    def test_its_share_is_16_kb(self):
        for free, has_share in ((16 * KB, True), (16 * KB - 1, False)):
            radio = FakeStack(free).memory.radio
            radio.look()
            self.assertEqual(radio.has_share(), has_share)

    def test_clients_may_be_kept_waiting_with_10_kb_and_4_in_one_piece(self):
        pools = ((10 * KB, True), (10 * KB - 1, False))
        for free, can_hold in pools:
            self.assertEqual(FakeStack(free).memory.radio.can_hold(), can_hold)
        stack = FakeStack(20 * KB)
        read = stack.read
        for largest, can_hold in ((4 * KB, True), (4 * KB - 1, False)):
            stack.memory.radio._read = lambda kind, largest=largest: [
                region[:2] + (largest,) + region[3:] for region in read(kind)
            ]
            self.assertEqual(stack.memory.radio.can_hold(), can_hold)

    def test_with_less_than_two_frames_in_one_piece_nothing_more_may_be_said(self):
        stack = FakeStack()
        for left, can_hear in ((4 * KB, True), (3600, True), (3599, False), (0, False)):
            stack.taken = stack.free - left
            self.assertEqual(stack.memory.radio.can_hear(), can_hear)

    def test_where_the_pool_can_not_be_seen_nothing_is_held(self):
        memory = Memory(FakeLog(), lambda capabilities: [])
        self.assertTrue(all(memory.radio.has_air(5000, self) for _ in range(100)))
        self.assertTrue(memory.radio.can_hold())


class PlayedTime:
    """asyncio, of which waiting takes a turn of the loop, and moves the clock."""

    now = 0

    def __getattr__(self, name):
        return getattr(asyncio, name)

    def sleep_ms(self, wait_ms):
        self.now += wait_ms
        return asyncio.sleep(0)


class TestTurns(unittest.TestCase):
    """The pool has less than a response may take: a segment leaves with each poll."""

    def setUp(self):
        self.memory = Memory(FakeLog(), self.read)
        played = PlayedTime()
        wire_module.asyncio = response_module.asyncio = played
        wire_module.ticks_ms = lambda: played.now

    def tearDown(self):
        wire_module.asyncio = response_module.asyncio = asyncio
        wire_module.ticks_ms = ticks_ms

    def read(self, capabilities):
        return [(120 * KB, 11 * KB, 11 * KB, 0)]

    def wire(self, sock, state=SENDING):
        return open_wire(sock, state, has_air=self.memory.radio.has_air)

    async def poll(self, count):
        for _ in range(count):
            self.memory._next_poll = None
            self.memory.poll(0)
            await turns(5)  # in which everybody asks again

    async def give_up(self, *tasks):
        for task in tasks:
            task.cancel()
        await turns(3)

    @run_async
    async def test_everybody_gets_on_and_nobody_is_cut_for_the_sake_of_others(self):
        socks = [FakeSocket() for _ in range(4)]
        wires = [self.wire(sock) for sock in socks]
        tasks = [asyncio.create_task(wire.send(bytes(9000))) for wire in wires]
        await turns(3)
        before = [wire.slot.send_deadline for wire in wires]
        await self.poll(9)
        self.assertTrue(all(2 * KB <= len(sock.sent) <= 3 * KB for sock in socks))
        for wire, deadline in zip(wires, before):
            self.assertTrue(ticks_diff(wire.slot.send_deadline, deadline) > 0)
        await self.give_up(*tasks)

    @run_async
    async def test_one_that_has_given_up_costs_one_turn(self):
        left = asyncio.create_task(self.wire(FakeSocket()).send(bytes(2000)))
        await turns(3)
        sock = FakeSocket()
        other = asyncio.create_task(self.wire(sock).send(bytes(2000)))
        await turns(3)
        await self.give_up(left)
        await self.poll(3)
        self.assertTrue(sock.sent)
        await self.give_up(other)

    async def _stream(self, sock, sender):
        head = Head(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 100)
        body = Pieces("line\n", asyncio.Event())
        task = asyncio.create_task(sender.send(self.wire(sock, BUSY), head, Response(body), True))
        await turns(6)
        return task

    @run_async
    async def test_a_stream_whose_client_reads_nothing_does_not_stop_the_others(self):
        sender = Sender(self.memory, FakeLog(), 5000)
        running = asyncio.create_task(sender.run())
        sock = FakeSocket()
        good = await self._stream(sock, sender)
        dead = await self._stream(FakeSocket(room=0), sender)
        await self.poll(4)
        self.assertIn(b"line\n", sock.sent)
        await self.give_up(good, dead, running)

    def idle(self, memory):
        """An event stream that has sent all."""
        response = Response(Pieces())
        wire = open_wire(FakeSocket(), SENDING, has_air=memory.radio.has_air)
        return StreamedBody(wire, response, True, lambda out: None, FakeLog())

    def test_a_stream_that_has_nothing_to_send_takes_no_turn(self):
        self.memory.poll(0)
        self.assertTrue(self.idle(self.memory).flush_now())
        self.assertTrue(self.memory.radio.has_air(1000, self))

    def test_memory_that_is_exhausted_while_the_pool_is_read_is_tried_again(self):
        def fail(capabilities):
            raise MemoryError

        out = self.idle(Memory(FakeLog(), fail))
        out.add(b"line\n")
        self.assertFalse(out.flush_now())

    @run_async
    async def test_a_message_that_was_sent_in_part_is_never_continued(self):
        wire = self.wire(FakeSocket())
        wire.is_partial = True
        with self.assertRaises(OSError):
            await wire.send(b"next")
        self.assertTrue(wire.is_partial)

    @run_async
    async def test_who_gives_up_before_anything_was_sent_may_send_something_else(self):
        sock = FakeSocket()
        wire = self.wire(sock, TAKEN)
        deadline = wire.slot.deadline
        sending = asyncio.create_task(wire.send(b"hello"))
        await turns(3)
        with self.assertRaises(OSError):  # nothing overtakes it
            wire.send_now(b"ping")
        await self.give_up(sending)
        self.assertEqual(wire.slot.deadline, deadline)
        wire.has_air = lambda length, asker: True
        await wire.send(b"next")
        self.assertEqual(sock.sent, b"next")

    @run_async
    async def test_a_refusal_and_a_sign_of_life_leave_at_once(self):
        async with App().site() as site:
            site.memory.radio.has_air = lambda length, asker: False
            for asked, status in (
                ("GET\r\n\r\n", "400 "),
                ("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "204 "),
            ):
                peer = site.connect()
                self.assertIn(status, (await peer.ask(asked))[:30])
                peer.close()
