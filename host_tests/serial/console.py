"""Plays an ESP32 board with its console on the standard streams.  For MicroPython for Unix.

    console.py FLASH KEPT CHECKOUT MODE

FLASH is a file that holds a littlefs2, KEPT a folder with what outlives a reset besides, CHECKOUT
the folder with `tools` and `host_tests`.  It runs boot.py and main.py, then the REPLs that mpremote
talks to.  MODE is "hard" after power-on or
`machine.reset()`, "soft" after Ctrl-D, "raw" after Ctrl-D in the raw REPL, which does not run
main.py.  The exit status says which of the last two is wanted.
"""

import asyncio
import os
import sys
import time

import vfs

path, kept, checkout, mode = sys.argv[1:]
sys.path[0] = checkout  # instead of the folder of this file

from host_tests.serial.littlefs import FlashFile  # noqa: E402
from host_tests.serial.repl import Repl, leave  # noqa: E402
from host_tests.serial.typed import Input, kill_self, make_interruptible  # noqa: E402
from tools.simulator import modules, network, unix  # noqa: E402
from tools.simulator.surroundings import AccessPoint, Surroundings  # noqa: E402

_PWRON_RESET, _SOFT_RESET = 1, 5


def run(action, *args):
    """Runs a piece of program.  SystemExit is a soft reset; another exception is printed."""
    try:
        typed.check()
        action(*args)
    except SystemExit:
        leave("friendly")
    except BaseException as error:
        sys.print_exception(error, sys.stdout)


def run_file(path, names):
    try:
        os.stat(path)
    except OSError:
        return
    run(execfile, path, names)  # noqa: F821


def main(flash, mode):
    vfs.umount("/")
    # A board reads 32 bytes at a time; here, each time is a call of Python.
    vfs.mount(vfs.VfsLfs2(flash, readsize=256), "/")
    os.chdir("/")
    names = {"__name__": "__main__"}
    run_file("/boot.py", names)
    if mode != "raw":
        run_file("/main.py", names)
    Repl(typed, names, run).run(mode == "raw")


def reset(cause):
    storage.keep("cause", bytes((cause,)))
    kill_self()


modules.install_hidden(*unix.hide(checkout + "/tools/simulator/lib"))
import played  # noqa: E402

storage = unix.Storage(kept)
played.storage = storage.read()
played.keep = storage.keep
played.end = reset
# After a reset that it has not caused itself, the chip has nothing to tell.
cause = played.storage.pop("cause", bytes((_PWRON_RESET,)))
storage.keep("cause", bytes((_PWRON_RESET,)))
played.reset_cause = cause[0] if mode == "hard" else _SOFT_RESET
typed = Input()
network.surroundings = Surroundings(
    [AccessPoint("simulated", address="127.0.0.1")], pace=20, clock=time.ticks_ms
)
network.surroundings.on_turn = played.turn = typed.check
make_interruptible(asyncio.core.IOQueue, typed)
sys.path[:] = ["", ".frozen", "/lib"]
main(FlashFile(path), mode)
