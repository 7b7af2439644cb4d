import sys
import unittest

import network

import firmware
from firmware.wifi import WiFi
from host_tests.unit.fakes import Play
from tools.simulator.surroundings import AccessPoint, Surroundings

HOME = {"ssid": "home", "password": "home-secret"}
WORK = {"ssid": "work", "password": "work-secret"}
CAFE = {"ssid": "cafe", "password": ""}
STATIC = {
    "address": "10.0.0.9",
    "netmask": "255.255.255.0",
    "gateway": "10.0.0.1",
    "dns": "10.0.0.2",
}


def home(rssi=-60, **options):
    return AccessPoint("home", "home-secret", rssi, "10.0.0.2", **options)


def work(rssi=-60, **options):
    return AccessPoint("work", "work-secret", rssi, "10.0.1.2", **options)


def cafe(rssi=-60):
    return AccessPoint("cafe", "", rssi, "10.0.2.2")


def play(networks, *access_points, country="", power_save=False, static_ip=None):
    return Play(
        lambda log: WiFi(networks, "board", country, power_save, static_ip, log),
        Surroundings(access_points),
    )


class TestFirstConnection(unittest.TestCase):
    def test_it_has_an_address_two_seconds_after_the_start(self):
        station = play([HOME], home())
        self.assertEqual(station.run(2000), "10.0.0.2")
        self.assertEqual([ssid for _, ssid in station.attempts()], ["home"])

    def test_an_open_network_needs_no_password(self):
        self.assertEqual(play([CAFE], cafe()).run(2000), "10.0.2.2")

    def test_the_hostname_and_the_country_are_set_before_connecting(self):
        station = play([HOME], home(), country="DE")
        station.run(100)
        self.assertEqual((station.around.hostname, station.around.country), ("board", "DE"))

    def test_the_drivers_own_retries_and_power_saving_are_off(self):
        station = play([HOME], home())
        station.run(100)
        self.assertEqual(
            station.around.wlan.settings, {"reconnects": 0, "pm": network.WLAN.PM_NONE}
        )

    def test_power_saving_is_on_when_it_is_asked_for(self):
        station = play([HOME], home(), power_save=True)
        station.run(100)
        self.assertEqual(station.around.wlan.settings["pm"], network.WLAN.PM_PERFORMANCE)

    def test_a_static_address_is_there_without_dhcp(self):
        quiet = AccessPoint("home", "home-secret", address=None)
        station = play([HOME], quiet, static_ip=STATIC)
        self.assertEqual(station.run(2000), "10.0.0.9")
        self.assertEqual((station.around.gateway, station.around.dns), ("10.0.0.1", "10.0.0.2"))

    def test_a_static_address_that_a_soft_reset_left_gives_way_to_dhcp(self):
        station = play([HOME], home(), static_ip=STATIC)
        station.run(2000)
        again = Play(lambda log: WiFi([HOME], "board", "", False, None, log), station.around)
        self.assertEqual(again.run(3000), "10.0.0.2")

    def test_a_radio_that_a_soft_reset_left_connected_begins_afresh(self):
        station = play([HOME, WORK], home(), work(-80))
        station.run(6000)
        again = Play(
            lambda log: WiFi([WORK], "board", "", False, None, log),
            station.around,
        )
        self.assertEqual(again.run(6000), "10.0.1.2")
        self.assertEqual([address for _, address in again.changes], ["10.0.1.2"])
        self.assertEqual(again.log.lines, ["Wi-Fi work: connecting"])


