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

from firmware import app  # noqa: E402

_run = app.run
_statuses = []


def run(*args, **kwargs):
    """`app.run`; its status becomes that of the process, which a board has not."""
    _statuses.append(_run(*args, **kwargs))
    return _statuses[-1]


app.run = run

import main  # noqa: E402, F401

sys.exit(max(_statuses or [0]))
