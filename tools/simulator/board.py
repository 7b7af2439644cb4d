"""Plays the board: runs the version of an application as MicroPython would after boot.

    board.py CHECKOUT FLASH STATE VERSION SURROUNDINGS

CHECKOUT is the folder with `tools`, or what is compiled of it; FLASH is the one that stands for
`/`; STATE has a file for each thing that outlives a restart but is not in the flash; VERSION is the
folder in the flash to run; SURROUNDINGS is a file with JSON: see `harness.describe`.  For both
interpreters.
"""

import json
import sys
import time

checkout, flash, state, version, described = sys.argv[1:]
sys.path[0] = checkout  # instead of the folder of this file

from tools.simulator import modules, network  # noqa: E402
from tools.simulator.surroundings import AccessPoint, Console, Surroundings  # noqa: E402

lib = checkout + "/tools/simulator/lib"
with open(described) as file:
    around = json.load(file)


def play_listener(listener):
    """It listens where this computer is to be reached, and tells clients' addresses as a board."""
    listen, accept = listener.open, listener.accept

    def open_at_host(self, address, port, backlog_conn):
        listen(self, around["host"], port, backlog_conn)

    def accept_as_board(self):
        accepted = accept(self)
        return accepted and (accepted[0], as_tuple(accepted[1]))

    listener.open, listener.accept = open_at_host, accept_as_board


def as_tuple(address):
    """(host, port) of what MicroPython for Unix has: the octets of a sockaddr_in."""
    if isinstance(address, tuple):
        return address
    return (".".join([str(octet) for octet in address[4:8]]), address[2] << 8 | address[3])


# From here on the path and `/` are a board's.
if sys.implementation.name == "cpython":
    from tools.simulator import cpython

    cpython.open_console()
    modules.install_hidden(lambda: sys.path.insert(0, lib), lambda: sys.path.pop(0), play_listener)
    storage = cpython.Storage(state)
    end_at_once = cpython.end_at_once
    cpython.mount(flash, checkout, around["origins"])
else:
    from tools.simulator import unix

    modules.install_hidden(*unix.hide(lib), play_listener)
    storage = unix.Storage(state)
    end_at_once = None  # it can't: `Restart` goes through the program
    unix.mount(flash)

# Its network is this computer, its drivers are quick, and what the configuration names is in reach.
network.surroundings = Surroundings(
    [AccessPoint(ssid, password, address=around["address"]) for ssid, password in around["wifi"]],
    around["cable"] and around["address"],
    phy_addr=around["phy_addr"],
    pace=20,
    clock=time.ticks_ms,
    own_address=around["address"],
)
console = Console(network.surroundings)

import played  # noqa: E402


def turn():
    """What happens between two steps of the program."""
    while played.early:
        played.early.pop().begin()
    console.listen()


network.surroundings.on_turn = turn

played.reset_cause = around["reset_cause"]
played.storage = storage.read()
played.keep = storage.keep
played.end = end_at_once and (lambda cause: end_at_once(around["restart_status"] + cause))


played.is_debug = around["is_debug"]
status = 1
try:
    launcher = around.pop("launcher").replace('CURRENT = ""', 'CURRENT = "/%s"' % version)
    exec(compile(launcher, "/main.py", "exec"), {"__name__": "__main__"})
    status = sys.modules["firmware"].exit_status if "firmware" in sys.modules else 1
except played.Restart as restart:
    status = around["restart_status"] + restart.args[0]
except KeyboardInterrupt:
    status = 0
sys.exit(1 if status is None else status)
