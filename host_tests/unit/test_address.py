import unittest

import network

from firmware.address import read_address, read_gateway, set_address


class FakeNic:
    """An interface that keeps what it is told."""

    def __init__(self, address="0.0.0.0"):
        self.told = []
        self._address = address

    def ipconfig(self, name=None, **settings):
        if name:
            return {"addr4": (self._address, "255.255.255.0"), "gw4": self._address}[name]
        self.told.append(settings)
        return None


class TestAddress(unittest.TestCase):
    def setUp(self):
        self._ipconfig = network.ipconfig
        self.nic = FakeNic()
        network.ipconfig = self.nic.ipconfig

    def tearDown(self):
        network.ipconfig = self._ipconfig

    def test_without_a_static_address_it_is_dhcp(self):
        set_address(self.nic, None)
        self.assertEqual(self.nic.told, [{"dhcp4": True}])

    def test_a_static_address_is_set_before_the_name_server_that_it_clears(self):
        static_ip = {"address": "10.0.0.9", "netmask": "255.0.0.0", "gateway": "10.0.0.1"}
        set_address(self.nic, dict(static_ip, dns="10.0.0.2"))
        self.assertEqual(
            self.nic.told,
            [{"addr4": ("10.0.0.9", "255.0.0.0"), "gw4": "10.0.0.1"}, {"dns": "10.0.0.2"}],
        )

    def test_no_address_is_none(self):
        self.assertIsNone(read_address(self.nic))
        self.assertEqual(read_address(FakeNic("10.0.0.9")), "10.0.0.9")

    def test_a_gateway_is_none_without_one(self):
        self.assertEqual(read_gateway(FakeNic("10.0.0.1")), "10.0.0.1")
        self.assertIsNone(read_gateway(FakeNic()))
