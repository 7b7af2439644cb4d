"""make config: writes config.json, from questions or from variables.

What is allowed the firmware itself says, in firmware/config.py.  Keys that are not asked for stay
as they are in an existing file.
"""

import argparse
import copy
import getpass
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from firmware.config import SETTINGS, ConfigError, check, check_interface
from firmware.ethernet_boards import BOARDS
from tools.terminal import Refused, run_tool

# What can be answered, and the variable that answers it without a question.
VARIABLES = {
    "interface": "INTERFACE",
    "ssid": "WIFI_SSID",
    "password": "WIFI_PASSWORD",
    "ethernet": "ETHERNET_BOARD",
    "hostname": "BOARD_HOSTNAME",
}
_OPEN = "-"  # in place of a password; real ones are longer


def plan(given: dict, answers: dict[str, str]) -> dict:
    """The configuration `given` with these answers in it; ConfigError if one is not allowed."""
    config = copy.deepcopy(given)
    network = config.setdefault("network", {})
    for name in ("interface", "hostname"):
        if name in answers:
            network[name] = answers[name]
    if "ssid" in answers or "password" in answers:
        network["wifi"] = _plan_wifi(network.get("wifi") or [{}], answers)
    if "ethernet" in answers:
        network["ethernet"] = _plan_ethernet(answers["ethernet"])
    check(config)
    return config


def _plan_wifi(known: list, answers: dict[str, str]) -> list:
    """The first network is the one that is asked for; another name does not keep its password."""
    first = {"ssid": "", "password": "", **known[0]}
    if answers.get("ssid", first["ssid"]) != first["ssid"]:
        first = {"ssid": answers["ssid"], "password": ""}
    if "password" in answers:
        first["password"] = answers["password"]
    return [first, *known[1:]]


def _plan_ethernet(answer: str) -> dict:
    """A board by its name or its number in the list, or its pins as JSON."""
    boards = sorted(BOARDS)
    if answer.isdecimal() and 1 <= int(answer) <= len(boards):
        return {"board": boards[int(answer) - 1]}
    if answer.startswith("{"):
        try:
            return json.loads(answer)
        except ValueError:
            raise ConfigError('network.ethernet: not JSON; {"board": "WT32-ETH01"}, or its pins')
    return {"board": answer}


def check_enough(config: dict, interface: str | None = None):
    """ConfigError if the board could not get onto the network, by this interface or its own."""
    network = check(config)["network"]
    check_interface({**network, "interface": interface or network["interface"]})


class Wizard:
    """Asks until all is allowed.  `ask` and `ask_hidden` show a text and return the answer."""

    def __init__(
        self,
        given: dict,
        ask: Callable[[str], str] = input,
        ask_hidden: Callable[[str], str] = getpass.getpass,
        tell: Callable[[str], None] = print,
    ):
        self._config = given
        self._ask = ask
        self._ask_hidden = ask_hidden
        self._tell = tell

    def run(self) -> dict:
        """The configuration that the answers make of the given one."""
        interface = self._question("interface", self._text("network.interface"))
        if interface != "ethernet":
            self._question("ssid", "Name of the Wi-Fi network", "wifi")
            self._ask_password()
        if interface != "wifi":
            for number, board in enumerate(sorted(BOARDS), 1):
                self._tell(f"{number:3} {board}")
            self._question("ethernet", "Board with Ethernet: number, name, or pins", "ethernet")
        self._question("hostname", self._text("network.hostname"))
        return self._config

    def _text(self, key: str) -> str:
        """A setting as a question, from the table."""
        for name, _, allowed, text in SETTINGS:
            if name == key:
                values = allowed if isinstance(allowed, tuple) else ()
                choices = [each for each in values if isinstance(each, str)]
                name = name.split(".")[1].capitalize()
                return f"{name}: {', '.join(choices)} ({text})" if choices else f"{name}: {text}"
        raise KeyError(key)

    def _question(self, name: str, text: str, needed_for: str | None = None) -> str:
        """Asks until the answer is allowed; Enter keeps what there is.  Returns what holds then."""
        while True:
            now = self._now(name)
            answer = self._ask(f"{text} [{now}]: " if now else f"{text}: ").strip()
            try:
                config = plan(self._config, {name: answer} if answer else {})
                if needed_for:
                    check_enough(config, needed_for)
            except ConfigError as error:
                self._tell(str(error))
                continue
            self._config = config
            return self._now(name)

    def _ask_password(self):
        has_one = bool(check(self._config)["network"]["wifi"][0].get("password"))
        hint = f"Enter keeps it, {_OPEN} for none" if has_one else "Enter for none"
        while True:
            answer = self._ask_hidden(f"Its password, not shown ({hint}): ")
            if not answer:
                return
            try:
                answers = {"password": "" if answer == _OPEN else answer}
                self._config = plan(self._config, answers)
                return
            except ConfigError as error:
                self._tell(str(error))

    def _now(self, name: str) -> str:
        network = check(self._config)["network"]
        if name == "ssid":
            return network["wifi"][0].get("ssid", "")
        if name == "ethernet":
            ethernet = self._config.get("network", {}).get("ethernet") or {}
            return ethernet.get("board") or (json.dumps(ethernet) if ethernet else "")
        return network[name]


def read_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The answers that variables give.  An empty one is none, but for the password: no password."""
    return {
        name: environment[variable]
        for name, variable in VARIABLES.items()
        if environment.get(variable) or (name == "password" and variable in environment)
    }


def read(path: Path) -> dict:
    """What the file holds now, {} if there is none; Refused if it is wrong."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        check(given)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}; make it readable, or name another with CONFIG=")
    except ConfigError as error:
        raise Refused(f"{path}: {error}; mend it, or remove it, and run make config again")
    except ValueError:
        raise Refused(f"{path}: not JSON; mend it, or remove it, and run make config again")
    return given


def write(path: Path, config: dict):
    """Replaces the file as a whole; only its owner may read it, because of the password."""
    target = Path(os.path.realpath(path))
    try:
        descriptor, fresh = tempfile.mkstemp(dir=target.parent, prefix=".config.")  # mode 600
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(config, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, target)
    except OSError as error:
        raise Refused(f"{path} is not written: {error.strerror}; name another with CONFIG=")


def decide(given: dict, answers: dict[str, str], is_terminal: bool) -> dict:
    """The new configuration, from variables if there are any, else from questions."""
    if not answers and not is_terminal:
        raise Refused(
            "Nobody to ask: not a terminal; give variables, "
            "WIFI_SSID=home WIFI_PASSWORD=secret make config"
        )
    try:
        config = plan(given, answers) if answers else Wizard(given).run()
        check_enough(config)
    except ConfigError as error:
        raise Refused(f"{error}; nothing is written")
    except EOFError:
        raise Refused("No more answers; nothing is written")
    return config


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tools.config",
        description=f"{__doc__}  The variables are {', '.join(VARIABLES.values())}.",
    )
    parser.add_argument("--file", default="", help="the file to write, else config.json")
    path = Path(parser.parse_args().file or "config.json")
    config = decide(read(path), read_variables(os.environ), sys.stdin.isatty())
    write(path, config)
    print(f"Wrote {path}, which only you can read. Next: make deploy.")


if __name__ == "__main__":
    run_tool(main)
