"""Runs an application on this computer as a board would, under MicroPython or CPython.

It puts the version onto a folder that is the board's flash, and starts the interpreter that runs
`board.py` there.
"""

import copy
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.config import check
from tools.checkout import ROOT
from tools.simulator.flash import Flash
from tools.simulator.interpreter import die_with_parent, micropython
from tools.terminal import CommandError
from tools.version import build
from tools.version.application import find_main

DEFAULT_PORT = 8080
LOCALHOST = "127.0.0.1"
ANY_HOST = "0.0.0.0"
# About twice what a board has left with Wi-Fi up, because words are twice as long here; and 56 KB
# for the played hardware and its names, which on a board are in the image.
_HEAP_KB = 312
_PER_MPY_KB = 3  # KB of heap, about
RUNTIMES = ("micropython", "cpython")
# MicroPython for Windows is not on PyPI.
DEFAULT_RUNTIME = RUNTIMES[os.name == "nt"]
RESTART = 64  # exit status of a board that starts again, with the cause added
_RESTARTS = range(RESTART + 1, RESTART + 8)
_POWER_ON = 1
_LIB = Path(__file__).parent / "lib"
_LAUNCHER = ROOT / "tools" / "version" / "scripts" / "main.py"
_UNIX = ("__init__", "modules", "network", "surroundings", "unix")
_OPEN = {"ssid": "simulated", "password": ""}


def complete(given: Any, port: str | None = None) -> Any:
    """The configuration of a simulated board: `given`, a port, and a network if it names none."""
    if isinstance(given, dict):
        server = given.setdefault("server", {})
        if isinstance(server, dict):
            if port:
                server["port"] = int(port)
            server.setdefault("port", DEFAULT_PORT)
        network = given.setdefault("network", {})
        if isinstance(network, dict) and network.get("interface") != "ethernet":
            network.setdefault("wifi", [dict(_OPEN)])
    return given


def write_config(folder: Path, given: Any, port: str | None = None) -> None:
    """config.json of a simulated board in a folder."""
    (folder / "config.json").write_text(json.dumps(complete(given, port)), encoding="utf-8")


def sources(runtime: str, main: Path | None = None) -> dict[str, Path]:
    """What goes onto the flash: path on the board to file; CommandError if it can't."""
    main = main or find_main("")
    if runtime == "micropython":
        return build.files(build.build(board=build.folder_of(main), main=main))
    found = build.sources(ROOT, build.find_microdot(), main)
    for path in found:
        if path.endswith(".mpy"):
            raise CommandError(f"{path} is compiled for MicroPython; RUNTIME=micropython runs it")
    return found


def command(
    runtime: str,
    flash: Flash,
    version: str,
    config: Any,
    host: str = LOCALHOST,
    reset_cause: int = _POWER_ON,
    sources: dict[str, Path] | None = None,
) -> list[str]:
    """The command line that plays the board; CommandError if there is no interpreter for it.

    sources  of the version, which CPython names in tracebacks and to a debugger
    """
    named = (sources or {}) if runtime == "cpython" else {}
    origins = {str(flash.root / version / path): str(file) for path, file in named.items()}
    start = {"reset_cause": reset_cause, "origins": origins}
    described = flash.write_surroundings(describe(config, host) | start)
    checkout = ROOT if runtime == "cpython" else _compile()
    places = [
        str(checkout),
        str(flash.root),
        str(flash.state),
        flash.power,
        version,
        str(described),
    ]
    script = str(Path(__file__).parent / "board.py")
    if runtime == "cpython":
        return [sys.executable, script, *places]
    return [*micropython(f"{_heap_kb(flash.root / version)}k"), script, *places]


def _heap_kb(version: Path) -> int:
    """The heap for a version: with what the hardware that its application names takes here."""
    own = [
        path.read_bytes()
        for path in (*version.glob("*.*"), *version.glob("[!fm]*/**/*.mpy"))
        if path.suffix in (".py", ".mpy") and "microdot" not in path.parts
    ]
    played = (path for path in _LIB.iterdir() if any(path.stem.encode() in text for text in own))
    compiled = [_compile() / path.relative_to(_LIB.parents[2]) for path in played]
    sizes = [
        file.stat().st_size
        for path in compiled
        for file in (path.rglob("*.mpy") if path.is_dir() else [path.with_suffix(".mpy")])
    ]
    return _HEAP_KB + -(-sum(sizes) * _PER_MPY_KB // 1024)


def _compile() -> Path:
    """What plays the board, as .mpy: from their texts the modules would take more of its heap."""
    here = Path(__file__).parent
    target = build.BOARD.parent / "simulator"
    for path in (*_LIB.rglob("*.py"), *(here / f"{name}.py" for name in _UNIX)):
        compiled = target / path.relative_to(here.parent.parent).with_suffix(".mpy")
        build.compile_module(path, compiled)
    return target


def describe(config: Any, host: str) -> dict[str, Any]:
    """What surrounds the board, as JSON has it.

    wifi      (SSID, password) of the networks in the air: those that the configuration names
    cable     whether an Ethernet cable is plugged in
    phy_addr  where the Ethernet chip answers
    host      where this computer listens
    address   that the network gives the board: this computer's
    """
    try:
        checked = check(copy.deepcopy(config))
    except ValueError:  # the board itself says what is wrong
        checked = check({})
    network = checked["network"]
    named = [(each.get("ssid", ""), each.get("password", "")) for each in network["wifi"]]
    return {
        "wifi": [pair for pair in named if pair[0]],
        "cable": network["ethernet"] is not None,
        "phy_addr": (network["ethernet"] or {}).get("phy_addr", 1),
        "host": host,
        "address": address_of(host),
        "is_debug": checked["log"]["level"] == "debug",
        "launcher": _LAUNCHER.read_text(encoding="utf-8"),
        "restart_status": RESTART,
    }


def address_of(host: str) -> str:
    """The IPv4 address of a host; of 0.0.0.0, by which a phone in the network reaches this one."""
    if host != ANY_HOST:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # sends nothing
            return str(sock.getsockname()[0])
        except OSError:
            return LOCALHOST


def restart_cause(status: int) -> int | None:
    """What `machine.reset_cause()` gives next, if a board with this exit status starts again."""
    return status - RESTART if status in _RESTARTS else None


def find_port() -> int:
    """A TCP port of this computer that is free now."""
    with socket.socket() as sock:
        sock.bind((LOCALHOST, 0))
        return int(sock.getsockname()[1])


def spawn(
    line: list[str], folder: Path, prepare: Callable[[], object] = lambda: None, **options: Any
) -> "subprocess.Popen[Any]":
    """The process that plays the board, with a pipe as its standard input.

    `prepare` runs in the child before it.
    """

    def prepare_child() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        die_with_parent()
        prepare()

    if os.name == "posix":
        options["preexec_fn"] = prepare_child
    return subprocess.Popen(line, cwd=folder, stdin=subprocess.PIPE, **options)
