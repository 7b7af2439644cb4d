import asyncio
import unittest

from firmware.slots import BUSY, TAKEN
from firmware.sock import Sock
from host_tests.unit.fakes import FakeSocket, open_wire, run_async, turns
from host_tests.unit.sites import Owner


class TestRead(unittest.TestCase):
    @run_async
    async def test_a_frame_header_in_two_segments_is_one_header(self):
        wire = open_wire(FakeSocket(b"\x81\x05hello", step=1), BUSY)
        self.assertEqual(await Sock(wire).read(2), b"\x81\x05")
        self.assertEqual(await Sock(wire).readexactly(5), b"hello")
        self.assertEqual(wire.slot.state, TAKEN)

    @run_async
    async def test_a_read_without_a_length_is_all_until_the_client_closes(self):
        for arguments in (), (-1,):
            sock = FakeSocket(b"x" * 3000, step=700)
            sock.has_ended = True
            wire = open_wire(sock, BUSY)
            self.assertEqual(await Sock(wire).read(*arguments), b"x" * 3000)
            self.assertEqual(await Sock(wire).read(*arguments), b"")

    @run_async
    async def test_a_read_of_nothing_is_nothing_and_one_of_less_a_valueerror(self):
        wire = open_wire(FakeSocket(b"abc"), BUSY)
        self.assertEqual(await Sock(wire).read(0), b"")
        self.assertEqual(await Sock(wire).readexactly(0), b"")
        with self.assertRaises(ValueError):
            await Sock(wire).readexactly(-1)
        self.assertEqual(await Sock(wire).readexactly(3), b"abc")

    @run_async
    async def test_a_read_is_short_and_readexactly_raises_when_the_client_has_closed(self):
        for function in ("read", "readexactly"):
            sock = FakeSocket(b"abc")
            sock.has_ended = True
            wire = open_wire(sock, BUSY)
            if function == "read":
                self.assertEqual(await Sock(wire).read(5), b"abc")
            else:
                with self.assertRaises(EOFError):
                    await Sock(wire).readexactly(5)


class TestLong(unittest.TestCase):
    """What comes in several blocks takes from the budget of long heads and bodies."""

    def setUp(self):
        self.owner = Owner()

    def open(self, length, step=None):
        sock = FakeSocket(b"x" * length, step=step)
        self.wire = open_wire(sock, BUSY)
        self.wire.slot.owner = self.owner
        return Sock(self.wire)

    @run_async
    async def test_it_takes_three_times_its_length_and_has_a_deadline_until_it_is_there(self):
        sock = self.open(3999)
        reading = asyncio.create_task(sock.read(4000))
        await turns()
        self.assertEqual(self.owner.memory.taken, 12000)
        self.assertTrue(self.wire.slot.deadline is not None)
        self.wire._sock.incoming.append(b"y")
        self.assertEqual(await reading, b"x" * 3999 + b"y")
        self.assertEqual(self.owner.memory.taken, 0)
        self.assertIsNone(self.wire.slot.deadline)

    @run_async
    async def test_a_block_takes_nothing(self):
        self.owner.memory.budget = 0
        self.assertEqual(len(await self.open(1024).read(1024)), 1024)

    @run_async
    async def test_without_budget_there_is_a_memoryerror_and_nobody_reads(self):
        self.owner.memory.budget = 2000
        with self.assertRaises(MemoryError):
            await self.open(2000).read(2000)
        self.assertFalse(self.wire.is_awaited)

    @run_async
    async def test_nor_in_a_heap_that_has_no_place_for_it(self):
        self.owner.memory.is_in_holes = True
        with self.assertRaises(MemoryError):
            await self.open(2000).read(2000)
        self.assertEqual((self.owner.memory.taken, self.wire.is_awaited), (0, False))

    @run_async
    async def test_what_comes_while_memory_is_waited_for_is_left_to_the_reader(self):
        sock = self.open(2000)
        memory = self.owner.memory

        async def take(length):
            self.assertTrue(self.wire.is_awaited)
            memory.taken += length
            return length

        memory.take = take
        self.assertEqual(len(await sock.read(2000)), 2000)
        self.assertEqual((memory.taken, self.wire.is_awaited), (0, False))

    @run_async
    async def test_what_is_given_up_gives_back_what_it_took(self):
        sock = self.open(1)
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(sock.read(4000), 0.01)
        self.assertEqual(self.owner.memory.taken, 0)
        self.assertIsNone(self.wire.slot.deadline)


