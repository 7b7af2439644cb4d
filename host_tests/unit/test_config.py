import json
import os
import unittest

from firmware.config import SETTINGS, ConfigError, check, check_interface, load
from firmware.config.ethernet_boards import BOARDS

_PATH = "test_config_%s.json" % os.urandom(4).hex()
STATIC = {"address": "192.168.1.50", "netmask": "255.255.255.0", "gateway": "192.168.1.1"}
PHY = {"phy_type": "LAN8720", "phy_addr": 1, "mdc": 23, "mdio": 18}
W5500 = {"phy_type": "W5500", "spi": 1, "sck": 12, "mosi": 11, "miso": 13, "cs": 10, "int": 9}


def network(name, value):
    return {"network": {name: value}}


def wifi(*networks):
    return network("wifi", list(networks))


def static(**changes):
    return network("static_ip", _changed(STATIC, changes))


def ethernet(given, **changes):
    return network("ethernet", _changed(given, changes))


def _changed(given, changes):
    changed = dict(given)
    changed.update(changes)
    return changed


_LONG = "x" * 33
# What is wrong, and how its line begins.
WRONG = (
    ([], "[] is not allowed; an object"),
    ({"serve": {}}, "serve: no such section; demo, log, network, server, "),
    ({"server": []}, "server: [] is not allowed; an object"),
    ({"log": {"levels": "info"}}, "log.levels: no such setting; level"),
    ({"log": {"level": "loud"}}, 'log.level: "loud" is not allowed; one of debug, info, '),
    ({"log": {"level": None}}, "log.level: null is not allowed; one of "),
    ({"server": {"port": 0}}, "server.port: 0 is not allowed; an integer from 1 to 65535"),
    ({"server": {"port": "80"}}, 'server.port: "80" is not allowed; an integer '),
    ({"server": {"port": 80.5}}, "server.port: 80.5 is not allowed; "),
    ({"server": {"port": True}}, "server.port: true is not allowed; "),
    (
        {"server": {"max_async_requests": 4, "max_open_sockets": 4}},
        "server.max_async_requests: 4 is not allowed; "
        "less than server.max_open_sockets, which is 4",
    ),
    (
        {"server": {"max_uri_len": 4096}},
        "server.max_uri_len: 4096 is not allowed; less than server.max_req_hdr_len, which is 4096",
    ),
    ({"server": {"max_open_sockets": 9}}, "server.max_open_sockets: 9 is not allowed; "),
    ({"demo": {"long_tick_ms": 0}}, "demo.long_tick_ms: 0 is not allowed; "),
    ({"watchdog": {"timeout_s": 9}}, "watchdog.timeout_s: 9 is not allowed; 0, or 10 to 86400"),
    ({"status": {"enabled": 1}}, "status.enabled: 1 is not allowed; true or false"),
    ({"status": {"password": _LONG * 2}}, "status.password: this is not allowed; a text of 0 to"),
    ({"update": {"password": 1}}, "update.password: this is not allowed; a text of 0 to 63"),
    (network("ntp_host", None), "network.ntp_host: null is not allowed; a text of 0 to 253"),
    (network("interface", "lan"), 'network.interface: "lan" is not allowed; one of wifi, '),
    (network("hostname", ""), 'network.hostname: "" is not allowed; a text of 1 to 32'),
    (network("hostname", _LONG), 'network.hostname: "%s" is not allowed; a text ' % _LONG),
    (network("hostname", "my board"), 'network.hostname: "my board" is not allowed; letters'),
    (network("hostname", "-board"), 'network.hostname: "-board" is not allowed; letters'),
    (network("hostname", "board-"), 'network.hostname: "board-" is not allowed; letters'),
    (network("country", "D"), 'network.country: "D" is not allowed; two capital letters'),
    (network("country", "de"), 'network.country: "de" is not allowed; two capital letters'),
    (network("power_save", 1), "network.power_save: 1 is not allowed; true or false"),
    (network("wifi", {}), "network.wifi: {} is not allowed; a list"),
    (wifi(), "network.wifi: 0 are not allowed; 1 to 5 networks"),
    (wifi(*[{"ssid": str(n)} for n in range(6)]), "network.wifi: 6 are not allowed; "),
    (wifi(1), "network.wifi[0]: 1 is not allowed; an object"),
    (wifi({"ssid": 1}), "network.wifi[0].ssid: 1 is not allowed; a text of 0 to 32 "),
    (wifi({"ssid": _LONG}), 'network.wifi[0].ssid: "%s" is not allowed; ' % _LONG),
    (wifi({"ssid": "\u00fc" * 17}), 'network.wifi[0].ssid: "'),
    (wifi({"ssid": "a", "pass": "b"}), "network.wifi[0].pass: no such setting; password, ssid"),
    (
        wifi({"ssid": "a", "password": "short"}),
        "network.wifi[0].password: this is not allowed; a text of 8 to 63 characters, 64"
        ' hexadecimal digits, or ""',
    ),
    (
        wifi({"ssid": "a"}, {"ssid": "b", "password": "0123456789abcdef" * 3 + "0123456789abcdeg"}),
        "network.wifi[1].password: this is not allowed; a text of 8 to 63 characters",
    ),
    (wifi({"ssid": "a"}, {}), 'network.wifi[1].ssid: "" is not allowed; a text of 1 to 32 '),
    (
        wifi({"ssid": "a"}, {"ssid": "a"}),
        'network.wifi[1].ssid: "a" is not allowed; each network once',
    ),
    (network("static_ip", "dhcp"), 'network.static_ip: "dhcp" is not allowed; null or an object'),
    (network("static_ip", {}), "network.static_ip.address: null is not allowed; an address like"),
    (static(mask=""), "network.static_ip.mask: no such setting; address, dns, gateway, netmask"),
    (static(address="192.168.1"), 'network.static_ip.address: "192.168.1" is not allowed; an ad'),
    (static(address="192.168.1.256"), 'network.static_ip.address: "192.168.1.256" is not al'),
    (static(address="192.168.1.0"), 'network.static_ip.address: "192.168.1.0" is not allowed; a'),
    (static(address="192.168.1.255"), 'network.static_ip.address: "192.168.1.255" is not al'),
    (static(netmask="255.0.255.0"), 'network.static_ip.netmask: "255.0.255.0" is not allowed; li'),
    (static(netmask="255.255.255.254"), 'network.static_ip.netmask: "255.255.255.254" is not'),
    (static(gateway="10.0.0.1"), 'network.static_ip.gateway: "10.0.0.1" is not allowed; one in'),
    (static(gateway="192.168.1.50"), 'network.static_ip.gateway: "192.168.1.50" is not allowed'),
    (static(dns="dns.example"), 'network.static_ip.dns: "dns.example" is not allowed; an address'),
    (static(dns="8.8.8.08"), 'network.static_ip.dns: "8.8.8.08" is not allowed; an address'),
    (static(address="192.168.1.0050"), 'network.static_ip.address: "192.168.1.0050" is not'),
    (static(address="192.168..50"), 'network.static_ip.address: "192.168..50" is not allowed'),
    (static(address="192.168.1.50.1"), 'network.static_ip.address: "192.168.1.50.1" is not'),
    (ethernet({}), 'network.ethernet: {} is not allowed; needs "board", or "phy_type" and the'),
    (ethernet({"board": "ESP32"}), 'network.ethernet.board: "ESP32" is not allowed; one of '),
    (ethernet({"phy_type": "W5100"}), 'network.ethernet.phy_type: "W5100" is not allowed; one of'),
    (ethernet(PHY, cs=5), "network.ethernet.cs: no such setting; mdc, mdio, "),
    (ethernet(PHY, phy_addr=32), "network.ethernet.phy_addr: 32 is not allowed; an integer "),
    (ethernet(PHY, phy_addr=None), "network.ethernet.phy_addr: null is not allowed; "),
    (ethernet(PHY, mdc=None), "network.ethernet.mdc: null is not allowed; an integer from 0 "),
    (ethernet(PHY, mdc=99), "network.ethernet.mdc: 99 is not allowed; an integer from 0 "),
    (ethernet(PHY, power=23), "network.ethernet.power: 23 is not allowed; a pin of its own; "),
    (ethernet(PHY, reset=25), "network.ethernet.reset: 25 is not allowed; a pin of its own; "),
    (ethernet(PHY, ref_clk=0), "network.ethernet.ref_clk_mode: null is not allowed; one of in"),
    (
        ethernet(PHY, ref_clk=17, ref_clk_mode="in"),
        'network.ethernet.ref_clk: 17 is not allowed; pin 0 with ref_clk_mode "in"',
    ),
    (ethernet(PHY, mdc=0, ref_clk=0, ref_clk_mode="in"), "network.ethernet.ref_clk: 0 is not"),
    (ethernet(PHY, ref_clk_mode="in"), "network.ethernet.ref_clk: null is not allowed; pin 0 "),
    (ethernet(W5500, int=None), "network.ethernet.int: null is not allowed; an integer "),
    (ethernet(W5500, spi=3), "network.ethernet.spi: 3 is not allowed; an integer from 1 to 2"),
    (ethernet(W5500, cs=12), "network.ethernet.cs: 12 is not allowed; a pin of its own; that "),
)


