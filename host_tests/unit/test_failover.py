import unittest

from firmware.config import check
from firmware.ethernet import Ethernet
from firmware.failover import Failover
from firmware.wifi import WiFi
from host_tests.unit.fakes import Play
from tools.simulator.surroundings import AccessPoint, Surroundings

WIFI = "192.168.4.2"
CABLE = "10.0.0.2"


def make(log):
    arguments = check({"network": {"ethernet": {"board": "WT32-ETH01"}}})["network"]["ethernet"]
    wifi = WiFi([{"ssid": "home", "password": ""}], "board", "", False, None, log)
    return Failover(Ethernet(arguments, "board", None, log), wifi, log)


class TestFailover(unittest.TestCase):
    def setUp(self):
        self.play = Play(make, Surroundings([AccessPoint("home", address=WIFI)], CABLE))

    def test_ethernet_is_first_and_wifi_stays_off(self):
        self.assertEqual(self.play.run(60000), CABLE)
        self.assertIsNone(self.play.around.wlan)

    def test_without_a_cable_wifi_is_used(self):
        self.play.around.cable = None
        self.assertEqual(self.play.run(16000), WIFI)
        self.assertEqual(self.play.said("falling back to Wi-Fi"), 1)

    def test_an_ethernet_chip_that_does_not_start_leaves_wifi(self):
        self.play.around.phy_addr = 7
        self.assertEqual(self.play.run(16000), WIFI)

    def test_unplugged_it_falls_back_and_replugged_it_returns_after_a_hold_off(self):
        self.play.run(10000)
        self.play.around.cable = None
        self.assertIsNone(self.play.run(1000))
        self.assertEqual(self.play.run(16000), WIFI)
        self.play.around.cable = CABLE
        self.assertEqual(self.play.run(10000), WIFI)
        self.assertEqual(self.play.run(5000), CABLE)
        self.assertFalse(self.play.around.wlan._is_active)
        self.assertEqual(self.play.said("Ethernet is back"), 1)

    def test_a_cable_out_for_a_moment_does_not_start_wifi(self):
        self.play.run(10000)
        self.play.around.cable = None
        self.play.run(3000)
        self.play.around.cable = CABLE
        self.assertEqual(self.play.run(5000), CABLE)
        self.assertIsNone(self.play.around.wlan)

    def test_a_flapping_cable_does_not_take_the_server_off_wifi(self):
        self.play.around.cable = None
        self.play.run(20000)
        count = len(self.play.changes)
        for _ in range(10):
            self.play.around.cable = CABLE
            self.play.run(6000)
            self.play.around.cable = None
            self.play.run(1000)
        self.assertEqual(self.play.changes[count:], [])

    def test_ethernet_returns_at_once_if_wifi_has_no_address(self):
        self.play.around.access_points[0].switch_off(0)
        self.play.around.cable = None
        self.play.run(60000)
        self.play.around.cable = CABLE
        self.assertEqual(self.play.run(3000), CABLE)
        self.assertFalse(self.play.around.wlan._is_active)

    def test_another_address_of_ethernet_begins_the_hold_off_again(self):
        self.play.around.cable = None
        self.play.run(20000)
        self.play.around.cable = CABLE
        self.play.run(9000)
        self.play.around.lan._lease = "10.0.0.3"
        self.assertEqual(self.play.run(5000), WIFI)
        self.assertEqual(self.play.run(6000), "10.0.0.3")

    def test_it_falls_back_as_often_as_need_be(self):
        for _ in range(3):
            self.play.around.cable = CABLE
            self.assertEqual(self.play.run(20000), CABLE)
            self.play.around.cable = None
            self.assertEqual(self.play.run(20000), WIFI)

    def test_the_gateway_and_the_stop_are_those_of_the_interface_in_use(self):
        class FakeInterface:
            def __init__(self, name):
                self.name = name
                self.stops = 0

            def gateway(self):
                return self.name

            def stop(self):
                self.stops += 1

            def reconnect(self):
                self.stops += 10

        failover = self.play.interface
        ethernet, wifi = FakeInterface("ethernet"), FakeInterface("wifi")
        failover._ethernet, failover._wifi = ethernet, wifi
        self.assertEqual(failover.gateway(), "ethernet")
        failover.stop()
        failover._is_on_wifi = True
        self.assertEqual(failover.gateway(), "wifi")
        self.assertEqual((ethernet.stops, wifi.stops), (1, 0))
        failover.stop()
        self.assertEqual((ethernet.stops, wifi.stops), (1, 1))
        failover.reconnect()
        self.assertEqual((ethernet.stops, wifi.stops), (1, 11))
