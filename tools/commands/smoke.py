"""The black-box tests against a server that runs, a board or not.

What needs a board of the tests' own is skipped.
"""

import argparse
import http.client
import re
import subprocess
import sys

from tools.checkout import ROOT
from tools.terminal import Refused

_LIMIT_S = 10
_MISSING = "HOST is missing; make smoke HOST=192.168.1.20 or HOST=127.0.0.1:8080"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", nargs="?", default="", help="host or host:port")
    parser.add_argument("pytest", nargs=argparse.REMAINDER, help="what pytest is to be told")


def run(options: argparse.Namespace) -> int:
    check(options.host)
    line = [sys.executable, "-m", "pytest", "host_tests/blackbox", "-n", "0"]
    done = subprocess.run([*line, "--target", options.host, *options.pytest], cwd=ROOT)
    print("Skipped are those that start, configure or stop a board of their own: make test")
    return done.returncode


def parse(host: str) -> tuple[str, int]:
    """Name and port of `host` or `host:port`; Refused if it is neither."""
    if not host:
        raise Refused(_MISSING)
    match = re.fullmatch(r"([\w.-]+)(?::(\d{1,5}))?", host)
    if not match or not 0 < int(match[2] or 80) < 65536:
        raise Refused(f"HOST={host} is not an address; 192.168.1.20 or 127.0.0.1:8080, no http://")
    return match[1], int(match[2] or 80)


def check(host: str) -> None:
    """Refused if nothing answers there, or something that does not have httpd32's demo routes."""
    name, port = parse(host)
    connection = http.client.HTTPConnection(name, port, timeout=_LIMIT_S)
    try:
        connection.request("GET", "/quick")
        body = connection.getresponse().read(64)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Refused(
            f"{host} does not answer ({reason}); is it on, in this network, and is that its "
            "address? Its console tells: make monitor"
        )
    finally:
        connection.close()
    if not body.startswith(b"random: "):
        raise Refused(f"{host} answers, but not as httpd32: these tests ask for /quick and /long")
