import unittest

from firmware.link import CONNECTING, DOWN, UP, Link
from host_tests.unit.fakes import FakeInterface


class TestLink(unittest.TestCase):
    def setUp(self):
        self.interface = FakeInterface()
        self.link = Link(self.interface)

    def poll(self, now, address):
        self.interface.address = address
        return self.link.poll(now)

    def test_the_first_address_counts_at_once(self):
        self.assertIsNone(self.poll(0, None))
        self.assertEqual(self.poll(100, "10.0.0.1"), UP)
        self.assertEqual((self.link.state, self.link.address), (UP, "10.0.0.1"))
        self.assertIsNone(self.poll(200, "10.0.0.1"))

    def test_it_is_down_when_the_address_has_been_gone_for_a_moment(self):
        self.poll(0, "10.0.0.1")
        self.assertIsNone(self.poll(400, None))
        self.assertIsNone(self.poll(699, None))
        self.assertEqual((self.link.state, self.link.address), (UP, "10.0.0.1"))
        self.assertEqual(self.poll(700, None), DOWN)
        self.assertEqual((self.link.state, self.link.address), (DOWN, None))
        self.assertIsNone(self.poll(800, None))

    def test_it_is_up_again_when_the_address_has_held_for_a_moment(self):
        self.poll(0, "10.0.0.1")
        self.poll(400, None)
        self.poll(700, None)
        self.assertIsNone(self.poll(1000, "10.0.0.1"))
        self.assertEqual(self.link.state, CONNECTING)
        self.assertIsNone(self.poll(1299, "10.0.0.1"))
        self.assertEqual(self.poll(1300, "10.0.0.1"), UP)

    def test_a_change_of_address_is_a_down_at_once_and_an_up(self):
        self.poll(0, "10.0.0.1")
        self.assertEqual(self.poll(301, "10.0.0.2"), DOWN)
        self.assertEqual(self.poll(601, "10.0.0.2"), UP)

    def test_an_address_that_comes_back_as_another_one_is_a_change(self):
        self.poll(0, "10.0.0.1")
        self.assertIsNone(self.poll(400, None))
        self.assertEqual(self.poll(500, "10.0.0.2"), DOWN)
        self.assertEqual(self.poll(800, "10.0.0.2"), UP)

    def flap(self, up_ms, down_ms):
        """The edges of a link that flaps ten times."""
        self.setUp()
        edges = []
        now = 0
        for _ in range(10):
            for address, ms in (("10.0.0.1", up_ms), (None, down_ms)):
                for _ in range(ms // 50):
                    edges.append(self.poll(now, address))
                    now += 50
        return [edge for edge in edges if edge is not None]

    def test_a_link_that_flaps_ten_times_in_5_s_starts_and_stops_once_at_most(self):
        self.assertEqual(self.flap(250, 250), [UP])
        self.assertEqual(self.flap(400, 100), [UP])
        self.assertEqual(self.flap(100, 400), [UP, DOWN])
