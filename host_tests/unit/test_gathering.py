import asyncio
import gc
import sys

import firmware.pieces as pieces_module
from firmware.slots import BUSY
from host_tests.unit.fakes import FakeSocket, run_async, turns, until
from host_tests.unit.sending import Pieces, Sent

PACKET_LEN = 1400


def exhaust(length):
    raise MemoryError


class SlowPieces(Pieces):
    """Waits before each piece."""

    async def __anext__(self):
        await turns(4)
        return await super().__anext__()


class TestGathering(Sent):
    def setUp(self):
        super().setUp()
        self.running = None

    async def run_sender(self):
        self.running = asyncio.create_task(self.sender.run())
        await turns()

    async def send_large(self):
        gate = asyncio.Event()
        body = Pieces("one", gate)
        body.held = [[] for _ in range(2000)]
        sending = asyncio.create_task(self.send(body))
        await turns()
        gate.set()
        await sending

    @run_async
    async def test_nothing_of_the_last_stays_in_memory(self):
        await self.run_sender()
        gc.collect()
        before = gc.mem_alloc()
        await self.send_large()
        await turns()
        gc.collect()
        grown = gc.mem_alloc() - before  # objects, on CPython, else bytes
        self.assertLess(grown, 1000 if sys.implementation.name == "cpython" else 20000)
        self.running.cancel()

    @run_async
    async def test_small_pieces_that_come_without_waiting_leave_in_packets(self):
        await self.run_sender()
        await self.send(Pieces(*["x" * 10] * 1000))
        self.running.cancel()
        self.assertEqual(self.body().count(b"x"), 10000)
        # Eight packets, and here and there one that left early, since others had their turn.
        self.assertLessEqual(len(self.sock.sizes), 40)

    @run_async
    async def test_a_piece_leaves_at_once_when_the_next_has_to_wait(self):
        await self.run_sender()
        gate = asyncio.Event()
        sending = asyncio.create_task(self.send(Pieces("one", "two", gate, "three")))
        await turns()
        self.assertEqual(self.body(), b"6\r\nonetwo\r\n")
        gate.set()
        await sending
        self.running.cancel()
        self.assertEqual(self.body(), b"6\r\nonetwo\r\n5\r\nthree\r\n0\r\n\r\n")

    @run_async
    async def test_pieces_leave_at_once_again_when_memory_was_exhausted_even_to_wait(self):
        gathered, times = self.sender._gathered, 3

        class Gathered:
            def wait(self):
                nonlocal times
                times -= 1
                if times >= 0:
                    raise MemoryError
                return gathered.wait()

            def __getattr__(self, name):
                return getattr(gathered, name)

        self.sender._gathered = Gathered()
        await self.run_sender()
        gate = asyncio.Event()
        sending = asyncio.create_task(self.send(Pieces("one", gate)))
        await until(lambda: b"one" in self.sock.sent)
        gate.set()
        await sending
        self.assertLess(times, 0)
        self.running.cancel()

    @run_async
    async def test_what_the_socket_did_not_take_at_once_is_not_lost(self):
        await self.run_sender()
        gate = asyncio.Event()
        self.sock.room = 0
        sending = asyncio.create_task(self.send(Pieces("one", gate, "two")))
        for _ in range(20):
            await turns(3)
            self.sock.room = 7
        gate.set()
        while not sending.done():
            await turns(3)
            self.sock.room = 7
        self.running.cancel()
        self.assertEqual(self.body(), b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")

    @run_async
    async def test_a_client_that_reads_nothing_holds_up_who_makes_the_pieces(self):
        await self.run_sender()
        body = SlowPieces(*["x" * 20] * 200)
        self.sock.room = 300
        sending = asyncio.create_task(self.send(body))
        await turns(1000)
        self.assertLess(body.taken, 30)
        self.sock.room = None
        await sending
        self.running.cancel()
        self.assertEqual(self.body().count(b"x"), 4000)

    @run_async
    async def test_a_body_ends_when_something_of_it_was_lost(self):
        await self.run_sender()
        body = SlowPieces(*["x" * 20] * 200)
        sending = asyncio.create_task(self.send(body))
        await turns(20)
        self.wire_.is_partial = True
        with self.assertRaises(OSError):
            await sending
        self.running.cancel()
        self.assertLess(body.taken, 30)

    @run_async
    async def test_what_there_was_no_memory_to_send_at_once_is_not_lost(self):
        await self.run_sender()
        gate = asyncio.Event()
        encode_size, pieces_module.encode_size = pieces_module.encode_size, exhaust
        try:
            sending = asyncio.create_task(self.send(Pieces("one", gate, "two")))
            await turns()
            self.assertEqual((self.sock.sent, self.wire_.slot.state), (b"", BUSY))
        finally:
            pieces_module.encode_size = encode_size
        await until(lambda: self.sock.sent)
        gate.set()
        await sending
        self.running.cancel()
        self.assertEqual(self.body(), b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")

    @run_async
    async def test_a_client_that_is_gone_does_not_end_the_task_that_sends(self):
        await self.run_sender()
        gate = asyncio.Event()
        self.sock.error = OSError(104, "reset")
        sending = asyncio.create_task(self.send(Pieces("one", gate, "x" * 2000)))
        await turns()
        gate.set()
        with self.assertRaises(OSError):
            await sending
        self.assertFalse(self.running.done())
        self.sock = FakeSocket()
        gate.clear()
        sending = asyncio.create_task(self.send(Pieces("one", gate)))
        await turns()
        self.assertEqual(self.body(), b"3\r\none\r\n")
        gate.set()
        await sending
        self.running.cancel()

    @run_async
    async def test_a_large_piece_is_a_chunk_of_its_own_and_not_copied(self):
        large = b"y" * 20000
        await self.send(Pieces("x" * 10, large, "z" * 10))
        chunks = (b"x" * 10, large, b"z" * 10)
        text = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
        self.assertEqual(self.body(), text + b"0\r\n\r\n")
        for size in self.sock.sizes:
            self.assertTrue(size < 2 * PACKET_LEN or size == 20000 - PACKET_LEN)

    @run_async
    async def test_a_body_that_never_waits_lets_others_run(self):
        now = 0

        def tick():
            nonlocal now
            now += 1
            return now

        ticks = pieces_module.ticks_ms
        pieces_module.ticks_ms = tick
        count = []

        async def run_beside():
            while True:
                count.append(1)
                await asyncio.sleep(0)

        beside = asyncio.create_task(run_beside())
        try:
            await self.send(Pieces(*[""] * 100))
        finally:
            pieces_module.ticks_ms = ticks
            beside.cancel()
        self.assertGreaterEqual(len(count), 20)
