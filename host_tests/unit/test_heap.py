import unittest

from firmware.heap import grow, growth_len

KB = 1024
EXTERNAL = (4096 * KB, 4000 * KB, 4000 * KB, 4000 * KB)  # the region of a board with PSRAM


class TestGrowth(unittest.TestCase):
    """The regions of an ESP32 at its start: (size, free, largest free block, least free)."""

    REGIONS = [(16648, 4184, 4096, 0), (85192, 10584, 10240, 0), (113840, 112968, 110592, 0)]

    def test_the_pool_keeps_what_the_network_takes_and_what_is_to_be_left(self):
        length = growth_len(self.REGIONS, 27 * KB)
        self.assertEqual(length, 4184 + 10584 + 112968 - 44544 - 27 * KB)
        self.assertEqual(growth_len(self.REGIONS, 37 * KB), length - 10 * KB)

    def test_a_pool_that_has_no_more_than_that_is_left_alone(self):
        self.assertEqual(growth_len([(113840, 70 * KB, 66 * KB, 0)], 27 * KB), 0)
        self.assertEqual(growth_len([(113840, 2 * KB, 2 * KB, 0)], 27 * KB), 0)
        self.assertEqual(growth_len([], 27 * KB), 0)

    def test_with_external_memory_the_heap_grows_into_that(self):
        self.assertEqual(growth_len(self.REGIONS + [EXTERNAL], 27 * KB), 0)

    def test_a_pool_in_pieces_is_no_reason_not_to_start(self):
        grow(0, lambda capabilities: [(1, 1 << 40, 0, 0)])
