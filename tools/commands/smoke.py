"""The black-box tests against a server that runs, a board or not.

What needs a board of the tests' own is skipped.
"""

import argparse
import subprocess
import sys

from tools.checkout import ROOT
from tools.target import check
from tools.terminal import CommandError

_MISSING = "HOST is missing; make smoke HOST=192.168.1.20 or HOST=127.0.0.1:8080"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", nargs="?", default="", help="host or host:port")
    parser.add_argument("pytest", nargs=argparse.REMAINDER, help="what pytest is to be told")


def run(options: argparse.Namespace) -> int:
    if not options.host:
        raise CommandError(_MISSING)
    check(options.host)
    line = [sys.executable, "-m", "pytest", "host_tests/blackbox", "-n", "0"]
    done = subprocess.run([*line, "--target", options.host, *options.pytest], cwd=ROOT)
    print("Skipped are those that start, configure or stop a board of their own: make test")
    return done.returncode
