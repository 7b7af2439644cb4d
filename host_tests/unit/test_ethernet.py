import unittest

import machine
import network

from firmware.config import check
from firmware.config.ethernet_boards import BOARDS, arguments_of
from firmware.ethernet import Ethernet
from host_tests.unit.fakes import Play
from tools.simulator.surroundings import Surroundings

STATIC = {
    "address": "10.0.0.9",
    "netmask": "255.255.255.0",
    "gateway": "10.0.0.1",
    "dns": "10.0.0.2",
}
W5500 = {"phy_type": "W5500", "spi": 1, "sck": 12, "mosi": 11, "miso": 13, "cs": 10, "int": 9}


def make(given, static_ip=None):
    arguments = check({"network": {"ethernet": given}})["network"]["ethernet"]
    return lambda log: Ethernet(arguments, "board", static_ip, log)


def play(given, cable="10.0.0.2", phy_addr=1, static_ip=None):
    return Play(make(given, static_ip), Surroundings(cable=cable, phy_addr=phy_addr))


class TestEthernet(unittest.TestCase):
    def test_it_has_an_address_when_the_cable_is_in(self):
        wired = play({"board": "WT32-ETH01"})
        self.assertEqual(wired.run(8000), "10.0.0.2")
        self.assertEqual(wired.around.hostname, "board")
        self.assertEqual(wired.said("cable is plugged in"), 1)

    def test_a_driver_that_does_not_start_again_is_started_by_a_later_poll(self):
        wired = play({"board": "WT32-ETH01"})
        wired.run(8000)
        lan = wired.around.lan
        active = lan.active
        failures = [OSError("ethernet enable failed")]

        def fail_once(is_active):
            if is_active and failures:
                raise failures.pop()
            if not is_active:
                lan.lose_lease()
            return active(is_active)

        lan.active = fail_once
        with self.assertRaises(OSError):  # which is told by who wanted it
            wired.interface.stop()
        self.assertEqual(wired.run(60000), "10.0.0.2")

    def test_unplugged_and_replugged(self):
        wired = play({"board": "WT32-ETH01"})
        wired.run(8000)
        wired.around.cable = None
        self.assertIsNone(wired.run(100))
        self.assertEqual(wired.said("cable is not plugged in"), 1)
        wired.around.cable = "10.0.0.3"
        self.assertEqual(wired.run(8000), "10.0.0.3")

    def test_a_lost_lease_is_down_although_it_is_connected(self):
        wired = play({"board": "WT32-ETH01"})
        wired.run(8000)
        wired.around.lan.lose_lease()
        self.assertIsNone(wired.run(100))
        self.assertTrue(wired.around.lan.isconnected())

    def test_a_static_address_needs_no_dhcp(self):
        wired = play({"board": "WT32-ETH01"}, static_ip=STATIC)
        self.assertEqual(wired.run(8000), "10.0.0.9")
        self.assertEqual(wired.around.dns, "10.0.0.2")

    def test_a_static_address_is_down_without_a_cable(self):
        wired = play({"board": "WT32-ETH01"}, cable=None, static_ip=STATIC)
        self.assertIsNone(wired.run(8000))
        wired.around.cable = "10.0.0.2"
        self.assertEqual(wired.run(3000), "10.0.0.9")
        wired.around.cable = None
        self.assertIsNone(wired.run(100))

    def test_a_status_that_was_spoilt_before_a_soft_reset_does_no_harm(self):
        wired = play({"board": "WT32-ETH01"})
        wired.run(8000)
        wired.around.lan._status = network.ETH_STOPPED
        again = Play(make({"board": "WT32-ETH01"}), wired.around)
        self.assertEqual(again.run(3000), "10.0.0.2")

    def test_every_board_starts_with_all_its_arguments(self):
        for name in BOARDS:
            board = arguments_of(name)
            wired = play({"board": name}, phy_addr=board["phy_addr"])
            self.assertEqual(wired.run(8000), "10.0.0.2")
            arguments = wired.around.lan.arguments
            self.assertEqual(arguments["phy_type"], getattr(network, "PHY_" + board["phy_type"]))
            for pin in ("mdc", "mdio", "power", "reset", "ref_clk", "cs", "int"):
                if board.get(pin) is not None:
                    self.assertEqual(arguments[pin].number, board[pin])
                else:
                    self.assertNotIn(pin, arguments)
            if "ref_clk_mode" in board:
                mode = machine.Pin.OUT if board["ref_clk_mode"] == "out" else machine.Pin.IN
                self.assertEqual(arguments["ref_clk_mode"], mode)

    def test_an_spi_chip_gets_its_bus(self):
        wired = play(W5500, phy_addr=0)
        self.assertEqual(wired.run(8000), "10.0.0.2")
        bus = wired.around.lan.arguments["spi"]
        self.assertEqual((bus.number, bus.pins), (1, (12, 11, 13)))

    def test_a_chip_that_does_not_answer_is_said_and_not_tried_again(self):
        wired = play({"board": "WT32-ETH01"}, phy_addr=7)
        self.assertIsNone(wired.run(60000))
        self.assertEqual(wired.said("Ethernet does not start: esp_eth_driver_install failed"), 1)
        self.assertEqual(len(wired.log.lines), 1)

    def test_events_of_wifi_that_spoil_the_status_do_no_harm(self):
        for static_ip, address in ((None, "10.0.0.2"), (STATIC, "10.0.0.9")):
            wired = play({"board": "WT32-ETH01"}, static_ip=static_ip)
            wired.run(10000)
            for spoilt in (network.ETH_STARTED, network.ETH_STOPPED, network.ETH_CONNECTED):
                wired.around.lan._status = spoilt
                wired.around.lan._due = 1000000
                self.assertEqual(wired.run(1000), address)

    def test_a_pin_that_the_chip_has_not_is_said(self):
        wired = play({"board": "WT32-ETH01", "power": 54})
        self.assertIsNone(wired.run(1000))
        self.assertEqual(wired.said("Ethernet does not start: invalid pin"), 1)

    def test_tries_after_a_failure_and_soft_resets_say_so_too(self):
        wired = play({"board": "WT32-ETH01"}, phy_addr=7)
        wired.run(1000)
        wired.around.phy_addr = 1
        for _ in range(3):
            again = Play(make({"board": "WT32-ETH01"}), wired.around)
            self.assertIsNone(again.run(1000))
            self.assertEqual(again.said("Ethernet does not start: "), 1)

    def test_after_a_soft_reset_a_chip_on_spi_that_had_started_is_said_to_be_dead(self):
        machine.reset_cause = lambda: machine.SOFT_RESET
        try:
            wired = play(W5500)
            wired.run(1000)
            again = Play(make(W5500), wired.around)
            again.run(1000)
        finally:
            machine.reset_cause = lambda: machine.PWRON_RESET
        self.assertEqual(wired.log.lines, ["Ethernet has started"])
        self.assertEqual(again.said("dead after a soft reset"), 1)

    def test_a_chip_that_the_image_does_not_know_is_said(self):
        wired = play({"phy_type": "GENERIC", "phy_addr": 1, "mdc": 23, "mdio": 18})
        self.assertIsNone(wired.run(60000))
        self.assertTrue(wired.said("PHY_GENERIC") > 0)

    def test_stopped_it_connects_anew(self):
        wired = play({"board": "WT32-ETH01"})
        wired.run(20000)
        calls = []
        wired.around.lan.active = calls.append
        wired.interface.stop()
        self.assertEqual(calls, [False, True])
        wired.interface.reconnect()
        self.assertEqual(calls, [False, True] * 2)

    def test_without_a_chip_there_is_nothing_to_stop_and_no_gateway(self):
        wired = play({"board": "WT32-ETH01"}, phy_addr=7)
        wired.run(1000)
        wired.interface.stop()
        self.assertIsNone(wired.interface.gateway())