def message(given):
    """What `check` says of a configuration, "" if it is right."""
    try:
        check(given)
    except ConfigError as error:
        return str(error)
    return ""


class TestConfig(unittest.TestCase):
    def test_every_setting_has_its_default(self):
        config = check({})
        for key, default, _, _ in SETTINGS:
            section, name = key.split(".")
            self.assertEqual(config[section][name], default)

    def test_a_browsers_six_connections_and_no_more_may_wait_by_default(self):
        # lwIP drops the SYN of one past the backlog, and has places for six.
        self.assertEqual(check({})["server"]["backlog_conn"], 6)

    def test_how_characters_are_counted_is_told_where_it_matters(self):
        told = "a text of 0 to 32 characters"
        self.assertTrue(message(wifi({"ssid": _LONG})).endswith(told))
        umlauts = message(wifi({"ssid": "\u00fc" * 17}))
        self.assertTrue(umlauts.endswith(told + "; one that is not ASCII counts as 2 to 4"))
        self.assertEqual(message(wifi({"ssid": "\u00fc" * 16})), "")

    def test_what_is_given_is_kept(self):
        server = check({"server": {"port": 8080, "max_open_sockets": 3}})["server"]
        self.assertEqual((server["port"], server["max_open_sockets"]), (8080, 3))

    def test_a_number_is_right_at_its_limits_and_wrong_one_past(self):
        for key, _, allowed, _ in SETTINGS:
            section, name = key.split(".")
            if not isinstance(allowed, tuple) or not isinstance(allowed[0], int):
                continue
            if isinstance(check({})[section][name], str):
                continue
            for value in (allowed[0] - 1, allowed[1] + 1, "1", 1.5, None, True, []):
                wrong = message({section: {name: value}})
                self.assertEqual(
                    wrong,
                    "%s: %s is not allowed; an integer from %d to %d"
                    % ((key, json.dumps(value)) + allowed),
                )

    def test_as_many_workers_as_sockets_are_not_allowed(self):
        self.assertEqual(
            message({"server": {"max_async_requests": 4, "max_open_sockets": 4}}),
            "server.max_async_requests: 4 is not allowed; "
            "less than server.max_open_sockets, which is 4",
        )
        self.assertEqual(message({"server": {"max_async_requests": 2, "max_open_sockets": 3}}), "")

    def test_a_text_of_the_longest_length_is_right(self):
        wifi = [{"ssid": "s" * 32, "password": "p" * 63}, {"ssid": "open"}]
        wifi.append({"ssid": "key", "password": "0123456789abcdefABCDEF" * 2 + "0" * 20})
        self.assertEqual(message({"network": {"hostname": "h" * 32, "wifi": wifi}}), "")

    def test_five_networks_are_right(self):
        self.assertEqual(message(wifi(*[{"ssid": str(n)} for n in range(5)])), "")

    def test_each_data_line_of_the_mac_is_refused_and_each_clock_pin_right(self):
        for pin in (19, 21, 22, 25, 26, 27):
            self.assertIn("that is a data line of ", message(ethernet(PHY, power=pin)))
        for pin in (0, 16, 17):
            self.assertEqual(message(ethernet(PHY, ref_clk=pin, ref_clk_mode="out")), "")

    def test_every_wrong_value_has_its_own_line(self):
        lines = [message(given) for given, _ in WRONG]
        for (_, start), line in zip(WRONG, lines):
            self.assertEqual(line[: len(start)], start)
            self.assertIn(";", line)
            self.assertNotIn("\n", line)
        self.assertTrue(len(set(lines)) >= 40)
        self.assertEqual(len(set(lines)), len(WRONG))

    def test_a_password_in_the_wrong_place_is_not_shown(self):
        network = {"wifi": {"ssid": "a", "password": "secret"}}
        for given in (network, {"network": network}, {"network": [network]}, [network]):
            wrong = message(given)
            self.assertIn("not allowed" if given is not network else "no such", wrong)
            self.assertNotIn("secret", wrong)

    def test_a_password_is_not_shown(self):
        wrong = message({"network": {"wifi": [{"ssid": "a", "password": "secret"}]}})
        self.assertNotIn("secret", wrong)
        self.assertEqual(message({"network": {"wifi": [{"ssid": "a", "password": ""}]}}), "")


