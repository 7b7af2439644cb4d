"""Runs the firmware on this computer: `main.py` and all, under MicroPython or CPython.

`make run` calls it.  It prepares a folder with the configuration, as the flash of a board has it,
and starts the interpreter that runs `board.py` there.
"""

import argparse
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import application  # noqa: E402
from tools.build import build  # noqa: E402

DEFAULT_PORT = 8080
# About what a board has left after Wi-Fi, whose words are half as long; and 16 KB for the simulated
# network, which a board has in its drivers.
HEAP = "208k"
RUNTIMES = ("micropython", "cpython")

_EXAMPLE = '{"server": {"port": 8080}}'
_PR_SET_PDEATHSIG = 1


def command(runtime: str, heap: str = HEAP, board: Path | None = None) -> list[str]:
    """The command line that plays the board; SystemExit with one line if it can't be had.

    board  its flash, already built; that of this checkout if None
    """
    here = Path(__file__).parent
    if runtime == "cpython":
        return [sys.executable, str(here / "board.py"), str(ROOT), str(here / "shims")]
    board = board or build()
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
                server["port"] = int(port) if port.isascii() and port.isdigit() else port
            server.setdefault("port", DEFAULT_PORT)
        network = given.setdefault("network", {})
        if isinstance(network, dict):
            network.setdefault("wifi", [{"ssid": "simulated", "password": ""}])
    (folder / "config.json").write_text(json.dumps(given))


def link_application(folder: Path, root: Path = ROOT):
    """The files of app/ are where the application looks for them: in the folder that it runs in."""
    if (root / application.FOLDER).is_dir():
        (folder / application.FOLDER).symlink_to(root / application.FOLDER)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", default=RUNTIMES[0])
    parser.add_argument("--port", default="")
    parser.add_argument("--config", default="")
    options = parser.parse_args()
    if options.runtime not in RUNTIMES:
        raise SystemExit(f"RUNTIME={options.runtime}: one of {', '.join(RUNTIMES)}")
    folder = ROOT / "build" / "run" / str(os.getpid())
    folder.mkdir(parents=True, exist_ok=True)
    link_application(folder)
    try:
        text = Path(options.config).read_bytes() if options.config else b"{}"
    except OSError as error:
        raise SystemExit(f"CONFIG={options.config}: {error.strerror}") from None
    try:
        write_config(folder, json.loads(text), options.port)
    except (ValueError, RecursionError):
        raise SystemExit(f"CONFIG={options.config}: not JSON; an object like {_EXAMPLE}") from None
    try:
        sys.exit(run(command(options.runtime), folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(line: list[str], folder: Path) -> int:
    """Runs the board in `folder` until it ends; its exit status.

    Ctrl-C becomes its line `quit`, and a second one kills it: MicroPython for Unix raises
    KeyboardInterrupt from the signal handler, wherever it is, even inside its memory allocator,
    which then stays locked.  A board raises it between two steps of the program.
    """
    board = subprocess.Popen(line, cwd=folder, stdin=subprocess.PIPE, preexec_fn=_prepare_child)
    assert board.stdin is not None
    console = board.stdin.fileno()

    def interrupt(number, frame):
        signal.signal(signal.SIGINT, lambda *_: board.kill())
        _write(console, b"\nquit\n")  # whatever line was begun

    signal.signal(signal.SIGINT, interrupt)
    threading.Thread(target=_relay, args=(console,), daemon=True).start()
    return board.wait()


def _relay(console):
    """Passes standard input on; at its end, and without one, the board goes on serving."""
    try:
        while block := os.read(0, 1024):
            _write(console, block)
    except OSError:
        pass


def _write(console, block):
    try:
        os.write(console, block)
    except OSError:
        pass  # the board has ended


def _prepare_child():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    if sys.platform == "linux":  # it must not outlive us
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    main()
