"""The settings: what there is, what is allowed, and the file they come from.

`SETTINGS` is the one table that the validator, the wizard and docs/configuration.md are made from.
Names are ESP-IDF's where it has the setting; units are in the names.  What is wrong is a
`ConfigError`, whose text is one line for a person.  What the table can't say of the network,
`network` does.
"""

import json

from firmware.config.network import check_interface, check_network
from firmware.config.values import ConfigError, check_names, check_value, refuse

__all__ = ("SETTINGS", "ConfigError", "check", "check_interface", "load")

_MIN_WATCHDOG_S = 10  # a scan for networks and a driver's start take seconds

# (key, default, allowed, what it is).  `allowed` is (low, high) for a number or for the length of a
# text, a tuple of texts to choose from, or a type: bool, list, dict.  A dict may also be null.
SETTINGS = (
    ("server.port", 80, (1, 65535), "TCP port of the server"),
    ("server.max_async_requests", 2, (1, 7), "workers: long requests at a time"),
    ("server.max_open_sockets", 7, (2, 8), "client connections at a time"),
    # A browser opens six connections at once; lwIP drops the SYN of one more, which comes again
    # after a second.  It has places for six (CONFIG_LWIP_ACCEPTMBOX_SIZE), and resets one more.
    ("server.backlog_conn", 6, (1, 8), "clients that may wait to be accepted"),
    ("server.max_req_hdr_len", 4096, (256, 16384), "bytes of a request's head"),
    ("server.max_uri_len", 1024, (16, 8192), "bytes of a request's URI"),
    (
        "server.max_body_len",
        4096,
        (0, 65536),
        "bytes of a request's body, or a WebSocket's message",
    ),
    (
        "server.recv_wait_timeout_ms",
        5000,
        (100, 600000),
        "to receive a head, a body, or a message of a WebSocket",
    ),
    ("server.send_wait_timeout_ms", 5000, (100, 600000), "to send 4 KB of a response, or its rest"),
    ("server.keep_alive_timeout_ms", 60000, (100, 600000), "to idle between two requests"),
    ("server.async_request_timeout_ms", 120000, (100, 86400000), "for a long request to end"),
    ("server.max_threads", 1, (0, 2), "threads, for handlers that compute or block"),
    ("demo.long_ticks", 60, (0, 100000), "lines of /long"),
    ("demo.long_tick_ms", 1000, (1, 3600000), "between two lines of /long"),
    ("log.level", "info", ("debug", "info", "warning", "error"), "the least that is logged"),
    ("status.enabled", True, bool, "/status, /status.json, /metrics and /log"),
    ("status.password", "", (0, 63), "asked for by these, with the user admin; none if empty"),
    ("update.password", "", (0, 63), "of updates over the network; no updates if empty"),
    ("watchdog.timeout_s", 60, (0, 86400), "without service until a restart; 0: no restart"),
    ("network.interface", "wifi", ("wifi", "ethernet", "auto"), "auto: Ethernet, else Wi-Fi"),
    ("network.hostname", "httpd32", (1, 32), "name of the board: http://HOSTNAME.local"),
    ("network.country", "", (0, 2), "two capital letters, or none; MicroPython only stores it"),
    ("network.power_save", False, bool, "Wi-Fi power saving; costs seconds of latency"),
    ("network.wifi", [{"ssid": "", "password": ""}], list, "up to five networks"),
    ("network.static_ip", None, dict, "null: DHCP; else address, netmask, gateway, dns"),
    ("network.ethernet", None, dict, "the board's name, or its pins"),
    ("network.ntp_host", "pool.ntp.org", (0, 253), "sets the clock; nothing does if empty"),
)


def load(path: str) -> dict:
    """The settings of a JSON file, checked and complete."""
    try:
        with open(path) as file:
            text = file.read()
        given = json.loads(text)
        # MicroPython 1.25 takes the end of a file that was cut for the end of its objects.
        if text.rstrip()[-1:] not in "}]":
            raise ValueError
    except OSError:
        raise ConfigError("no such file; `make config` writes one")
    except ValueError:
        raise ConfigError('not JSON; an object like {"server": {"port": 80}}')
    return check(given)


def check(given: dict) -> dict:
    """`given` with the defaults for what it leaves out; {section: {name: value}}.

    `network.ethernet` comes with every argument of the board that it names.
    """
    if not isinstance(given, dict):
        refuse("", given, "an object")
    config: dict = {}
    for key, default, _, _ in SETTINGS:
        section, name = key.split(".")
        config.setdefault(section, {})[name] = default
    check_names("", given, config, "section")
    for section in given:
        check_names(section, given[section], config[section], "setting")
        config[section].update(given[section])
    for key, default, allowed, _ in SETTINGS:
        section, name = key.split(".")
        check_value(key, config[section][name], default, allowed)
    _check_server(config["server"])
    timeout_s = config["watchdog"]["timeout_s"]
    if 0 < timeout_s < _MIN_WATCHDOG_S:
        refuse("watchdog.timeout_s", timeout_s, "0, or %d to 86400" % _MIN_WATCHDOG_S)
    check_network(config["network"])
    return config


def _check_server(server: dict) -> None:
    for name, limit in (
        ("max_async_requests", "max_open_sockets"),  # a quick request always finds a socket
        ("max_uri_len", "max_req_hdr_len"),  # which holds the URI, too
    ):
        if server[name] >= server[limit]:
            allowed = "less than server.%s, which is %d" % (limit, server[limit])
            refuse("server." + name, server[name], allowed)
