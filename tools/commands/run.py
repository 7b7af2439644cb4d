"""Runs an application here as a board would: main.py and all, MicroPython, its heap and network."""

import errno
import os
import socket
from argparse import ArgumentParser, Namespace
from typing import Any

from tools.checkout import HERE, named
from tools.settings import file
from tools.simulator import harness
from tools.simulator.flash import Flash
from tools.simulator.session import Session
from tools.terminal import CommandError
from tools.version import application

_ASKED = "type down or up for the link, unplug or plug for the cable, heap, quit; Ctrl-C ends it"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--runtime", default=harness.DEFAULT_RUNTIME, help=f"{' or '.join(harness.RUNTIMES)}"
    )
    parser.add_argument("--port", default="", help=f"TCP port, else {harness.DEFAULT_PORT}")
    parser.add_argument("--host", default="", help=f"where it listens, else {harness.LOCALHOST}")
    parser.add_argument("--config", default="", help="the settings, else config.json")
    parser.add_argument("--app", default="", help="another main.py")


def run(options: Namespace) -> int:
    if options.runtime not in harness.RUNTIMES:
        raise CommandError(f"RUNTIME={options.runtime}: one of {', '.join(harness.RUNTIMES)}")
    host = options.host or harness.LOCALHOST
    config = _read_config(options.config, options.port)
    port = config["server"]["port"]
    flash = Flash(HERE / "build")
    sources = harness.sources(options.runtime, application.find_main(options.app))
    _check_port(host, port)
    version = flash.install(sources, config)
    print(f"{_urls(host, port)}: {_ASKED}")
    session = Session(
        lambda cause: harness.command(
            options.runtime, flash, version, config, host, cause, sources
        ),
        flash.root / version,
        flash.watchdog,
    )
    flash.power_off()  # what an earlier process with the same id has left
    try:
        return session.run()
    finally:
        flash.power_off()


def _read_config(path: str, port: str) -> dict[str, Any]:
    """The configuration, checked: here, because a computer can say more about a mistake."""
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise CommandError(f"HTTP_PORT={port}: not a port; an integer from 1 to 65535")
    given = {}
    source = named(path or str(HERE / "config.json"))
    name = f"CONFIG={path}" if path else source.name
    if path or source.exists():
        given = file.parse(source, name)
    config = harness.complete(given, port)
    file.check(config, name)
    return dict(config)


def _check_port(host: str, port: int) -> None:
    """CommandError if it can't be had.  A board goes on trying: there, something else is wrong."""
    with socket.socket() as sock:
        if os.name == "posix":  # on Windows it would get a port that is taken
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
            sock.listen(1)
        except PermissionError:
            raise CommandError(f"Port {port} needs more rights; another one with HTTP_PORT=8080")
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CommandError(f"Port {port} is taken by another program; HTTP_PORT={port + 1}")
            raise CommandError(f"HTTP_HOST={host}: {error.strerror or error}; 127.0.0.1 or 0.0.0.0")


def _urls(host: str, port: int) -> str:
    shown = f"http://{harness.LOCALHOST if host == harness.ANY_HOST else host}:{port}"
    if host == harness.ANY_HOST:
        shown += f", from elsewhere http://{harness.address_of(host)}:{port}"
    return shown
