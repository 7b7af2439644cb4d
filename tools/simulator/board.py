"""Plays the board: runs `main.py` as MicroPython would after boot, on either interpreter.

    board.py CHECKOUT FLASH

FLASH holds main.py, `firmware/` and lib/, as the flash of a board does, CHECKOUT the folder with
`tools`.  config.json, and main.py if not that of FLASH, lie in the current folder.
"""

import sys

checkout, flash = sys.argv[1:3]
sys.path[0] = checkout  # instead of the folder of this file

from tools.simulator import modules  # noqa: E402

modules.install()

import time  # noqa: E402

import network  # noqa: E402

from tools.simulator.surroundings import AccessPoint, Console, Surroundings  # noqa: E402

# From here on the path is a board's.
if sys.implementation.name == "cpython":
    from tools.simulator import cpython

    cpython.open_console()
    sys.path[:1] = ["", flash]
else:
    sys.path[:] = ["", flash, flash + "/lib", ".frozen", checkout + "/tools/simulator/lib"]

from firmware import app  # noqa: E402

# Its network is this computer, its drivers are quick, and one access point is in reach.
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
except KeyError:  # CPython expects the module that `run` has taken out
    if sys.implementation.name != "cpython":
        raise

sys.exit(max(_statuses or [0]))
