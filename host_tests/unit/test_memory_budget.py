"""What clients may make the server allocate: the budget of what is long, and room to last."""

import asyncio
from time import ticks_add, ticks_ms

import firmware.memory as memory_module
from host_tests.unit.fakes import run_async, turns
from host_tests.unit.test_memory import KB, FakePool, Settled


class TestBudget(Settled):
    """`waits`: how often it was waited for; others give `given_back` back meanwhile."""

    def setUp(self):
        super().setUp()
        self._asyncio = memory_module.asyncio
        memory_module.asyncio = self  # type: ignore[attr-defined]
        self.pool = FakePool()
        self.memory = self.make(self.pool)
        self.memory.budget = 1000
        self.given_back = [0] * 1000
        self.waits = 0

    def tearDown(self):
        super().tearDown()
        memory_module.asyncio = self._asyncio

    async def sleep_ms(self, wait_ms):
        self.waits += wait_ms
        self.memory.give_back(self.given_back.pop())
        await turns(1)

    @run_async
    async def test_it_is_taken_up_to_the_last_byte_and_no_further(self):
        self.assertEqual(await self.memory.take(400), 400)
        self.assertEqual(await self.memory.take(600), 600)
        self.assertEqual(self.waits, 0)
        with self.assertRaises(MemoryError):
            await self.memory.take(1)

    @run_async
    async def test_what_can_be_loaded_again_gives_way_before_anybody_waits(self):
        gone = []

        def give_way():
            gone.append(1)
            self.memory.budget += 500

        for ask in (self.memory.take, self.memory.wait_room):
            self.memory._used = 900
            self.memory.budget = 1000
            if ask == self.memory.wait_room:
                self.memory.has = lambda length: len(gone) == 2  # type: ignore[method-assign]
            self.memory.give_way = give_way
            self.assertTrue(await ask(200))
            self.assertIsNone(self.memory.give_way)
        self.assertEqual((gone, self.waits), ([1, 1], 0))

    @run_async
    async def test_what_gave_way_is_not_to_come_back_for_half_a_minute(self):
        self.assertFalse(self.memory.is_scarce())
        await self.memory.take(900)
        self.memory.give_way = lambda: self.memory.give_back(900)
        await self.memory.take(200)
        now = ticks_ms()
        polls = 0
        while self.memory.is_scarce():
            polls += 1
            self.memory.poll(ticks_add(now, 500 * polls))
        self.assertEqual(polls, 60)

    @run_async
    async def test_what_takes_nothing_is_never_refused(self):
        await self.memory.take(1000)
        self.assertEqual(await self.memory.take(0), 0)

    @run_async
    async def test_what_was_refused_has_taken_nothing(self):
        await self.memory.take(500)
        with self.assertRaises(MemoryError):
            await self.memory.take(501)
        self.assertEqual(await self.memory.take(500), 500)

    @run_async
    async def test_what_is_given_back_can_be_taken_again(self):
        await self.memory.take(1000)
        self.memory.give_back(700)
        self.assertEqual(await self.memory.take(700), 700)
        with self.assertRaises(MemoryError):
            await self.memory.take(1)

    @run_async
    async def test_what_others_give_back_within_a_second_is_waited_for(self):
        await self.memory.take(1000)
        self.given_back += [1, 500] + 8 * [0]
        self.assertEqual(await self.memory.take(501), 501)
        self.assertTrue(0 < self.waits <= 1000)
        with self.assertRaises(MemoryError):
            await self.memory.take(1)

    @run_async
    async def test_six_tabs_whose_heads_of_2_kb_are_half_received_have_their_turn(self):
        self.memory.budget = 14 * KB
        served = []

        async def receive(name):
            first = await self.memory.take(2 * KB)  # the block, and what it is in the joined head
            await turns(1)
            second = await self.memory.take(2 * KB)
            await turns(1)
            self.memory.give_back(first + second)
            served.append(name)

        await asyncio.gather(*[receive(name) for name in range(6)])
        self.assertEqual(sorted(served), list(range(6)))
        self.assertTrue(self.waits > 0)

    @run_async
    async def test_what_they_keep_for_longer_is_not(self):
        await self.memory.take(1000)
        with self.assertRaises(MemoryError):
            await self.memory.take(1)
        self.assertEqual(self.waits, 1000)

    @run_async
    async def test_nobody_waits_when_the_radio_needs_what_the_client_has_sent(self):
        await self.memory.take(1000)
        self.given_back = [0, 500, 0]
        self.pool.blocks = [10 * KB - 1]
        with self.assertRaises(MemoryError):
            await self.memory.take(500)
        self.pool.blocks = [3 * KB] * 8  # of which a frame more may find its place, or not
        with self.assertRaises(MemoryError):
            await self.memory.take(500)
        self.assertEqual(self.waits, 0)
        self.pool.blocks = [10 * KB]
        self.assertEqual(await self.memory.take(500), 500)
        self.assertEqual(self.waits, 200)

    @run_async
    async def test_what_is_more_than_all_is_refused_at_once(self):
        with self.assertRaises(MemoryError):
            await self.memory.take(1001)
        self.assertEqual(self.waits, 0)


