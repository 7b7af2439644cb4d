import gc
import unittest
from time import ticks_add

import firmware.memory as memory_module
from firmware.memory import Memory
from firmware.radio import RADIO_LEN
from host_tests.unit.fakes import FakeLog, run_async

KB = 1024
BLOCK_LEN = 4 * KB  # of the pool, in one piece
HOLE_LEN = 2 * KB
EXTERNAL = (4096 * KB, 4000 * KB, 4000 * KB, 4000 * KB)  # the region of a board with PSRAM


class FakePool:
    """A board's memory and its collector, as facts.md has them.

    `gc.mem_free()` counts the pool's largest block as Python's; an allocation that finds no place
    even after a collection takes that block whole; a part of the heap that is empty after a
    collection goes back.  The first free place is taken, and here and there something small
    survives: so the heap has holes only, up to the last small thing that was allocated.

    heap    bytes that Python began with
    added   the blocks that it has taken since
    live    bytes in use that stay
    reach   up to there the heap has holes only
    blocks  free blocks of the pool
    looks   how often it was asked what is in use
    """

    def __init__(self, heap=110 * KB, live=60 * KB, blocks=(34 * KB, 12 * KB)):
        self.heap = heap
        self.live = self.reach = live
        self.blocks = list(blocks)
        self.added = []
        self.limit = -1
        self.collections = self.looks = 0
        self.garbage = self.holes = 0
        self.top = live

    # What the firmware sees: `gc`, and `esp32.idf_heap_info`.

    def collect(self):
        self.collections += 1
        self.garbage = 0
        self.holes = self.reach - self.live
        self.top = self.reach
        while self.added:
            self.blocks.append(self.added.pop())

    def mem_free(self):
        return self.heap + sum(self.added) - self.live - self.garbage + max(self.blocks)

    def mem_alloc(self):
        self.looks += 1
        return self.live + self.garbage

    def threshold(self, length):
        self.limit = length

    def read(self, capabilities):
        return [(200 * KB, sum(self.blocks), max(self.blocks), 0), (8 * KB, 0, 0, 0)]

    # What the application does.

    def allocate(self, length):
        """Makes garbage of so many bytes in one piece."""
        if 0 <= self.limit <= self.garbage or not self._place(length):
            self.collect()
            if not self._place(length):
                self.blocks.sort()
                self.added.append(self.blocks.pop())
        self.garbage += length

    def _place(self, length):
        """Takes the first free place; whether there was one."""
        if length <= min(HOLE_LEN, self.holes):
            self.holes -= length
            return True
        if self.top + length > self.heap:
            return False
        self.top += length
        if length <= HOLE_LEN:
            self.reach = self.top
        return True


class WithExternal(FakePool):
    """Of a board with PSRAM: the largest block is there."""

    def mem_free(self):
        return super().mem_free() - max(self.blocks) + EXTERNAL[2]

    def read(self, capabilities):
        return [EXTERNAL] + super().read(capabilities)


class Settled(unittest.TestCase):
    def setUp(self):
        self._gc = memory_module.gc
        self.log = FakeLog()
        self.restarts = []

    def tearDown(self):
        memory_module.gc = self._gc

    def make(self, pool, read=None):
        memory_module.gc = pool
        return Memory(self.log, read or pool.read, lambda: self.restarts.append(1))


