"""The tools of httpd32, one subcommand each: what `make` calls."""

import argparse
import sys
from importlib import import_module

from tools.terminal import run_tool

# Only the one that is asked for is imported: they need different packages.
COMMANDS = {
    "run": "runs httpd32 on this computer",
    "build": "compiles the firmware into build/board",
    "bench": "measures httpd32 beside plain Microdot and a bare loop",
    "doctor": "looks at the tools, the ports and the boards, and says what to do",
    "flash": "puts MicroPython on the board",
    "config": "asks for the network and writes config.json",
    "deploy": "copies to the board what changed and starts it",
    "rollback": "back to the version before on the board, and forth",
    "monitor": "the board's console",
    "smoke": "the black-box tests against a running server",
}


def main() -> int | None:
    parser = argparse.ArgumentParser(prog="python -m tools", description=__doc__)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
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