class TestChoice(unittest.TestCase):
    def test_the_strongest_of_three_is_taken(self):
        station = play([HOME, WORK, CAFE], home(-80), work(-40), cafe(-60))
        self.assertEqual(station.run(6000), "10.0.1.2")
        self.assertEqual(len(station.attempts()), 1)

    def test_of_three_access_points_of_one_network_the_strongest_is_taken(self):
        far, near = home(-80), home(-40)
        station = play([HOME, WORK], far, near, home(-60))
        station.run(6000)
        self.assertEqual(station.around.wlan._joined, near)
        self.assertEqual(station.around.wlan._wanted[2], near.bssid)

    def test_a_hidden_network_is_tried_after_those_that_are_heard(self):
        station = play([WORK, HOME], home(), work(-30, is_hidden=True))
        station.around.access_points[0].password = "changed"
        self.assertEqual(station.run(10000), "10.0.1.2")
        self.assertEqual([ssid for _, ssid in station.attempts()], ["home", "work"])

    def test_a_wrong_password_is_said_and_the_second_network_taken(self):
        station = play([HOME, WORK], home(-30), work())
        station.around.access_points[0].password = "changed"
        self.assertEqual(station.run(6000), "10.0.1.2")
        self.assertEqual(station.said("Wi-Fi home: wrong password"), 1)
        self.assertEqual([ssid for _, ssid in station.attempts()], ["home", "work"])

    def test_a_network_without_dhcp_is_left_for_the_second_one(self):
        silent = AccessPoint("home", "home-secret", rssi=-30, address=None)
        station = play([HOME, WORK], silent, work())
        self.assertEqual(station.run(28000), "10.0.1.2")
        self.assertEqual(station.said("Wifi Internal Error"), 0)


class TestFailures(unittest.TestCase):
    def test_each_has_its_words(self):
        no_dhcp = AccessPoint("home", "home-secret", address=None)
        for access_points, words in (
            ((), "no such network"),
            ((AccessPoint("home", "changed"),), "wrong password"),
            ((AccessPoint("home", ""),), "its protection does not fit"),
            ((no_dhcp,), "no address from DHCP"),
        ):
            station = play([HOME], *access_points)
            self.assertIsNone(station.run(25000))
            self.assertTrue(station.said("Wi-Fi home: " + words) > 0, station.log.lines)

    def test_every_third_round_that_fails_switches_the_radio_off_and_soon_on(self):
        station = play([HOME])
        station.run(100)
        off = []  # the number of attempts before each 100 ms in which the radio is off
        while len(station.attempts()) < 7:
            station.run(100)
            if not station.around.wlan.active():
                off.append(len(station.attempts()))
        self.assertEqual(set(off), {3, 6})
        self.assertLess(len(off), 2 * 11)

    def test_a_failure_like_the_one_before_is_noticed_in_time(self):
        station = play([HOME])
        station.run(20000)
        self.assertTrue(len(station.attempts()) > 2)

    def test_a_slow_dhcp_server_is_waited_for_after_a_failure(self):
        station = play([HOME], home())
        access_point = station.around.access_points[0]
        access_point.switch_off(0)
        station.run(10000)
        access_point.switch_on()
        access_point.address = None
        station.run(8000)
        count = len(station.attempts())
        station.around.wlan._lease_due = station.around.now_ms + 3000
        access_point.address = "10.0.0.2"
        self.assertEqual(station.run(3500), "10.0.0.2")
        self.assertEqual(len(station.attempts()), count)

    def test_one_that_takes_its_time_is_waited_for(self):
        for join_ms in (4000, 9000):
            for networks in ([HOME], [HOME, WORK]):
                station = play(networks, home())
                station.around.access_points[0].join_ms = join_ms
                self.assertEqual(station.run(14000), "10.0.0.2")
                self.assertEqual(len(station.attempts()), 1)

    def test_a_password_that_is_refused_late_is_said(self):
        station = play([HOME, WORK], AccessPoint("home", "changed"))
        station.around.access_points[0].join_ms = 5500
        station.run(9000)
        self.assertEqual(station.said("Wi-Fi home: wrong password"), 1)

    def test_a_busy_driver_is_asked_again(self):
        for error in (OSError("Wifi Internal Error"), RuntimeError("Wifi Unknown Error 0x0101")):
            station = play([HOME], home())
            busy = _BusyOnce(network.WLAN(network.WLAN.IF_STA), error)
            self.assertEqual(station.run(12000), "10.0.0.2")
            self.assertTrue(busy.was_asked)
            self.assertEqual(station.said(str(error)), 1)

    def test_a_driver_that_stays_busy_is_switched_off_and_on(self):
        station = play([HOME, WORK], AccessPoint("home", "home-secret", address=None))
        station.run(100)  # the scan
        station.around.wlan.connect("home", "home-secret")  # by the application, say
        station.run(2000)
        station.around.access_points[0].address = "10.0.0.2"
        self.assertEqual(station.run(10000), "10.0.0.2")

    def test_a_radio_that_does_not_switch_on_is_tried_ever_more_slowly(self):
        station = play([HOME], home())
        wlan = network.WLAN(network.WLAN.IF_STA)
        wlan.active = _fail
        station.run(20000)
        self.assertEqual(station.said("WiFi Out of Memory"), 5)
        del wlan.active
        self.assertEqual(station.run(16000), "10.0.0.2")