class TestThreshold(Settled):
    def settle(self, pool, request_len=12 * KB):
        memory = self.make(pool)
        memory.settle(request_len)
        return memory

    def load(self, pool):
        """Requests with heads of 3 to 5 KB; the least that the pool had meanwhile."""
        least = sum(pool.blocks)
        for count in range(300):
            for length in (300, 3000 + count % 3 * 1000, 200, 1000):
                pool.allocate(length)
                least = min(least, sum(pool.blocks))
        return least

    def test_the_heap_never_grows_into_the_radios_share(self):
        pool = FakePool()
        memory = self.settle(pool)
        self.assertEqual(pool.limit, memory.threshold)
        self.assertEqual(self.load(pool), 46 * KB)
        self.assertEqual(pool.added, [])

    def test_the_policy_of_before_takes_the_largest_block(self):
        """With a threshold from `gc.mem_free()` alone the fake pool does what the board did."""
        pool = FakePool()
        free = pool.mem_free()
        pool.threshold(max(free // 2, free - 4 * 4096))
        self.assertEqual(self.load(pool), 12 * KB)

    def test_the_pools_largest_block_is_not_pythons(self):
        small = self.settle(FakePool(blocks=(20 * KB,)))
        large = self.settle(FakePool(blocks=(90 * KB, 20 * KB)))
        self.assertEqual((small.threshold, small.budget), (large.threshold, large.budget))

    def test_a_fifth_of_what_is_free_is_garbage_at_most(self):
        for live in (40, 60, 80):
            memory = self.settle(FakePool(live=live * KB))
            self.assertEqual(memory.threshold, (110 - live) * KB // 5)
            self.assertGreaterEqual(memory.budget, 12 * KB)

    @run_async
    async def test_the_largest_request_is_always_within_the_budget(self):
        memory = self.settle(FakePool(live=70 * KB), request_len=30 * KB)
        self.assertEqual(await memory.take(30 * KB), 30 * KB)

    def test_what_is_loaded_later_leaves_less_whatever_requests_at_work_take(self):
        pool = FakePool()
        memory = self.settle(pool)
        before = memory.budget, memory.threshold
        pool.live += 20 * KB  # of which 8 KB are loaded
        memory.note_loaded(8 * KB)
        self.assertEqual((memory.budget, memory.threshold), (21 * KB, 42 * KB // 5))
        self.assertEqual(pool.limit, memory.threshold)
        memory.note_loaded(-8 * KB)
        self.assertEqual((memory.budget, memory.threshold), before)

    def test_garbage_of_before_does_not_count(self):
        pool = FakePool()
        pool.garbage = 20 * KB
        self.assertEqual(self.settle(pool).threshold, self.settle(FakePool()).threshold)

    def test_a_board_without_figures_has_a_threshold_too(self):
        memory = Memory(self.log)
        before = gc.threshold()
        try:
            memory.settle(4096)
            self.assertTrue(0 < memory.threshold < gc.mem_free() + gc.mem_alloc())
            self.assertLess(abs(gc.threshold() - memory.threshold), 64)  # it counts in blocks
        finally:
            gc.threshold(before)


class TestShort(Settled):
    def poll(self, memory, start, end, step=100):
        for now in range(start, end, step):
            memory.poll(now)

    def settle(self):
        """What a board has when it has started: 34 KB of the pool, in one piece."""
        pool = FakePool(blocks=(34 * KB,))
        memory = self.make(pool)
        memory.settle(12 * KB)
        return pool, memory

    def said(self, text):
        return sum(1 for line in self.log.lines if text in line)

    def test_enough_for_the_radio_is_not_short(self):
        for blocks in ((RADIO_LEN,), (BLOCK_LEN,) * 4, (34 * KB, 12 * KB)):
            pool = FakePool(blocks=blocks)
            memory = self.make(pool)
            self.poll(memory, 0, 20000)
            self.assertFalse(memory.is_short())
        self.assertEqual((self.log.lines, self.restarts, pool.collections), ([], [], 0))

    def test_one_byte_less_in_all_or_in_one_piece_is_short(self):
        for blocks in ((RADIO_LEN - 1,), (BLOCK_LEN - 1,) * 5):
            memory = self.make(FakePool(blocks=blocks))
            memory.poll(0)
            self.assertTrue(memory.is_short())

    def test_a_pool_that_is_empty_is_short(self):
        memory = self.make(FakePool(blocks=(0,)))
        memory.poll(0)
        self.assertTrue(memory.is_short())

    def test_a_collection_that_gives_a_part_of_the_heap_back_is_enough(self):
        pool = FakePool(blocks=(2 * KB,))
        pool.added = [30 * KB]
        memory = self.make(pool)
        memory.poll(0)
        self.assertFalse(memory.is_short())
        self.assertEqual((pool.added, sum(pool.blocks)), ([], 32 * KB))
        self.assertEqual(self.log.lines, [])

    def test_what_frames_take_of_the_radios_share_is_no_shortage(self):
        pool, memory = self.settle()
        pool.blocks = [2 * KB]
        memory.poll(0)
        self.assertFalse(memory.is_short())

    def test_a_heap_that_has_grown_into_it_is_one_as_long_as_something_lives_there(self):
        pool, memory = self.settle()
        pool.collect = lambda: None
        pool.added, pool.blocks = [32 * KB], [2 * KB]
        memory.poll(0)
        self.assertTrue(memory.is_short())

    def test_what_can_be_loaded_again_gives_way_before_that_is_said(self):
        pool, memory = self.settle()
        pool.collect = lambda: None
        pool.added, pool.blocks = [32 * KB], [2 * KB]

        def give_way():  # and what lived there was its own
            pool.added, pool.blocks = [], [34 * KB]

        memory.give_way = give_way
        memory.poll(0)
        self.assertFalse(memory.is_short())
        self.assertTrue(memory.is_scarce())

    def test_a_heap_that_has_grown_for_what_was_loaded_later_is_not_taken_for_its_own(self):
        pool, memory = self.settle()
        pool.collect = lambda: None
        pool.added, pool.blocks = [32 * KB], [2 * KB]
        memory.note_loaded(8 * KB)
        memory.poll(0)
        self.assertTrue(memory.is_short())

    def test_a_large_response_is_asked_for_at_the_moment_that_it_is_to_leave(self):
        pool, memory = self.settle()
        self.assertTrue(memory.can_send())
        pool.added, pool.blocks = [32 * KB], [2 * KB]
        self.assertTrue(memory.can_send())  # after a collection
        pool.collect = lambda: None
        pool.added, pool.blocks = [32 * KB], [2 * KB]
        self.assertFalse(memory.can_send())

    def test_a_radio_that_finds_no_memory_for_a_frame_for_three_seconds_connects_anew(self):
        pool, memory = self.settle()
        calls = []
        memory.radio.reconnect = lambda: calls.append(1)
        for start, end in ((0, 30000), (31000, 35000)):  # after it has helped, it may come again
            pool.blocks = [1700] * 4  # the heap has not grown: it is the TCP stack's
            self.poll(memory, start, start + 2500)
            self.assertEqual(calls, [])
            self.poll(memory, start + 2500, end)
            self.assertEqual((calls.pop(), calls), (1, []))
            pool.blocks = [34 * KB]
            self.poll(memory, end, end + 600)
        self.assertEqual((self.said("connecting anew"), self.restarts), (2, []))

    def test_it_does_so_again_each_half_minute_that_it_has_not_helped(self):
        pool, memory = self.settle()
        calls = []
        memory.radio.reconnect = lambda: calls.append(1)
        pool.blocks = [1700] * 4
        self.poll(memory, 0, 64000)
        self.assertEqual(len(calls), 3)

    def test_one_that_finds_some_now_and_then_goes_on(self):
        pool, memory = self.settle()
        calls = []
        memory.radio.reconnect = lambda: calls.append(1)
        for start in range(0, 60000, 3000):
            pool.blocks = [1500] * 4
            self.poll(memory, start, start + 2500)
            pool.blocks = [1800]
            self.poll(memory, start + 2500, start + 3000)
        self.assertEqual(calls, [])

    def test_it_is_said_once_with_what_is_left(self):
        pool = FakePool()
        memory = self.make(pool)
        memory.settle(4 * KB)
        pool.heap += 20 * KB
        pool.blocks = [3 * KB, 1 * KB]
        self.poll(memory, 0, 9000)
        text = (
            "memory is short: the heap has grown by 20480 bytes, 4096 are left, 3072 in one piece"
        )
        self.assertEqual(self.log.lines, [text])
        self.assertEqual(self.restarts, [])

    def test_a_board_whose_memory_stays_short_for_ten_seconds_restarts(self):
        memory = self.make(FakePool(blocks=(3 * KB,)))
        self.poll(memory, 700, 700 + 10000)
        self.assertEqual(self.restarts, [])
        self.poll(memory, 700 + 10000, 700 + 10500)
        self.assertEqual(len(self.restarts), 1)
        self.assertEqual(self.said("restarting"), 1)

    def test_after_two_seconds_requests_at_work_have_to_end_before_it_comes_to_that(self):
        memory = self.make(FakePool(blocks=(3 * KB,)))
        self.poll(memory, 700, 2600)
        self.assertFalse(memory.must_cut(2600))
        self.poll(memory, 2600, 2800)
        self.assertTrue(memory.must_cut(2700))
        memory = self.make(FakePool())
        self.poll(memory, 700, 2800)
        self.assertFalse(memory.must_cut(2700))

    def test_ten_seconds_begin_anew_when_it_was_enough_in_between(self):
        pool = FakePool(blocks=(3 * KB,))
        memory = self.make(pool)
        self.poll(memory, 0, 9000)
        pool.blocks = [40 * KB]
        self.poll(memory, 9000, 10000)
        self.assertFalse(memory.is_short())
        pool.blocks = [3 * KB]
        self.poll(memory, 10000, 19500)
        self.assertTrue(memory.is_short())
        self.assertEqual((self.said("memory is short"), self.restarts), (2, []))

    def test_the_pool_is_read_twice_a_second_and_not_more_often(self):
        reads = []
        pool = FakePool()

        def read(capabilities):
            reads.append(capabilities)
            return pool.read(capabilities)

        self.poll(self.make(pool, read), 0, 10000, 10)
        self.assertEqual(len(reads), 20)

    def test_the_pool_is_read_from_the_start_whatever_the_ticks_are(self):
        for start in (0, ticks_add(0, -1000), ticks_add(0, 1 << 28)):
            memory = self.make(FakePool(blocks=(3 * KB,)))
            memory.poll(start)
            self.assertTrue(memory.is_short())

    def test_without_figures_it_is_never_short(self):
        pool = FakePool(blocks=(0,))
        for regions in ([], [EXTERNAL], [(4096 * KB, 0, 0, 0)]):
            memory = self.make(pool, lambda capabilities, regions=regions: regions)
            self.poll(memory, 0, 20000, 500)
            self.assertFalse(memory.is_short())
        self.assertEqual((pool.collections, self.log.lines, self.restarts), (0, [], []))

    def test_external_memory_is_none_of_the_radios(self):
        pool = WithExternal()
        memory = self.make(pool)
        memory.settle(12 * KB)
        pool.blocks = [3 * KB]  # it is not Python that has taken the others
        pool.heap += 64 * KB
        pool.live += 60 * KB
        memory.poll(0)
        self.assertFalse(memory.is_short())
        self.assertTrue(memory.has(0))
        self.assertTrue(memory.budget > 1024 * KB)
