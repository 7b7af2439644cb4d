import unittest

import machine

import firmware
from firmware import last_words
from firmware.config import check
from firmware.ethernet import Ethernet
from firmware.failover import Failover
from firmware.health import Health
from firmware.link import DOWN, UP
from firmware.wifi import WiFi
from host_tests.unit.fakes import FakeLog, FakeServer, Play, run_async
from host_tests.unit.test_health import FakeInterface, FakeLink
from host_tests.unit.test_last_words import VERSION, FakeMemory
from tools.simulator.surroundings import AccessPoint, Surroundings

HOME = {"ssid": "home", "password": "home-secret"}
REASON = "the network's driver does not start"


class Server(FakeServer):
    """One that does nothing, since there is no link."""

    def __init__(self):
        super().__init__()
        self.workers = self

    def expire(self, now):
        pass

    def count_answered(self):
        return 0


class TestDriver(unittest.TestCase):
    def setUp(self):
        self.record = firmware.record
        self.memory = FakeMemory()
        self.log = FakeLog()

    def tearDown(self):
        firmware.record = self.record
        firmware.is_clock_set = False

    async def start(self, interface, link):
        """The seconds until the board restarts; 0: not in two hours."""
        restarts = []
        last_words.begin(VERSION, self.memory, machine.HARD_RESET)
        health = Health(self.log, 0, "", self.memory, None, lambda: restarts.append(1))
        for second in range(7200):
            await health.step(second * 1000, link, interface, Server())
            if restarts:
                return second + 1
        return 0

    @run_async
    async def test_one_that_fails_restarts_the_board_each_time_after_twice_as_long(self):
        link, interface = FakeLink(), FakeInterface()
        link.state = DOWN
        interface.is_failing = True
        waits = []
        for _ in range(7):
            waits.append(await self.start(interface, link))
        self.assertEqual(waits, [300, 600, 1200, 2400, 4800, 4800, 4800])
        self.assertEqual(self.log.lines[-1], REASON + ": restarting")
        kept = last_words.unpack(self.memory.octets)
        self.assertEqual((kept.words, kept.bad), (REASON, 0))

    @run_async
    async def test_one_that_works_and_a_link_that_is_up_are_left_alone(self):
        link, interface = FakeLink(), FakeInterface()
        interface.gateway = lambda: None
        link.state = DOWN
        self.assertEqual(await self.start(interface, link), 0)
        interface.is_failing = True
        link.state = UP
        self.assertEqual(await self.start(interface, link), 0)

    def make_ethernet(self, log):
        given = {"board": "WT32-ETH01"}
        arguments = check({"network": {"ethernet": given}})["network"]["ethernet"]
        return Ethernet(arguments, "board", None, log)

    def make_wifi(self, log):
        return WiFi([HOME], "board", "", False, None, log)

    def test_ethernet_fails_when_it_does_not_start(self):
        for phy_addr in 1, 7:
            wired = Play(self.make_ethernet, Surroundings(cable="10.0.0.2", phy_addr=phy_addr))
            self.assertFalse(wired.interface.has_failed())
            wired.run(8000)
            self.assertEqual(wired.interface.has_failed(), phy_addr == 7)

    def test_wifi_fails_until_it_can_try_to_connect(self):
        station = Play(
            self.make_wifi, Surroundings([AccessPoint("home", "other", -60, "10.0.0.2")])
        )
        station.run(60000)
        self.assertFalse(station.interface.has_failed())  # no driver helps with a wrong password
        active = station.around.wlan.active

        def fail(is_active=None):
            if is_active:
                raise OSError("Wifi Internal Error")

        station.around.wlan.active = fail
        station.interface.stop()
        station.run(600000)
        self.assertTrue(station.interface.has_failed())
        station.around.wlan.active = active
        station.run(60000)
        self.assertFalse(station.interface.has_failed())

    def test_of_two_interfaces_both_have_to_fail(self):
        ethernet, wifi = FakeInterface(), FakeInterface()
        both = Failover(ethernet, wifi, self.log)
        for ethernet.is_failing in False, True:
            for wifi.is_failing in False, True:
                self.assertEqual(both.has_failed(), ethernet.is_failing and wifi.is_failing)
