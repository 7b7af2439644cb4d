"""What a board's console means while it starts."""

import re

import pytest

from tools.board.start_log import StartLog

ROM = b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0xc (SW_CPU_RESET),boot:0x13\r\nentry 0x400805d4\r\n"
UP = (
    b"I (900) httpd32: connecting to home\r\n"
    b"I (1900) httpd32: IPv4 address: 192.168.20.85,\r\n"
    b"I (1950) httpd32: Starting server on port: '8080'\r\n"
    b"I (1960) httpd32: Registering URI handlers\r\n"
)
FAILS = (
    b'Traceback (most recent call last):\r\n  File "main.py", line 7, in <module>\r\n'
    b"NameError: name 'x' isn't defined\r\n"
)
OWN_SERVER = FAILS[: FAILS.index(b"Name")] + (
    b"AttributeError: 'Microdot' object has no attribute 'run'\r\n"
)
PROMPT = b"MicroPython v1.25.0 on 2025-04-15; ESP32\r\n>>> "


def read(*blocks):
    log = StartLog()
    for block in blocks:
        log.feed(block)
    return log


def test_the_address_and_the_port_are_found_however_the_bytes_come():
    text = ROM + UP
    log = read(*(text[at : at + 1] for at in range(len(text))))
    assert (log.address, log.port, log.is_up, log.failure) == ("192.168.20.85", 8080, True, "")
    assert len(log.lines) == 4 and log.lines[0].endswith("connecting to home")


def test_it_is_not_up_before_its_handlers_are_there():
    assert not read(ROM + UP[:-8]).is_up


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (ROM + FAILS + PROMPT, r"main.py fails on the board: NameError: .* \(main.py, line 7\); "),
        (
            ROM + OWN_SERVER + PROMPT,
            r"app.run\(\) is Microdot's own server \(main.py, line 7\); write run\(app\) instead",
        ),
        (ROM + FAILS + b"main.py has failed: starting again in 10 s\r\n", "main.py fails on the b"),
        (ROM + PROMPT, "main.py has ended on the board"),
        (ROM + b"config.json: log.level: 1 is wrong\r\n" + PROMPT, "config.json: log.level: 1 is"),
        (ROM * 4, "The board restarts again and again; make rollback"),
        ((ROM + b"Guru Meditation Error: Core 0\r\n") * 4, r"again \(Guru Meditation Error: Core"),
    ],
)
def test_a_start_that_fails_is_one_line(text, failure):
    log = read(text)
    assert re.search(failure, log.failure)
    assert "\n" not in log.failure


SEEKS = (
    b"I (900) httpd32: Wi-Fi home: connecting\r\n"
    b"W (2900) httpd32: Wi-Fi home: no such network\r\n"
    b"I (2900) httpd32: Wi-Fi: again in 900 ms\r\n"
)


def test_a_second_round_without_a_network_is_enough():
    assert read(ROM + SEEKS).no_network == ""
    assert read(ROM + SEEKS * 2).no_network == "home: no such network"
    assert read(ROM + SEEKS + UP + SEEKS).no_network == ""


ETHERNET = b"I (900) httpd32: Ethernet has started\r\n"
DEAD = (
    b"E (900) httpd32: Ethernet does not start: (-1, 'ESP_FAIL'); "
    b"put network.ethernet right, then reset the board\r\n"
)
PLUGGED = b"I (2900) httpd32: Ethernet cable is plugged in\r\n"
UNPLUGGED = PLUGGED.replace(b"is plugged", b"is not plugged")
FALLS_BACK = b"W (12900) httpd32: Ethernet has no address; falling back to Wi-Fi\r\n"


def test_ethernet_that_says_no_more_has_its_reason():
    no_cable = "no Ethernet cable is plugged in; plug one in, and the server starts"
    assert read(ROM + ETHERNET).no_ethernet == no_cable
    assert read(ROM + ETHERNET + PLUGGED + UNPLUGGED).no_ethernet == no_cable
    reason = "Ethernet does not start: (-1, 'ESP_FAIL'); make config, then make deploy"
    assert read(ROM + DEAD).no_ethernet == reason


def test_a_cable_or_wifi_behind_ethernet_gives_new_hope():
    assert read(ROM + ETHERNET + PLUGGED).no_ethernet == ""
    for start in (ETHERNET, DEAD):
        assert read(ROM + start + FALLS_BACK).no_ethernet == ""


def test_a_traceback_in_the_log_of_a_server_that_runs_is_no_failure():
    assert read(ROM + FAILS + UP).failure == ""
