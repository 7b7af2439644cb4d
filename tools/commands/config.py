"""Writes config.json, from questions or from variables.

What is allowed the firmware itself says, in firmware/config.  Keys that are not asked for stay
as they are in an existing file.
"""

import os
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from firmware.config import ConfigError
from firmware.settings import CHECKED
from tools.board import network
from tools.checkout import named
from tools.settings import file
from tools.settings.plan import check_enough, plan
from tools.settings.wizard import Wizard
from tools.terminal import CommandError, worded

# What can be answered, and the variable that answers it without a question.
VARIABLES = {
    "interface": "INTERFACE",
    "ssid": "WIFI_SSID",
    "password": "WIFI_PASSWORD",
    "ethernet": "ETHERNET_BOARD",
    "hostname": "BOARD_HOSTNAME",
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.epilog = f"The variables are {', '.join(VARIABLES.values())}."
    parser.add_argument("--config", default="", help="the file to write, else config.json")
    parser.add_argument("--host", default="", help=f"sends the file as it is: {network.HELP}")


def run(options: Namespace) -> None:
    path = named(options.config or "config.json")
    if options.host:
        send(options, path)
        return
    config = decide(file.read(path), read_variables(os.environ), sys.stdin.isatty())
    file.write(path, config)
    given = f" CONFIG={shlex.quote(options.config)}" if options.config else ""
    print(f"Wrote {path}, which only you can read.", worded(f"Next: make deploy{given}."))


def send(options: Namespace, path: Path) -> None:
    """Brings the file, and nothing else, onto the board `options.host`."""
    from tools.version import update  # what it needs, `make config` installs only with HOST=

    settings = file.load(path)
    with TemporaryDirectory() as folder, network.open_board(options, settings) as board:
        given = file.normal(path, Path(folder))
        checked = file.write_checked(given, settings, Path(folder) / CHECKED)
        target = update.install_config(board, {"config.json": given, CHECKED: checked})
        update.start(board, target, settings)


def read_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The answers that variables give.  An empty one is none, but for the password: no password."""
    return {
        name: environment[variable]
        for name, variable in VARIABLES.items()
        if environment.get(variable) or (name == "password" and variable in environment)
    }


def decide(given: dict[str, Any], answers: dict[str, str], is_terminal: bool) -> dict[str, Any]:
    """The new configuration, from variables if there are any, else from questions."""
    if not answers and not is_terminal:
        raise CommandError(
            "Nobody to ask: not a terminal; give variables, "
            "WIFI_SSID=home WIFI_PASSWORD=secret make config"
        )
    try:
        config = plan(given, answers) if answers else Wizard(given).run()
        check_enough(config)
    except ConfigError as error:
        raise CommandError(f"{error}; nothing is written")
    except UnicodeError:
        raise CommandError("An answer is not UTF-8; nothing is written")
    except EOFError:
        raise CommandError("No more answers; nothing is written")
    return config
