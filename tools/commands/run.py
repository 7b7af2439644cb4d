"""Runs httpd32 here, main.py and all, as a board would: MicroPython, its heap and its network."""

import json
import os
import shutil
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tools.checkout import ROOT
from tools.simulator import harness
from tools.terminal import Refused

_EXAMPLE = '{"server": {"port": 8080}}'


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--runtime", default=harness.RUNTIMES[0], help=f"{' or '.join(harness.RUNTIMES)}"
    )
    parser.add_argument("--port", default="", help=f"TCP port, else {harness.DEFAULT_PORT}")
    parser.add_argument("--config", default="", help="a file with settings")


def run(options: Namespace) -> int:
    if options.runtime not in harness.RUNTIMES:
        raise Refused(f"RUNTIME={options.runtime}: one of {', '.join(harness.RUNTIMES)}")
    folder = ROOT / "build" / "run" / str(os.getpid())
    folder.mkdir(parents=True, exist_ok=True)
    try:
        harness.link_application(folder)
        _write_config(folder, options.config, options.port)
        return harness.run(harness.command(options.runtime), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_config(folder: Path, path: str, port: str) -> None:
    try:
        text = Path(path).read_bytes() if path else b"{}"
    except OSError as error:
        raise Refused(f"CONFIG={path}: {error.strerror}")
    try:
        harness.write_config(folder, json.loads(text), port)
    except (ValueError, RecursionError):
        raise Refused(f"CONFIG={path}: not JSON; an object like {_EXAMPLE}")
