"""Plays the board: runs `main.py` as MicroPython would after boot, on either interpreter.

    board.py ROOT SHIMS   with config.json, and main.py if not that of ROOT, in the current folder

ROOT holds main.py, `firmware/` and lib/, as the flash of a board does.
"""

import sys

root, shims = sys.argv[1:3]
if sys.implementation.name == "cpython":
    sys.path[:1] = ["", root, shims + "/cpython", shims]
    import adapt

    adapt.install()
    adapt.open_console()
else:
    sys.path[:] = ["", root, root + "/lib", ".frozen", shims, shims + "/mpy"]

import time  # noqa: E402

import network  # noqa: E402

from firmware import app  # noqa: E402
from surroundings import AccessPoint, Console, Surroundings  # noqa: E402

# Its network is this computer, its drivers are quick, and it hears one access point.
network.surroundings = Surroundings(
    [AccessPoint("simulated", address="127.0.0.1")], "127.0.0.1", pace=20, clock=time.ticks_ms
)
network.surroundings.on_turn = Console(network.surroundings).listen

_run = app.run
_statuses = []


def run(*args, **kwargs):
    """`app.run`; its status becomes that of the process, which a board has not."""
    _statuses.append(_run(*args, **kwargs))
    return _statuses[-1]


app.run = run

try:
    import main  # noqa: F401
except KeyError:  # CPython wants to find the module that `run` has taken out
    if sys.implementation.name != "cpython":
        raise

sys.exit(max(_statuses or [0]))
