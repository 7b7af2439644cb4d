"""fleet.toml, and the files for HAProxy and Prometheus that are made of it."""

import json
import re

import pytest

from host_tests.tools.expect import error_line
from tools.checkout import ROOT
from tools.fleet import boards, haproxy, prometheus

CONFIG: dict = {
    "server": {"max_open_sockets": 6},
    "status": {"password": "seen"},
    "update": {"password": "sent"},
    "network": {"wifi": [{"ssid": "home"}]},
}


@pytest.fixture
def read(tmp_path):
    """Reads a fleet.toml with this text, beside the common settings."""
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))

    def read_text(text):
        path = tmp_path / "fleet.toml"
        path.write_text(text)
        return boards.read(path)

    return read_text


def test_a_board_is_found_by_its_name_and_has_the_common_settings(read):
    fleet = read("[boards.kitchen]")
    (board,) = fleet.boards
    assert (board.port, board.host, board.app) == ("", "kitchen.local", "")
    assert board.address == ("kitchen.local", 80)
    assert board.given == CONFIG | {"network": CONFIG["network"] | {"hostname": "kitchen"}}
    assert board.settings["server"]["port"] == 80
    assert (fleet.bind, fleet.check) == (":80", "/quick")


def test_what_differs_is_said_for_each_board(read, tmp_path):
    (tmp_path / "roof").mkdir()
    (tmp_path / "roof" / "config.json").write_text(json.dumps({"update": {"password": "other"}}))
    fleet = read(
        """
        bind = "*:8080"
        check = "/alive"
        [boards.cellar]
        host = "192.168.1.51"
        settings.server.port = 8081
        settings.network.hostname = "below"
        [boards.roof]
        port = "/dev/ttyUSB0"
        host = "192.168.1.52:8082"
        app = "roof/main.py"
        config = "roof/config.json"
        settings = {network = {wifi = [{ssid = "upstairs"}]}, log = {level = "debug"}}
        """
    )
    cellar, roof = fleet.boards
    assert (cellar.host, cellar.address) == ("192.168.1.51:8081", ("192.168.1.51", 8081))
    assert cellar.given["server"] == {"max_open_sockets": 6, "port": 8081}
    assert cellar.given["network"]["hostname"] == "below"
    assert (roof.port, roof.address) == ("/dev/ttyUSB0", ("192.168.1.52", 8082))
    assert roof.app == str(tmp_path / "roof" / "main.py")
    assert roof.given["update"] == {"password": "other"}
    assert roof.given["network"] == {"hostname": "roof", "wifi": [{"ssid": "upstairs"}]}
    assert (fleet.bind, fleet.check) == ("*:8080", "/alive")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[boards.kitchen", "fleet.toml: not TOML, "),
        ("", "fleet.toml: boards: there is none; "),
        ("boards = 5", "fleet.toml: boards: 5 is not allowed; a table"),
        ("[boards]\nkitchen = 5", "fleet.toml: boards.kitchen: 5 is not allowed; a table"),
        ("[board.kitchen]", "fleet.toml: board: no such key; bind, check, boards; did you mean"),
        ('[boards."my board"]', "fleet.toml: boards: 'my board' is not allowed; letters, "),
        ("bind = 80", "fleet.toml: bind: 80 is not allowed; a text"),
        ('bind = ":80\\nuser root"', "fleet.toml: bind: "),
        ('check = "quick"', "fleet.toml: check: 'quick' is not allowed; a path"),
        ("[boards.a]\nhst = 'x'", "fleet.toml: boards.a.hst: no such key; host, port, "),
        ("[boards.a]\nhost = 5", "fleet.toml: boards.a.host: 5 is not allowed; a text"),
        ("[boards.a]\nhost = 'http://x'", "fleet.toml: boards.a.host: 'http://x' is not allowed;"),
        ("[boards.a]\nport = '5'", "fleet.toml: boards.a.port: PORT=5 is not a port; "),
        ("[boards.a]\nconfig = 'other.json'", "other.json is missing; make config"),
        (
            "[boards.a]\nsettings.server.port = 99999",
            "fleet.toml: boards.a.settings: server.port: 99999 is not allowed; an integer",
        ),
        (
            "[boards.a]\nsettings.server.prt = 80",
            "fleet.toml: boards.a.settings: server.prt: no such setting; ",
        ),
        ("[boards.a]\nsettings.log = 5", "fleet.toml: boards.a.settings: log: 5 is not allowed; "),
        (
            "[boards.a]\nsettings.log.level = 2026-01-01",
            "fleet.toml: boards.a.settings: dates, times, nan and inf are not allowed; ",
        ),
        (
            "[boards.a]\nsettings.network.interface = 'ethernet'",
            "fleet.toml: boards.a.settings: network.ethernet: null is not allowed ",
        ),
        (
            "[boards.a]\nsettings.update.password = 'x'",
            "fleet.toml: boards.a.settings.update.password: a password; it belongs into",
        ),
        (
            "[boards.a]\nsettings.network.wifi = [{ssid = 'x', password = 'y'}]",
            "fleet.toml: boards.a.settings.network.wifi[0].password: a password; ",
        ),
        (
            "[boards.a]\nhost = 'x'\n[boards.b]\nhost = 'x'",
            "fleet.toml: boards.b.host: x is that of a, too",
        ),
        (
            "[boards.a]\nport = 'COM3'\n[boards.b]\nport = 'COM3'",
            "fleet.toml: boards.b.port: COM3 is that of a, too",
        ),
        ("[boards.a]\n[boards.A]", "fleet.toml: boards.A: the same name as boards.a"),
        (
            "[boards.a]\n[boards.b]\nhost = 'A.local'",
            "fleet.toml: boards.b.host: a.local is that of a, too",
        ),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_key(read, text, line):
    assert error_line(read, text).startswith(line)


def test_the_example_in_the_docs_is_one(read, tmp_path):
    (tmp_path / "roof").mkdir()
    (tmp_path / "roof" / "config.json").write_text(json.dumps(CONFIG))
    page = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    assert [each.name for each in read(example).boards] == ["kitchen", "cellar", "roof"]


def test_without_a_file_the_line_says_what_it_would_hold(tmp_path):
    assert error_line(boards.read, tmp_path / "fleet.toml").startswith("fleet.toml is missing; ")


@pytest.mark.parametrize(
    ("sockets", "workers", "allowed"), [(7, 2, 6), (3, 1, 2), (3, 2, 3), (2, 1, 2), (8, 7, 8)]
)
def test_haproxy_leaves_a_slot_free_but_has_room_beside_long_requests(
    read, sockets, workers, allowed
):
    limits = f"{{max_open_sockets = {sockets}, max_async_requests = {workers}}}"
    fleet = read(f"[boards.a]\nhost = 'x:81'\nsettings.server = {limits}")
    line = f"\n    server a x:81 check maxconn {allowed}\n"
    assert line in haproxy.write(fleet)


def test_haproxy_waits_longer_than_the_most_patient_board(read):
    fleet = read("[boards.a]\n[boards.b]\nsettings.server.async_request_timeout_ms = 200000")
    assert "timeout server 205s\n" in haproxy.write(fleet)


def test_prometheus_gets_the_password_of_each_board_that_tells(read):
    text = prometheus.write(
        read("[boards.a]\n[boards.b]\nsettings.status.enabled = false\n[boards.c]")
    )
    assert text.count('"password": "seen"') == text.count("job_name") == 2
    assert '"targets": ["c.local:80"], "labels": {"job": "httpd32", "instance": "c"}' in text
    none = prometheus.write(read("[boards.b]\nsettings.status.enabled = false"))
    assert "scrape_configs: []" in none