def _fail(*_):
    raise OSError("WiFi Out of Memory")


class _BusyOnce:
    """Makes `connect()` of a driver fail the first time."""

    def __init__(self, wlan, error):
        self.was_asked = False
        self._error = error
        self._connect = wlan.connect
        wlan.connect = self.connect

    def connect(self, *args, **kwargs):
        if self.was_asked:
            return self._connect(*args, **kwargs)
        self.was_asked = True
        raise self._error


class TestAbsence(unittest.TestCase):
    def test_an_hour_without_the_access_point_has_some_three_attempts_in_two_minutes(self):
        station = play([HOME], home())
        station.run(10000)
        access_point = station.around.access_points[0]
        access_point.switch_off(station.around.now_ms)
        start = station.around.now_ms
        self.assertIsNone(station.run(3600000))
        times = [ms - start for ms, _ in station.attempts() if ms >= start]
        self.assertTrue(80 <= len(times) <= 115, len(times))
        pauses = [after - before for before, after in zip(times, times[1:])]
        self.assertTrue(pauses[0] < 8000, pauses[0])
        self.assertTrue(max(pauses) <= 60000 + 5200, max(pauses))
        late = [pause for pause in pauses[10:] if pause > 10000]  # else the radio was off
        self.assertTrue(min(late) >= 45000, min(late))
        self.assertTrue(max(late) - min(late) > 500, "no jitter")
        access_point.switch_on()
        self.assertEqual(station.run(66000), "10.0.0.2")

    def test_after_it_was_up_the_first_attempt_comes_at_once(self):
        station = play([HOME], home())
        access_point = station.around.access_points[0]
        station.run(5000)
        access_point.switch_off(station.around.now_ms)
        station.run(600000)
        access_point.switch_on()
        station.run(66000)
        station.around.access_points[0].switch_off(-10000)
        count = len(station.attempts())
        station.run(100)
        access_point.switch_on()
        self.assertEqual(station.run(1500), "10.0.0.2")
        self.assertEqual(len(station.attempts()), count + 1)

    def test_after_it_was_up_the_pauses_are_short_again(self):
        station = play([HOME], home())
        access_point = station.around.access_points[0]
        for _ in range(2):
            access_point.switch_off(-10000)
            count = len(station.attempts())
            station.run(40000)
            self.assertTrue(len(station.attempts()) - count >= 4)
            access_point.switch_on()
            self.assertEqual(station.run(66000), "10.0.0.2")

    def test_after_a_loss_every_network_is_tried_again(self):
        station = play([HOME, WORK], home(-30), work())
        station.run(6000)
        station.around.access_points[0].switch_off(-10000)
        self.assertEqual(station.run(6000), "10.0.1.2")
        station.around.access_points[0].switch_on()
        station.around.access_points[1].switch_off(-10000)
        self.assertEqual(station.run(6000), "10.0.0.2")
        self.assertEqual([ssid for _, ssid in station.attempts()], ["home", "work", "home"])

    def test_after_a_loss_the_strongest_is_tried_first_again(self):
        station = play([HOME, WORK], home(-30), work())
        station.run(6000)
        station.around.wlan._fail(200)
        self.assertEqual(station.run(6000), "10.0.0.2")
        self.assertEqual([ssid for _, ssid in station.attempts()], ["home", "home"])

    def test_the_loss_is_said_with_its_reason(self):
        station = play([HOME], home())
        station.run(5000)
        station.around.access_points[0].switch_off(station.around.now_ms)
        station.run(7000)
        self.assertEqual(station.said("Wi-Fi home: the access point is gone"), 1)

    def test_an_access_point_that_does_not_answer_a_station_is_said_in_words(self):
        station = play([HOME], home())
        station.run(5000)
        for reason, words in (
            (2, "no answer"),
            (3, "ended by the access point"),
            (99, "reason 99"),
        ):
            station.around.wlan._fail(reason)
            station.run(3000)
            self.assertEqual(station.said("Wi-Fi home: " + words), 1)

    def test_the_words_are_in_memory_only_while_they_are_looked_up(self):
        station = play([HOME])
        station.run(3000)
        self.assertEqual(station.said("Wi-Fi home: no such network"), 1)
        self.assertFalse("firmware.reasons" in sys.modules)
        self.assertFalse("reasons" in firmware.__dict__)

    def test_without_memory_for_the_words_the_number_is_said(self):
        station = play([HOME])
        sys.modules["firmware.reasons"] = firmware.reasons = _Exhausted()
        station.run(3000)
        self.assertEqual(station.said("Wi-Fi home: reason 201"), 1)
        station.run(20000)
        self.assertTrue(station.said("Wi-Fi home: no such network") > 1)


