"""The questions of make config, asked again until firmware/config allows the answer."""

import getpass
import json
from collections.abc import Callable

from firmware.config import SETTINGS, ConfigError, check
from firmware.config.ethernet_boards import BOARDS
from tools.settings.plan import check_enough, plan

_OPEN = "-"  # in place of a password; real ones are longer


class Wizard:
    """Asks until all is allowed.  `ask` and `ask_hidden` show a text and return the answer."""

    def __init__(
        self,
        given: dict,
        ask: Callable[[str], str] = input,
        ask_hidden: Callable[[str], str] = getpass.getpass,
        tell: Callable[[str], None] = print,
    ) -> None:
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

    def _ask_password(self) -> None:
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
