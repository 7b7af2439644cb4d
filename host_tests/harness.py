"""Runs the firmware on this computer: `main.py` and all, under MicroPython or CPython.

`make run` calls it.  It prepares a folder with the configuration, as the flash of a board has it,
and becomes the interpreter that runs `board.py` there.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.build import build  # noqa: E402

DEFAULT_PORT = 8080
# About what a board has left after Wi-Fi; its words are half as long.
HEAP = "192k"
RUNTIMES = ("micropython", "cpython")


def command(runtime: str, heap: str = HEAP) -> list[str]:
    """The command line that plays the board; SystemExit with one line if it can't be had."""
    here = Path(__file__).parent
    if runtime == "cpython":
        return [sys.executable, str(here / "board.py"), str(ROOT), str(here / "shims")]
    board = build()
    return [*micropython(heap), str(here / "board.py"), str(board), str(here / "shims")]


def micropython(heap: str = HEAP) -> list[str]:
    """The MicroPython of the virtual environment, or else the one on PATH."""
    own = Path(sys.executable).parent / "micropython"
    program = str(own) if own.exists() else shutil.which("micropython")
    if program is None:
        raise SystemExit(
            "PyPI has no MicroPython for this kind of computer; "
            "put a `micropython` on PATH, or use RUNTIME=cpython"
        )
    return [program, "-X", f"heapsize={heap}"]


def write_config(folder: Path, given, port=None):
    """config.json for the simulated board: `given`, a port and the simulated network."""
    if isinstance(given, dict):
        server = given.setdefault("server", {})
        if isinstance(server, dict):
            if port:
                server["port"] = int(port) if port.isdigit() else port
            server.setdefault("port", DEFAULT_PORT)
        given.setdefault("network", {"wifi": [{"ssid": "simulated", "password": ""}]})
    (folder / "config.json").write_text(json.dumps(given))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", choices=RUNTIMES, default=RUNTIMES[0])
    parser.add_argument("--port", default="")
    parser.add_argument("--config", default="")
    options = parser.parse_args()
    folder = ROOT / "build" / "run" / (options.port or str(DEFAULT_PORT))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        text = Path(options.config).read_text() if options.config else "{}"
    except OSError as error:
        raise SystemExit(f"CONFIG={options.config}: {error.strerror}") from None
    try:
        write_config(folder, json.loads(text), options.port)
    except ValueError:
        (folder / "config.json").write_text(text)  # the firmware says what is wrong
    line = command(options.runtime)
    _open_standard_input()
    os.chdir(folder)
    os.execv(line[0], line)


def _open_standard_input():
    """Without it, the first socket would become standard input."""
    try:
        os.fstat(0)
    except OSError:
        os.open(os.devnull, os.O_RDONLY)


if __name__ == "__main__":
    main()