class _Exhausted:
    """In the place of a module."""

    def explain(self, reason):
        raise MemoryError


class TestLease(unittest.TestCase):
    def test_a_lost_lease_is_down_although_it_is_connected(self):
        station = play([HOME], home())
        station.run(5000)
        wlan = station.around.wlan
        wlan.lose_lease()
        self.assertIsNone(station.run(100))
        self.assertTrue(wlan.isconnected())
        self.assertEqual(station.said("the address is lost"), 1)

    def test_a_lease_that_comes_back_is_up_without_another_attempt(self):
        station = play([HOME], home())
        station.run(60000)
        wlan = station.around.wlan
        wlan.lose_lease()
        station.run(3000)
        wlan._lease = "10.0.0.7"
        self.assertEqual(station.run(100), "10.0.0.7")
        self.assertEqual(len(station.attempts()), 1)

    def test_a_lease_that_stays_away_is_asked_for_by_connecting_again(self):
        station = play([HOME], home())
        station.run(5000)
        station.around.wlan.lose_lease()
        self.assertEqual(station.run(25000), "10.0.0.2")
        self.assertEqual(len(station.attempts()), 2)


class TestStop(unittest.TestCase):
    def test_a_stopped_station_is_off_and_comes_back_when_it_is_polled(self):
        station = play([HOME], home())
        station.run(5000)
        station.interface.stop()
        self.assertFalse(station.around.wlan._is_active)
        self.assertEqual(station.run(3000), "10.0.0.2")
        self.assertEqual(station.log.lines, ["Wi-Fi home: connecting"] * 2)

    def test_a_station_that_is_to_reconnect_leaves_the_network_with_the_driver_on(self):
        station = play([HOME], home())
        station.run(5000)
        station.interface.reconnect()
        self.assertIsNone(station.run(100))
        self.assertTrue(station.around.wlan._is_active)
        self.assertEqual(station.run(3000), "10.0.0.2")
        self.assertEqual(len(station.attempts()), 2)

    def test_before_it_was_on_there_is_nothing_to_leave(self):
        station = play([HOME], home())
        station.interface.reconnect()
        self.assertEqual(station.run(5000), "10.0.0.2")

    def test_a_station_that_comes_back_tries_the_strongest_network_first_again(self):
        station = play([HOME, WORK], home(-30), work())
        station.run(6000)
        station.interface.stop()
        self.assertEqual(station.run(6000), "10.0.0.2")
        self.assertEqual([ssid for _, ssid in station.attempts()], ["home", "home"])

    def test_a_station_whose_driver_has_failed_is_switched_off_too(self):
        station = play([HOME], home())
        _BusyOnce(network.WLAN(network.WLAN.IF_STA), OSError("Wifi Internal Error"))
        station.run(300)
        self.assertEqual(station.said("Wifi Internal Error"), 1)
        station.interface.stop()
        self.assertFalse(station.around.wlan.active())
