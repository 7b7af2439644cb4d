"""The settings: what there is, what is allowed, and the file they come from.

`SETTINGS` is the one table that the validator, the wizard and README's table are made from.  Names
are ESP-IDF's where it has the setting; units are in the names.  What is wrong is a `ConfigError`,
whose text is one line for a person.
"""

import json

# (key, default, allowed, what it is).  `allowed` is (low, high) for a number or for the length of a
# text, a tuple of texts to choose from, or a type: bool, list, dict.  A dict may also be null.
SETTINGS = (
    ("server.port", 80, (1, 65535), "TCP port of the server"),
    ("server.max_async_requests", 2, (1, 7), "workers: long requests at a time"),
    ("server.max_open_sockets", 7, (2, 8), "client connections at a time"),
    ("server.backlog_conn", 5, (1, 8), "clients that may wait to be accepted"),
    ("server.max_req_hdr_len", 4096, (256, 16384), "bytes of a request's head"),
    ("server.max_uri_len", 1024, (16, 8192), "bytes of a request's URI"),
    ("server.max_body_len", 4096, (0, 65536), "bytes of a request's body"),
    ("server.recv_wait_timeout_ms", 5000, (100, 600000), "to receive a head, or a body"),
    ("server.send_wait_timeout_ms", 5000, (100, 600000), "to send a response, or a piece of it"),
    ("server.keep_alive_timeout_ms", 5000, (100, 600000), "to idle between two requests"),
    ("server.async_request_timeout_ms", 120000, (100, 86400000), "for a long request to end"),
    ("demo.long_ticks", 60, (0, 100000), "lines of /long"),
    ("demo.long_tick_ms", 1000, (1, 3600000), "between two lines of /long"),
    ("log.level", "info", ("debug", "info", "warning", "error"), "the least that is logged"),
    ("network.interface", "wifi", ("wifi", "ethernet", "auto"), "auto: Ethernet, else Wi-Fi"),
    ("network.hostname", "httpd32", (1, 32), "name of the board, in DHCP"),
    ("network.country", "", (0, 2), "two letters, for the Wi-Fi channels; empty: any"),
    ("network.power_save", False, bool, "Wi-Fi power saving; costs seconds of latency"),
    ("network.wifi", [{"ssid": "", "password": ""}], list, "up to five networks"),
    ("network.static_ip", None, dict, "null: DHCP"),
    ("network.ethernet", None, dict, "the pins of the board's Ethernet"),
)

_MAX_NETWORKS = 5


class ConfigError(ValueError):
    """A setting is wrong; the text says which one, what it is and what is allowed."""


def load(path: str) -> dict:
    """The settings of a JSON file, checked and complete.  Without the file, the defaults."""
    try:
        with open(path) as file:
            given = json.load(file)
    except OSError:
        given = {}
    except ValueError:
        raise ConfigError('not JSON; an object like {"server": {"port": 80}}')
    return check(given)


def check(given: dict) -> dict:
    """`given` with the defaults for what it leaves out; {section: {name: value}}."""
    if not isinstance(given, dict):
        raise ConfigError("%s is not allowed; an object" % _show(given))
    config: dict = {}
    for key, default, allowed, _ in SETTINGS:
        section, name = key.split(".")
        values = given.get(section, {})
        if not isinstance(values, dict):
            raise ConfigError("%s: %s is not allowed; an object" % (section, _show(values)))
        value = values.get(name, default)
        _check_value(key, value, allowed)
        config.setdefault(section, {})[name] = value
    _check_names(given, config)
    _check_sockets(config["server"])
    _check_networks(config["network"])
    return config


def check_interface(network: dict):
    """Whether there is enough to bring the interface up; `check` lets a half-written file pass."""
    if network["interface"] != "wifi":
        raise ConfigError('network.interface: "%s" is not allowed; wifi' % network["interface"])
    if not network["wifi"][0]["ssid"]:
        raise ConfigError('network.wifi[0].ssid: "" is not allowed; the name of a network')


def _check_value(key, value, allowed):
    if allowed is bool:
        fits = isinstance(value, bool)
        text = "true or false"
    elif allowed is list:
        fits = isinstance(value, list)
        text = "a list"
    elif allowed is dict:
        fits = value is None or isinstance(value, dict)
        text = "null or an object"
    elif isinstance(allowed[0], str):
        fits = value in allowed
        text = "one of " + ", ".join(allowed)
    else:
        fits, text = _is_within(key, value, allowed)
    if not fits:
        raise ConfigError("%s: %s is not allowed; %s" % (key, _show(value), text))


def _is_within(key, value, allowed):
    low, high = allowed
    for name, default, _, _ in SETTINGS:
        if name == key and isinstance(default, str):
            fits = isinstance(value, str) and low <= len(value) <= high
            return fits, "a text of %d to %d characters" % allowed
    fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    return fits, "an integer from %d to %d" % allowed


def _check_names(given, config):
    for section in given:
        if section not in config:
            raise ConfigError("%s: no such section; %s" % (section, _names(config)))
        for name in given[section]:
            if name not in config[section]:
                raise ConfigError(
                    "%s.%s: no such setting; %s" % (section, name, _names(config[section]))
                )


def _check_sockets(server):
    if server["max_async_requests"] >= server["max_open_sockets"]:
        raise ConfigError(
            "server.max_async_requests: %d is not allowed; less than server.max_open_sockets, "
            "which is %d" % (server["max_async_requests"], server["max_open_sockets"])
        )


def _check_networks(network):
    known = network["wifi"]
    if len(known) < 1 or len(known) > _MAX_NETWORKS:
        raise ConfigError("network.wifi: %d are not allowed; 1 to 5 networks" % len(known))
    for index, each in enumerate(known):
        key = "network.wifi[%d]" % index
        if not isinstance(each, dict):
            raise ConfigError("%s: %s is not allowed; an object" % (key, _show(each)))
        for name in each:
            if name not in ("ssid", "password"):
                raise ConfigError("%s.%s: no such setting; password, ssid" % (key, name))
        _check_text(key + ".ssid", each.get("ssid", ""), 0, 32)
        password = each.get("password", "")
        if password != "":
            _check_text(key + ".password", password, 8, 63)


def _check_text(key, value, low, high):
    if not isinstance(value, str) or not low <= len(value) <= high:
        # A password is not shown.
        shown = "this" if key.endswith("password") else _show(value)
        raise ConfigError(
            "%s: %s is not allowed; a text of %d to %d characters" % (key, shown, low, high)
        )


def _show(value):
    return json.dumps(value)


def _names(table):
    return ", ".join(sorted(table))