class TestSocket(unittest.TestCase):
    @run_async
    async def test_it_is_there_under_the_name_that_micropython_streams_have_for_it(self):
        sock = FakeSocket()
        wire = open_wire(sock, BUSY)
        stream = Sock(wire)
        self.assertTrue(stream.s is sock)
        self.assertEqual(stream.get_extra_info("peername"), wire.address)
        with self.assertRaises(KeyError):
            stream.get_extra_info("cipher")


class TestClose(unittest.TestCase):
    @run_async
    async def test_a_handler_may_close_it_as_each_stream(self):
        for is_awaited in False, True:
            sock = FakeSocket()
            stream = Sock(open_wire(sock, BUSY))
            if is_awaited:
                await stream.aclose()
            else:
                stream.close()
                await stream.wait_closed()
            self.assertTrue(sock.is_closed)


class TestWrite(unittest.TestCase):
    @run_async
    async def test_two_tasks_send_on_one_wire_and_nothing_is_lost_or_reordered(self):
        sock = FakeSocket(room=0)
        wire = open_wire(sock, BUSY)

        async def talk(octet):
            for number in range(5):
                await Sock(wire).awrite(b"<" + octet * (300 * number) + b">")

        tasks = [asyncio.create_task(talk(octet)) for octet in (b"a", b"b")]
        while not all(task.done() for task in tasks):
            await turns(1)
            sock.room = min(700, sock.room + 61)
        frames = [frame + b">" for frame in sock.sent.split(b">")[:-1]]
        for octet in (b"a", b"b"):
            mine = [frame for frame in frames if octet in frame]
            self.assertEqual(mine, [b"<" + octet * (300 * n) + b">" for n in range(1, 5)])
        self.assertEqual(len(frames), 10)

    @run_async
    async def test_half_a_frame_whose_sender_was_cancelled_makes_the_wire_fail(self):
        sock = FakeSocket(room=10)
        wire = open_wire(sock, BUSY)
        sending = asyncio.create_task(Sock(wire).awrite(b"x" * 3000))
        waiting = asyncio.create_task(Sock(wire).awrite(b"next"))
        await turns()
        sending.cancel()
        sock.room = None
        for attempt in (waiting, Sock(wire).awrite(b"other"), wire.send(b"third")):
            with self.assertRaises(OSError):
                await attempt
        self.assertEqual(sock.sent, b"x" * 10)

    @run_async
    async def test_a_sender_that_was_cancelled_before_its_turn_harms_nobody(self):
        sock = FakeSocket(room=10)
        wire = open_wire(sock, BUSY)
        sending = asyncio.create_task(Sock(wire).awrite(b"x" * 3000))
        waiting = asyncio.create_task(Sock(wire).awrite(b"never"))
        await turns()
        waiting.cancel()
        await turns()
        sock.room = None
        await sending
        await Sock(wire).awrite(b"next")
        self.assertEqual(sock.sent, b"x" * 3000 + b"next")

    @run_async
    async def test_once_the_application_has_sent_there_is_no_http_any_more(self):
        wire = open_wire(FakeSocket(), BUSY)
        self.assertFalse(wire.is_answered)
        await Sock(wire).awrite(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        self.assertTrue(wire.is_answered)
        self.assertEqual(wire.slot.state, TAKEN)

    @run_async
    async def test_a_stream_is_written_as_asyncios_is(self):
        sock = FakeSocket()
        stream = Sock(open_wire(sock, BUSY))
        stream.write(b"one ")
        stream.write(bytearray(b"two"))
        await stream.drain()
        await stream.drain()
        self.assertEqual(sock.sent, b"one two")
