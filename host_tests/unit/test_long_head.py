import asyncio
import unittest
from time import ticks_add, ticks_diff, ticks_ms

from firmware.heads import HeadParser
from firmware.http1 import HTTPError
from firmware.long_head import LongHead
from firmware.slots import IDLE, READING
from host_tests.unit.fakes import FakeMemory, FakeSocket, open_wire, run_async, turns, until

MAX_LEN = 4096
WAIT_MS = 5000
HEAD = b"GET /quick HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 2000 + b"\r\n\r\n"
STEP_LEN = 512  # of the budget at least


class Receiving:
    """A long head of which `received` has come: `more` comes behind it, in blocks of `step`."""

    def __init__(self, received, more=b"", step=1024):
        self.memory = FakeMemory()
        self.sock = FakeSocket(more, step=step)
        self.wire = open_wire(self.sock, IDLE)
        self.long_head = LongHead(self.memory, HeadParser(128, MAX_LEN), WAIT_MS)
        self._received = received

    async def run(self):
        return await self.long_head.receive(self.wire, self._received)


class TestLongHead(unittest.TestCase):
    @run_async
    async def test_it_is_received_in_blocks_of_any_length(self):
        for step in (1, 3, 700, 1024):
            receiving = Receiving(HEAD[:10], HEAD[10:], step)
            head, rest = await receiving.run()
            self.assertEqual((head.raw, rest), (HEAD, b""))

    @run_async
    async def test_what_is_sent_behind_it_is_kept(self):
        _, rest = await Receiving(HEAD[:1024], HEAD[1024:] + b"GET /next").run()
        self.assertEqual(rest, b"GET /next")

    @run_async
    async def test_empty_lines_are_no_beginning_and_take_nothing(self):
        receiving = Receiving(b"\r\n")
        running = asyncio.create_task(receiving.run())
        for _ in range(3):
            receiving.sock.incoming.append(b"\r\n")
            await turns()
        self.assertEqual((receiving.wire.slot.state, receiving.memory.taken), (IDLE, 0))
        receiving.sock.incoming.append(b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
        head, _ = await running
        self.assertEqual(head.target, "/")

    @run_async
    async def test_a_client_that_closes_in_it_is_none(self):
        for received, more in ((HEAD[:1024], b""), (HEAD[:1024], b"a"), (b"\r\n", b"")):
            receiving = Receiving(received, more)
            receiving.sock.has_ended = True
            self.assertEqual(await receiving.run(), None)

    @run_async
    async def test_the_time_for_it_is_one_however_it_drips(self):
        receiving = Receiving(HEAD[:1024])
        running = asyncio.create_task(receiving.run())
        await until(lambda: receiving.wire.slot.state == READING)
        deadline = receiving.wire.slot.deadline
        self.assertTrue(0 <= ticks_diff(ticks_add(ticks_ms(), WAIT_MS), deadline) < WAIT_MS)
        receiving.sock.incoming.append(b"a")
        await turns()
        self.assertEqual(receiving.wire.slot.deadline, deadline)
        running.cancel()

    @run_async
    async def test_one_past_the_limit_is_431_and_nothing_more_is_received(self):
        receiving = Receiving(HEAD[:1000], b"a" * 2 * MAX_LEN)
        with self.assertRaises(HTTPError) as raised:
            await receiving.run()
        self.assertEqual(raised.exception.status, 431)
        left_len = sum(len(block) for block in receiving.sock.incoming)
        self.assertEqual(left_len, 1000 + MAX_LEN)


class TestCost(unittest.TestCase):
    @run_async
    async def test_it_is_twice_what_has_come_then_its_length(self):
        receiving = Receiving(HEAD[:1000])
        running = asyncio.create_task(receiving.run())
        await until(lambda: receiving.memory.taken == 2000)
        receiving.sock.incoming.append(HEAD[1000:1001])
        await until(lambda: receiving.memory.taken == 2000 + STEP_LEN)
        receiving.sock.incoming.append(HEAD[1001:1900])
        await until(lambda: receiving.memory.taken == 3800)
        receiving.sock.incoming.append(HEAD[1900:])
        await running
        self.assertEqual(receiving.memory.taken, len(HEAD))
        receiving.long_head.give_back()
        self.assertEqual(receiving.memory.taken, 0)
        receiving.long_head.give_back()
        self.assertEqual(receiving.memory.taken, 0)

    @run_async
    async def test_a_client_that_has_sent_little_costs_little(self):
        receiving = Receiving(b"G")
        running = asyncio.create_task(receiving.run())
        for octet in b"ET /quick HTTP/1.1\r\nHost: x\r\n":
            await until(lambda: receiving.memory.taken)
            self.assertEqual(receiving.memory.taken, STEP_LEN)
            receiving.sock.incoming.append(bytes([octet]))
            await turns()
        running.cancel()
        await turns()

    @run_async
    async def test_the_longest_costs_no_more_than_twice_its_length_however_it_comes(self):
        head = HEAD[:-4] + b"a" * (MAX_LEN - len(HEAD)) + b"\r\n\r\n"
        for step in (50, 300, 1024):
            receiving = Receiving(head[:1000], head[1000:], step)
            receiving.memory.budget = 2 * MAX_LEN
            self.assertEqual((await receiving.run())[0].raw, head)

    @run_async
    async def test_it_is_given_back_whatever_has_ended_it(self):
        for budget in (1999, 2000):
            receiving = Receiving(HEAD[:1000], HEAD[1000:])
            receiving.memory.budget = budget
            with self.assertRaises(MemoryError):
                await receiving.run()
            receiving.long_head.give_back()
            self.assertEqual(receiving.memory.taken, 0)

    @run_async
    async def test_so_it_is_when_the_heap_has_no_place_for_all_of_it_in_one_piece(self):
        receiving = Receiving(HEAD[:1000], HEAD[1000:])
        receiving.memory.is_in_holes = True
        with self.assertRaises(MemoryError):
            await receiving.run()
        self.assertIsNone(receiving.wire.slot.deadline)  # while a place was looked for
        receiving.long_head.give_back()
        self.assertEqual(receiving.memory.taken, 0)

    @run_async
    async def test_so_it_is_when_it_was_cancelled(self):
        receiving = Receiving(HEAD[:1000])
        running = asyncio.create_task(receiving.run())
        await until(lambda: receiving.memory.taken)
        running.cancel()
        await turns()
        self.assertEqual(receiving.memory.taken, 2000)
        receiving.long_head.give_back()
        self.assertEqual(receiving.memory.taken, 0)
