import json
import unittest

from firmware.config import SETTINGS, ConfigError, check


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

    def test_what_is_unknown_is_named(self):
        self.assertIn("serve: no such section; demo, log", message({"serve": {}}))
        self.assertIn("log.levels: no such setting; level", message({"log": {"levels": "info"}}))

    def test_what_has_the_wrong_type_is_named(self):
        for given, key in (
            ([], "[] is not allowed; an object"),
            ({"server": []}, "server"),
            ({"log": {"level": "loud"}}, "log.level"),
            ({"network": {"power_save": 1}}, "network.power_save"),
            ({"network": {"hostname": ""}}, "network.hostname"),
            ({"network": {"wifi": {}}}, "network.wifi"),
            ({"network": {"wifi": []}}, "network.wifi"),
            ({"network": {"wifi": [1]}}, "network.wifi[0]"),
            ({"network": {"wifi": [{"ssid": 1}]}}, "network.wifi[0].ssid"),
            ({"network": {"wifi": [{"ssid": "a", "pass": "b"}]}}, "network.wifi[0].pass"),
            ({"network": {"static_ip": "x"}}, "network.static_ip"),
        ):
            wrong = message(given)
            self.assertEqual(wrong.split(":")[0], key)
            self.assertNotIn("\n", wrong)

    def test_a_password_is_not_shown(self):
        wrong = message({"network": {"wifi": [{"ssid": "a", "password": "secret"}]}})
        self.assertNotIn("secret", wrong)
        self.assertEqual(message({"network": {"wifi": [{"ssid": "a", "password": ""}]}}), "")