class TestNetwork(unittest.TestCase):
    def test_dns_is_the_gateway_if_it_is_left_out(self):
        network = check({"network": {"static_ip": STATIC}})["network"]
        self.assertEqual(network["static_ip"]["dns"], "192.168.1.1")

    def test_a_named_board_gives_every_argument(self):
        ethernet = check({"network": {"ethernet": {"board": "WT32-ETH01"}}})["network"]["ethernet"]
        self.assertEqual(
            sorted(ethernet.items()),
            [
                ("mdc", 23),
                ("mdio", 18),
                ("phy_addr", 1),
                ("phy_type", "LAN8720"),
                ("power", 16),
                ("ref_clk", 0),
                ("ref_clk_mode", "in"),
                ("reset", None),
            ],
        )

    def test_a_pin_that_is_given_replaces_that_of_the_board(self):
        given = {"board": "WT32-ETH01", "power": None}
        self.assertIsNone(check({"network": {"ethernet": given}})["network"]["ethernet"]["power"])

    def test_every_board_is_right(self):
        for board in BOARDS:
            self.assertEqual(message({"network": {"ethernet": {"board": board}}}), "")

    def test_an_spi_chip_with_all_its_pins_is_right(self):
        self.assertEqual(message({"network": {"ethernet": W5500}}), "")

    def test_what_an_interface_needs_must_be_there(self):
        for network, start in (
            ({}, 'network.wifi[0].ssid: "" is not allowed; '),
            ({"interface": "ethernet"}, "network.ethernet: null is not allowed with "),
            ({"interface": "auto"}, "network.ethernet: null is not allowed with "),
            (
                {
                    "interface": "auto",
                    "ethernet": {"board": "WT32-ETH01"},
                    "wifi": [{"ssid": "a"}],
                    "static_ip": STATIC,
                },
                "network.static_ip: {",
            ),
            (
                {"interface": "auto", "ethernet": {"board": "WT32-ETH01"}},
                'network.wifi[0].ssid: "" is not allowed; ',
            ),
        ):
            with self.assertRaises(ConfigError) as caught:
                check_interface(check({"network": network})["network"])
            self.assertEqual(str(caught.exception)[: len(start)], start)
        check_interface(check({"network": {"wifi": [{"ssid": "a"}]}})["network"])
        wired = {"interface": "ethernet", "ethernet": {"board": "WT32-ETH01"}}
        check_interface(check({"network": wired})["network"])


class TestFile(unittest.TestCase):
    def load(self, text):
        with open(_PATH, "w") as file:
            file.write(text)
        try:
            return load(_PATH)
        finally:
            os.remove(_PATH)

    def test_it_is_read_and_completed(self):
        self.assertEqual(self.load('{"server": {"port": 8080}}')["server"]["port"], 8080)

    def test_what_is_not_json_is_said(self):
        for text in ("", "{", '{"log": {"level"', "{}}", "port = 80"):
            with self.assertRaises(ConfigError) as caught:
                self.load(text)
            self.assertIn("not JSON; an object like", str(caught.exception))

    def test_a_missing_file_is_said(self):
        with self.assertRaises(ConfigError) as caught:
            load("there-is-no-such.json")
        self.assertEqual(str(caught.exception), "no such file; `make config` writes one")
