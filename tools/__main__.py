"""The tools of httpd32, a web server for ESP32 boards; each command has a --help of its own."""

import argparse
import sys
from importlib import import_module

from tools.checkout import IS_INSTALLED
from tools.terminal import run_tool

# Only the one that is asked for is imported: they need different packages.
COMMANDS = {
    "new": "begins an application: main.py, and what belongs beside it",
    "run": "runs httpd32 on this computer",
    "build": "compiles the firmware into build/board",
    "bench": "measures httpd32 beside plain Microdot and a bare loop",
    "doctor": "looks at the tools, the ports and the boards, and says what to do",
    "flash": "puts MicroPython on the board",
    "config": "asks for the network and writes config.json",
    "deploy": "copies to the board what changed and starts it",
    "fleet": "deploys to every board of fleet.toml, side by side",
    "rollback": "back to the version before on the board, and forth",
    "monitor": "the board's console",
    "smoke": "the black-box tests against a running server",
    "soak": "a mixed load with faults for some minutes",
}


# They need what only a checkout has.
FOR_CHECKOUTS = ("bench", "smoke", "soak")


def main() -> int | None:
    name = "httpd32" if IS_INSTALLED else "python -m tools"
    parser = argparse.ArgumentParser(prog=name, description=__doc__)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        if IS_INSTALLED and name in FOR_CHECKOUTS:
            continue
        is_asked = name in sys.argv[1:2]
        command = import_module(f"tools.commands.{name}") if is_asked else None
        subparser = subparsers.add_parser(
            name, help=text, description=command.__doc__ if command else text
        )
        if command:
            command.add_arguments(subparser)
            subparser.set_defaults(run=command.run)
    options = parser.parse_args()
    return options.run(options)


if __name__ == "__main__":
    run_tool(main)
