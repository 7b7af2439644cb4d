import unittest

from firmware.wifi import WiFi
from host_tests.unit.fakes import Play
from tools.simulator.surroundings import AccessPoint, Surroundings

HOME = {"ssid": "home", "password": "home-secret"}
WORK = {"ssid": "work", "password": "work-secret"}


def play(*access_points):
    return Play(
        lambda log: WiFi([HOME, WORK], "board", "", False, None, log), Surroundings(access_points)
    )


class TestAccessPoints(unittest.TestCase):
    def check(self, sick):
        station = play(sick, AccessPoint("home", "home-secret", -60, "10.0.0.3"))
        for _ in range(20):  # ten minutes
            if station.run(30000):
                break
        self.assertEqual(station.address, "10.0.0.3")

    def test_where_the_strongest_has_no_dhcp_the_next_of_its_name_is_tried(self):
        self.check(AccessPoint("home", "home-secret", -40, None))

    def test_where_the_strongest_refuses_the_next_of_its_name_is_tried(self):
        self.check(AccessPoint("home", "changed", -40, "10.0.0.2"))

    def test_a_driver_that_fails_in_the_middle_of_a_round_is_asked_ever_less_often(self):
        station = play(AccessPoint("home", "home-secret", -40, "10.0.0.2"))
        station.run(100)
        wlan = station.around.wlan
        active = wlan.active

        def fail(*given, **options):
            raise OSError("Wifi Internal Error")

        def fail_to_begin(is_active=None):
            if is_active and station.said("Wifi Internal Error"):
                fail()
            return active(is_active)

        station.interface.stop()
        wlan.connect, wlan.active = fail, fail_to_begin
        station.run(600000)
        self.assertTrue(5 < station.said("Wifi Internal Error") < 30)
