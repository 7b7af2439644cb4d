"""A long head or body gets a place in the heap that there is, or none."""

import firmware.memory as memory_module
from host_tests.unit.fakes import run_async, turns
from host_tests.unit.test_memory import EXTERNAL, KB, FakePool, Settled

HEAD_LEN = 4 * KB


class Holes(FakePool):
    """A heap that has holes only, but for its last `room` bytes."""

    def __init__(self, room=0):
        super().__init__(live=80 * KB)
        self.reach = self.top = self.heap - room
        self.holes = self.reach - self.live


class TestPlace(Settled):
    """`waits`: how long it was waited; then others leave `left` bytes at the end of the heap."""

    def setUp(self):
        super().setUp()
        self._asyncio = memory_module.asyncio
        memory_module.asyncio = self  # type: ignore[attr-defined]
        self.waits = self.left = 0

    def tearDown(self):
        super().tearDown()
        memory_module.asyncio = self._asyncio

    async def sleep_ms(self, wait_ms):
        self.assertEqual(self.pool.added, [])
        self.waits += wait_ms
        self.pool.reach -= self.left
        self.pool.collect()
        await turns(1)

    def settle(self, pool):
        self.pool = pool
        memory = self.make(pool)
        memory.settle(12 * KB)
        return memory

    def make_piece(self):
        self.pool.allocate(HEAD_LEN)
        return b"head"

    @run_async
    async def test_where_there_is_one_it_is_taken_at_once(self):
        memory = self.settle(Holes(HEAD_LEN))
        self.assertEqual(await memory.place(self.make_piece), b"head")
        self.assertEqual((self.waits, self.pool.added), (0, []))

    @run_async
    async def test_what_the_heap_had_to_grow_for_is_given_up_until_others_leave_a_place(self):
        memory = self.settle(Holes())
        self.left = 3 * KB
        self.assertEqual(await memory.place(self.make_piece), b"head")
        self.assertEqual((self.waits, self.pool.added), (500, []))

    @run_async
    async def test_if_nobody_does_it_is_refused_and_the_radio_has_all_of_its_memory(self):
        memory = self.settle(Holes())
        free = sum(self.pool.blocks)
        with self.assertRaises(MemoryError):
            await memory.place(self.make_piece)
        self.assertEqual((self.waits, sum(self.pool.blocks)), (1000, free))

    @run_async
    async def test_nobody_waits_when_the_radio_needs_what_the_client_has_sent(self):
        memory = self.settle(Holes())
        self.pool.blocks = [6 * KB, 3 * KB]
        with self.assertRaises(MemoryError):
            await memory.place(self.make_piece)
        self.assertEqual(self.waits, 0)

    @run_async
    async def test_the_heap_may_grow_into_what_is_not_the_radios(self):
        memory = self.settle(Holes())
        self.pool.blocks = [20 * KB, 20 * KB]
        self.assertEqual(await memory.place(self.make_piece), b"head")
        self.assertEqual((self.waits, len(self.pool.added)), (0, 1))

    @run_async
    async def test_that_the_heap_cannot_even_grow_is_waited_for_too(self):
        memory = self.settle(Holes())
        outcomes = [b"head", MemoryError(), MemoryError()]

        def make():
            outcome = outcomes.pop()
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        self.assertEqual(await memory.place(make), b"head")
        self.assertEqual(self.waits, 500)

    @run_async
    async def test_what_can_be_loaded_again_gives_way_before_anybody_waits(self):
        memory = self.settle(Holes())

        def give_way():
            self.pool.reach -= HEAD_LEN
            self.pool.collect()

        memory.give_way = give_way
        self.assertEqual(await memory.place(self.make_piece), b"head")
        self.assertEqual((self.waits, memory.give_way), (0, None))

    @run_async
    async def test_what_the_driver_takes_meanwhile_is_none_of_the_heaps(self):
        self.pool = Holes(HEAD_LEN)
        figures = []

        def read(kind):
            if figures:
                self.pool.blocks[0] = figures.pop()
            return self.pool.read(kind)

        memory = self.make(self.pool, read)
        memory.settle(12 * KB)
        self.pool.blocks[1] = 2 * KB
        figures += [10 * KB, 10 * KB, 11 * KB, 12 * KB, 12 * KB]
        self.assertEqual(await memory.place(self.make_piece), b"head")
        self.assertEqual((self.waits, figures), (0, []))

    @run_async
    async def test_a_board_without_a_pool_or_with_other_memory_takes_what_it_gets(self):
        for regions in ([], [(200 * KB, 46 * KB, 34 * KB, 0), EXTERNAL]):
            self.pool = Holes()
            memory = self.make(self.pool, lambda kind, regions=regions: regions)
            memory.settle(12 * KB)
            looks = self.pool.looks
            self.assertEqual(await memory.place(self.make_piece), b"head")
            self.assertEqual((self.waits, self.pool.looks), (0, looks))
