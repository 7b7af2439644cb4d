import unittest

from fakes import FakeInterface
from firmware.link import CONNECTING, DOWN, UP, Link


class TestLink(unittest.TestCase):
    def setUp(self):
        self.interface = FakeInterface()
        self.link = Link(self.interface)

    def poll(self, now, address):
        self.interface.address = address
        return self.link.poll(now)

    def test_it_is_up_when_the_address_has_held(self):
        self.assertIsNone(self.poll(0, None))
        self.assertIsNone(self.poll(100, "10.0.0.1"))
        self.assertEqual(self.link.state, CONNECTING)
        self.assertIsNone(self.poll(399, "10.0.0.1"))
        self.assertEqual(self.poll(400, "10.0.0.1"), UP)
        self.assertEqual(self.link.address, "10.0.0.1")
        self.assertIsNone(self.poll(500, "10.0.0.1"))

    def test_it_is_down_at_once(self):
        self.poll(0, "10.0.0.1")
        self.poll(300, "10.0.0.1")
        self.assertEqual(self.poll(301, None), DOWN)
        self.assertEqual(self.link.state, DOWN)
        self.assertIsNone(self.poll(302, None))

    def test_a_change_of_address_is_a_down_and_an_up(self):
        self.poll(0, "10.0.0.1")
        self.poll(300, "10.0.0.1")
        self.assertEqual(self.poll(301, "10.0.0.2"), DOWN)
        self.assertEqual(self.poll(601, "10.0.0.2"), UP)

    def test_a_flapping_link_gives_no_edges(self):
        for now in range(0, 5000, 250):
            self.assertIsNone(self.poll(now, "10.0.0.1" if now % 500 else None))
