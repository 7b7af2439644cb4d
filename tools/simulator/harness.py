"""Runs the firmware on this computer: `main.py` and all, under MicroPython or CPython.

It prepares a folder with the configuration, as the flash of a board has it, and starts the
interpreter that runs `board.py` there.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from tools.checkout import ROOT
from tools.simulator.interpreter import die_with_parent, micropython
from tools.version import application
from tools.version.build import build

DEFAULT_PORT = 8080
# About what a board has left after Wi-Fi, whose words are half as long; and 16 KB for the simulated
# network, which a board has in its drivers.
HEAP = "208k"
RUNTIMES = ("micropython", "cpython")


def command(runtime: str, heap: str = HEAP, board: Path | None = None) -> list[str]:
    """The command line that plays the board; Refused if there is no interpreter for it.

    board  its flash, already built; that of this checkout if None
    """
    script = [str(Path(__file__).parent / "board.py"), str(ROOT)]
    if runtime == "cpython":
        return [sys.executable, *script, str(ROOT)]
    return [*micropython(heap), *script, str(board or build())]


def write_config(folder: Path, given: Any, port: str | None = None) -> None:
    """config.json for the simulated board: `given`, a port and the simulated network."""
    if isinstance(given, dict):
        server = given.setdefault("server", {})
        if isinstance(server, dict):
            if port:
                server["port"] = int(port) if port.isascii() and port.isdigit() else port
            server.setdefault("port", DEFAULT_PORT)
        network = given.setdefault("network", {})
        if isinstance(network, dict):
            network.setdefault("wifi", [{"ssid": "simulated", "password": ""}])
    (folder / "config.json").write_text(json.dumps(given))


def link_application(folder: Path, root: Path = ROOT) -> None:
    """The files of app/ are where the application looks for them: in the folder that it runs in."""
    if (root / application.FOLDER).is_dir():
        (folder / application.FOLDER).symlink_to(root / application.FOLDER)


def find_port() -> int:
    """A TCP port of this computer that is free now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def spawn(
    line: list[str], folder: Path, prepare: Callable[[], object] = lambda: None, **options: Any
) -> "subprocess.Popen[Any]":
    """The process that plays the board in `folder`, with a pipe as its standard input.

    `prepare` runs in the child before it.
    """

    def prepare_child() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        die_with_parent(signal.SIGTERM)
        prepare()

    return subprocess.Popen(
        line, cwd=folder, stdin=subprocess.PIPE, preexec_fn=prepare_child, **options
    )


def run(line: list[str], folder: Path) -> int:
    """Runs the board in `folder` until it ends; its exit status.

    Ctrl-C becomes its line `quit`, and a second one kills it: MicroPython for Unix raises
    KeyboardInterrupt from the signal handler, wherever it is, even inside its memory allocator,
    which then stays locked.  A board raises it between two steps of the program.
    """
    board = spawn(line, folder)
    assert board.stdin is not None
    console = board.stdin.fileno()

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, lambda *_: board.kill())
        _write(console, b"\nquit\n")  # whatever line was begun

    signal.signal(signal.SIGINT, interrupt)
    threading.Thread(target=_relay, args=(console,), daemon=True).start()
    return board.wait()


def _relay(console: int) -> None:
    """Passes standard input on; at its end, and without one, the board goes on serving."""
    try:
        while block := os.read(0, 1024):
            _write(console, block)
    except OSError:
        pass


def _write(console: int, block: bytes) -> None:
    try:
        os.write(console, block)
    except OSError:
        pass  # the board has ended
