"""What answers make of a configuration; pure.  What is allowed firmware/config says."""

import copy
import json

from firmware.config import ConfigError, check, check_interface
from firmware.config.ethernet_boards import BOARDS


def plan(given: dict, answers: dict[str, str]) -> dict:
    """The configuration `given` with these answers in it; ConfigError if one is not allowed."""
    for name, answer in answers.items():
        # Pins in JSON may have lines.
        if name != "ethernet" and any(
            character < " " or character == "\x7f" for character in answer
        ):
            raise ConfigError(f"{name}: a key that is no character, as an arrow is, is in it")
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


def check_enough(config: dict, interface: str | None = None) -> None:
    """ConfigError if the board could not get onto the network, by this interface or its own."""
    network = check(config)["network"]
    check_interface({**network, "interface": interface or network["interface"]})
