"""config.json comes from answers or variables; never wrong, half written, or open to others."""

import json
import os
import select
import stat
import subprocess
import sys
from typing import Any

import pytest

from firmware.config import ConfigError
from firmware.config.ethernet_boards import BOARDS
from host_tests.tools.expect import error_line
from tools.checkout import ROOT
from tools.commands import config
from tools.settings import file
from tools.settings.plan import plan
from tools.settings.wizard import Wizard
from tools.terminal import CommandError

HOME = {"network": {"wifi": [{"ssid": "home", "password": "secret12"}]}}


class Person:
    """Answers questions in turn, and remembers what was shown."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.shown = []

    def answer(self, text):
        self.shown.append(text)
        if not self._answers:
            raise EOFError
        return self._answers.pop(0)

    def ask(self, given):
        made = Wizard(given, self.answer, self.answer, self.shown.append).run()
        assert self._answers == []
        return made


def run(path, variables=None, **options):
    """make config, without a terminal."""
    environment = {each: text for each, text in os.environ.items() if each not in config.VARIABLES}
    line = [sys.executable, "-m", "tools", "config", "--config", str(path)]
    return subprocess.run(
        line,
        cwd=ROOT,
        env={**environment, **(variables or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def stderr_line(done):
    assert done.returncode == 1 and done.stdout == "", done
    (line,) = done.stderr.splitlines()
    return line


def test_four_answers_make_a_configuration():
    made = Person("wifi", "home", "secret12", "kitchen").ask({})
    network = {"interface": "wifi", "hostname": "kitchen", **HOME["network"]}
    assert made == {"network": network}


def test_enter_keeps_what_there_is():
    assert Person("", "", "", "").ask(HOME) == HOME


def test_a_wrong_answer_is_asked_again_with_the_firmwares_own_line():
    person = Person("wlan", "wifi", "x" * 33, "home", "short", "secret12", "x" * 33, "kitchen")
    assert person.ask({})["network"]["hostname"] == "kitchen"
    assert 'network.interface: "wlan" is not allowed; one of wifi, ethernet, auto' in person.shown
    lines = "\n".join(person.shown)
    assert "network.wifi[0].password: this is not allowed; a text of 8 to 63 characters" in lines
    assert "network.hostname: " in lines and "short" not in lines


@pytest.mark.parametrize("key", ["\x1b[D", "\t", "\x7f"])
def test_a_key_that_is_no_character_is_no_part_of_an_answer(key):
    person = Person("wifi", f"ho{key}em", "home", f"secr{key}et12", "secret12", "")
    assert person.ask({})["network"]["wifi"] == HOME["network"]["wifi"]
    told = [line for line in person.shown if "no character" in line]
    assert [line.split(":")[0] for line in told] == ["ssid", "password"]
    with pytest.raises(CommandError, match="nothing is written"):
        config.decide({}, {"ssid": f"hoem{key}"}, is_terminal=False)


def test_pins_may_stand_on_several_lines():
    made = plan({}, {"ethernet": '{\n\t"board": "WT32-ETH01"\n}'})
    assert made["network"]["ethernet"] == {"board": "WT32-ETH01"}


def test_a_network_needs_a_name():
    person = Person("", "", "home", "", "")
    assert person.ask({})["network"]["wifi"][0] == {"ssid": "home", "password": ""}
    assert 'network.wifi[0].ssid: "" is not allowed; the name of a network' in person.shown


def test_another_network_does_not_inherit_the_password():
    assert plan(HOME, {"ssid": "office"})["network"]["wifi"] == [{"ssid": "office", "password": ""}]
    assert plan(HOME, {"ssid": "home"}) == HOME


def test_a_password_can_be_taken_away():
    assert Person("", "", "-", "").ask(HOME)["network"]["wifi"][0]["password"] == ""


def test_what_is_not_asked_stays():
    given: dict[str, Any] = {
        "server": {"port": 8080},
        "network": {
            "country": "DE",
            "wifi": [{"ssid": "a"}, {"ssid": "b", "password": "12345678"}],
        },
    }
    made = plan(given, {"ssid": "c", "password": "87654321"})
    assert made["server"] == {"port": 8080} and made["network"]["country"] == "DE"
    assert made["network"]["wifi"] == [
        {"ssid": "c", "password": "87654321"},
        {"ssid": "b", "password": "12345678"},
    ]
    assert given["network"]["wifi"][0] == {"ssid": "a"}


@pytest.mark.parametrize("answer", ["WT32-ETH01", '{"board": "WT32-ETH01"}', "number"])
def test_a_board_with_ethernet_is_named_numbered_or_described(answer):
    if answer == "number":
        answer = str(sorted(BOARDS).index("WT32-ETH01") + 1)
    person = Person("ethernet", "", "ESP-8266", "{", answer, "kitchen")
    network = person.ask({})["network"]
    assert network["ethernet"] == {"board": "WT32-ETH01"} and "wifi" not in network
    assert any(each.endswith(" WT32-ETH01") for each in person.shown)
    lines = "\n".join(person.shown)
    assert "network.ethernet: null is not allowed" in lines
    assert 'network.ethernet.board: "ESP-8266" is not allowed; one of ' in lines
    assert "network.ethernet: not JSON" in lines


def test_auto_asks_for_both():
    network = Person("auto", "home", "secret12", "WT32-ETH01", "").ask({})["network"]
    assert network["wifi"][0]["ssid"] == "home" and network["ethernet"] == {"board": "WT32-ETH01"}


def test_it_says_how_to_go_on_with_a_file_of_another_name(tmp_path):
    path = tmp_path / "my board.json"
    said = run(path, {"WIFI_SSID": "home", "WIFI_PASSWORD": ""}).stdout
    assert said.endswith(f"Next: make deploy CONFIG='{path}'.\n")


@pytest.mark.parametrize("password", ["a'b\"c $HOME #1", "$$(x)\\n`id`", "pässwörd€", " 12345678 "])
def test_a_password_survives_from_the_environment_through_make(tmp_path, password):
    environment = {**os.environ, "WIFI_SSID": "my 'home'", "WIFI_PASSWORD": password}
    path = tmp_path / "config.json"
    done = subprocess.run(
        ["make", "--silent", "config", f"CONFIG={path}"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done
    (network,) = json.loads(path.read_text(encoding="utf-8"))["network"]["wifi"]
    assert network == {"ssid": "my 'home'", "password": password}
    assert password not in done.stdout + done.stderr


def test_the_file_is_for_its_owner_only_and_replaced_as_a_whole(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"server": {"port": 8080}}')
    path.chmod(0o644)
    before = path.stat().st_ino
    assert run(path, {"WIFI_SSID": "home", "WIFI_PASSWORD": "secret12"}).returncode == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_ino != before
    assert json.loads(path.read_text())["server"] == {"port": 8080}
    assert os.listdir(tmp_path) == ["config.json"]


def test_what_a_board_takes_for_checked_has_texts_as_they_are(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    settings = {"network": {"wifi": [{"ssid": "caf\u00e9 \N{HOT BEVERAGE} \N{GRINNING FACE}"}]}}
    file.write_checked(tmp_path / "config.json", settings, tmp_path / "settings.json")
    assert settings["network"]["wifi"][0]["ssid"] in (tmp_path / "settings.json").read_text()


def test_a_link_to_the_file_stays_a_link(tmp_path):
    (tmp_path / "config.json").symlink_to(tmp_path / "real.json")
    file.write(tmp_path / "config.json", HOME)
    assert (tmp_path / "config.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text()) == HOME


@pytest.mark.parametrize(
    "variables, line",
    [
        (
            {"INTERFACE": "wlan"},
            'network.interface: "wlan" is not allowed; one of wifi, ethernet, au',
        ),
        ({"BOARD_HOSTNAME": "kitchen"}, 'network.wifi[0].ssid: "" is not allowed; the name of a'),
        ({"WIFI_SSID": "x" * 33}, "network.wifi[0].ssid: "),
        ({"WIFI_SSID": "Caf\udce9"}, "An answer is not UTF-8; nothing is written"),
        ({"WIFI_SSID": "x", "WIFI_PASSWORD": "tiny-tt"}, "network.wifi[0].password: this is not"),
        ({}, "Nobody to ask: not a terminal; give variables, WIFI_SSID=home WIFI_PASSWORD=secret"),
    ],
)
def test_wrong_variables_are_one_line_and_write_nothing(tmp_path, variables, line):
    done = run(tmp_path / "config.json", variables)
    assert stderr_line(done).startswith(line) and "tiny-tt" not in done.stderr
    assert os.listdir(tmp_path) == []


def test_an_empty_variable_is_no_answer_but_an_empty_password_is_one():
    variables = {"INTERFACE": "", "WIFI_SSID": "home", "WIFI_PASSWORD": ""}
    assert config.read_variables(variables) == {"ssid": "home", "password": ""}


@pytest.mark.parametrize(
    "text, line",
    [
        ("{", ", line 1, column 2: not JSON, "),
        ('{"server": {"prt": 1}}', ": server.prt: no such setting; "),
        ('{"log": {}, "log": {}}', ': "log" stands twice in one object; '),
        ('{"network": {"wifi": 1}}', ": network.wifi: 1 is not allowed; a list"),
    ],
)
def test_a_file_that_is_wrong_already_is_one_line_and_stays(tmp_path, text, line):
    path = tmp_path / "config.json"
    path.write_text(text)
    told = stderr_line(run(path, {"WIFI_SSID": "home"}))
    assert told.startswith(f"{path}{line}")
    assert told.endswith("; mend it, or remove it, and run make config again")
    assert path.read_text() == text


def test_half_a_character_is_one_line(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"network": {"hostname": "\\ud83d"}}')
    assert "config.json: an escape \\ud800 to \\udfff stands alone" in error_line(file.load, path)
    path.write_text('{"network": {"wifi": [{"ssid": "\\ud83d\\ude00"}]}}')
    assert file.load(path)["network"]["wifi"][0]["ssid"] == "\U0001f600"


def test_a_file_that_can_not_be_replaced_leaves_no_copy_with_the_password(tmp_path):
    path = tmp_path / "config.json"
    path.mkdir()
    assert "config.json is not written: Is a directory" in error_line(file.write, path, HOME)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    path = tmp_path / "none" / "config.json"
    line = stderr_line(run(path, {"WIFI_SSID": "home"}))
    assert line.startswith(f"{path} is not written: No such file or directory")


def test_answers_that_end_early_write_nothing():
    with pytest.raises(EOFError):
        Person("wifi").ask({})
    with pytest.raises(CommandError, match="^Nobody to ask"):
        config.decide({}, {}, is_terminal=False)


def test_an_answer_that_is_not_allowed_is_the_firmwares_to_refuse():
    with pytest.raises(ConfigError):
        plan({}, {"hostname": "x" * 33})


def test_on_a_terminal_the_password_is_asked_for_and_never_shown(tmp_path):
    path = tmp_path / "config.json"
    host, device = os.openpty()
    tty = os.ttyname(device)
    # A session of its own that opens a terminal has it for getpass to find.
    line = f"exec '{sys.executable}' -m tools config --config '{path}' <{tty} >{tty} 2>&1"
    dialogue = [("Interface", "wifi"), ("Wi-Fi", "home"), ("not shown", "secret12"), ("Host", "")]
    with subprocess.Popen(["sh", "-c", line], cwd=ROOT, start_new_session=True) as process:
        shown = ""
        for question, answer in dialogue:
            shown += read_until(host, question)
            os.write(host, answer.encode() + b"\n")
        shown += read_until(host, "make deploy")
        assert process.wait(20) == 0
    os.close(device)
    os.close(host)
    assert "secret12" not in shown and "home" in shown
    assert json.loads(path.read_text())["network"]["wifi"] == HOME["network"]["wifi"]


def read_until(terminal, text):
    """What a terminal shows up to the end of a prompt, or line, with this text."""
    shown = ""
    while text not in shown or not shown.endswith((": ", "\n")):
        assert select.select([terminal], [], [], 20)[0], shown
        shown += os.read(terminal, 4096).decode()
    return shown
