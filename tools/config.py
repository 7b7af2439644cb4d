"""make config: writes config.json, from questions or from variables.

What is allowed the firmware itself says, in firmware/config.py.  Keys that are not asked for stay
as they are in an existing file.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from firmware.config import ConfigError, check
from tools.config_plan import check_enough, plan
from tools.terminal import Refused, run_tool
from tools.wizard import Wizard

# What can be answered, and the variable that answers it without a question.
VARIABLES = {
    "interface": "INTERFACE",
    "ssid": "WIFI_SSID",
    "password": "WIFI_PASSWORD",
    "ethernet": "ETHERNET_BOARD",
    "hostname": "BOARD_HOSTNAME",
}


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
    except UnicodeError:
        raise Refused("An answer is not UTF-8; nothing is written")
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