class TestRoom(Settled):
    """Garbage of a fifth of what is free, and a request at work, have their place beside it."""

    def settle(self, live, blocks=(34 * KB,)):
        self.pool = FakePool(heap=110 * KB, live=live, blocks=blocks)
        memory = self.make(self.pool)
        memory.settle(12 * KB)
        return memory

    def test_connections_may_last_until_a_request_would_make_the_heap_grow(self):
        memory = self.settle(80 * KB)  # 30 KB are free, 6 KB of them for garbage
        count = 0
        while memory.has_room_to_last():
            count += 1
            self.pool.live += 3 * KB
        self.assertEqual(count, 7)
        self.pool.live -= 3 * KB
        self.assertTrue(memory.has_room_to_last())

    def test_what_can_leave_does_so_before_one_that_would_last_is_refused(self):
        def give_way():
            self.pool.live -= 8 * KB

        memory = self.settle(80 * KB)
        memory.give_way = give_way
        self.pool.live += 24 * KB
        self.assertTrue(memory.has_room_to_last())
        self.assertTrue(memory.is_scarce())
        self.pool.live += 8 * KB
        self.assertFalse(memory.has_room_to_last())

    def test_garbage_takes_no_room(self):
        memory = self.settle(80 * KB)
        self.pool.garbage = 29 * KB
        self.assertTrue(memory.has_room_to_last())
        self.assertEqual(self.pool.garbage, 0)

    def test_what_is_free_is_not_collected_for(self):
        memory = self.settle(60 * KB)
        collections = self.pool.collections
        self.assertTrue(memory.has_room_to_last())
        self.assertEqual(self.pool.collections, collections)

    def test_the_heap_is_not_looked_at_again_for_what_was_found_a_moment_ago(self):
        now = 1000
        memory_module.ticks_ms = lambda: now
        try:
            memory = self.settle(60 * KB)
            self.assertTrue(memory.has(2 * KB))
            self.pool.looks = 0
            self.assertEqual((memory.has(2 * KB), self.pool.looks), (True, 0))
            self.pool.live += 45 * KB
            self.assertEqual((memory.has(2 * KB), memory.has(30 * KB)), (True, False))
            now += 50
            self.assertFalse(memory.has(2 * KB))
            self.pool.live -= 45 * KB
            self.assertTrue(memory.has(2 * KB))
            memory.poll(now)
            self.pool.live += 45 * KB
            for _ in range(2):  # after days: for ticks, a time to come
                now = ticks_add(now, ticks_add(0, -1) // 4 + 2)
            self.assertFalse(memory.has(2 * KB))
        finally:
            memory_module.ticks_ms = ticks_ms

    @run_async
    async def test_a_long_request_is_refused_while_connections_that_last_have_taken_the_heap(self):
        memory = self.settle(80 * KB)
        self.pool.live += 21 * KB
        with self.assertRaises(MemoryError):
            await self.take(memory, 8 * KB)
        self.pool.live -= 21 * KB
        self.assertEqual(await self.take(memory, 8 * KB), 8 * KB)

    @run_async
    async def test_a_newcomer_waits_while_what_was_promised_to_others_would_make_the_heap_grow(
        self,
    ):
        memory = self.settle(80 * KB)
        memory.give_back(-20 * KB)  # was taken, and is still to come
        self.pool.live += 6 * KB
        kept, memory_module.asyncio = memory_module.asyncio, Played()
        try:
            self.assertFalse(await memory.wait_room())
            self.assertEqual(memory_module.asyncio.waited_ms, 1000)
            self.pool.blocks = [9 * KB]  # the radio needs what the newcomer has sent
            self.assertFalse(await memory.wait_room())
            self.assertEqual(memory_module.asyncio.waited_ms, 1000)
            memory.give_back(20 * KB)
            self.assertTrue(await memory.wait_room())
        finally:
            memory_module.asyncio = kept

    async def refuse(self, memory, length=0):
        """Somebody waits for room, and finds none."""
        kept, memory_module.asyncio = memory_module.asyncio, Played()
        try:
            self.assertFalse(await memory.wait_room(length))
        finally:
            memory_module.asyncio = kept

    def poll(self, memory, start, end):
        for now in range(start, end, 500):
            memory.poll(now)
        return self.restarts

    @run_async
    async def test_a_board_whose_application_keeps_all_of_the_heap_for_a_minute_restarts(self):
        for count, blocks in enumerate(((34 * KB,), (0,))):  # beside PSRAM no pool is counted
            memory = self.settle(80 * KB, blocks)
            self.pool.live += 30 * KB
            await self.refuse(memory)
            self.assertEqual(self.poll(memory, 0, 59500), [1] * count)
            self.poll(memory, 59500, 60000)
            self.assertEqual(self.restarts, [1] * (count + 1))
            self.assertEqual(self.log.lines.pop(), "memory stays full: restarting")

    @run_async
    async def test_a_minute_begins_anew_when_there_was_room_in_between(self):
        memory = self.settle(80 * KB)
        for start in (0, 100000):
            self.pool.live += 30 * KB
            await self.refuse(memory)
            self.poll(memory, start, start + 59500)
            self.pool.live -= 30 * KB
            self.poll(memory, start + 59500, start + 100000)
        self.assertEqual((self.restarts, self.log.lines), ([], []))

    @run_async
    async def test_a_full_heap_of_which_nobody_wants_anything_is_left_alone(self):
        memory = self.settle(80 * KB)
        self.pool.live += 30 * KB
        await self.refuse(memory, 8 * KB)  # for the status: a newcomer may find room
        looks = self.pool.looks
        self.assertEqual(self.poll(memory, 0, 200000), [])
        self.assertEqual(self.pool.looks, looks)

    async def take(self, memory, length):
        """Takes it now or never."""
        kept, memory_module.asyncio = memory_module.asyncio, NoTime
        try:
            return await memory.take(length)
        finally:
            memory_module.asyncio = kept


class Played:
    """A second passes at once."""

    waited_ms = 0

    async def sleep_ms(self, wait_ms):
        self.waited_ms += wait_ms


class NoTime:
    @staticmethod
    async def sleep_ms(wait_ms):
        raise MemoryError
