"""Plays the board: runs the version of an application as MicroPython would after boot.

    board.py CHECKOUT FLASH STATE POWER VERSION SURROUNDINGS

CHECKOUT is the folder with `tools`, or what is compiled of it; FLASH is the one that stands for
`/`; STATE has a file for each thing that outlives a restart but is not in the flash, and those that
the loss of power wipes end in POWER; VERSION is the folder in the flash to run; SURROUNDINGS is a
file with JSON: see `harness.describe`.  For both interpreters.
"""

import json
import socket
import sys
import time

OWN_SERVER = ("run", "start_server")
checkout, flash, state, power, version, described = sys.argv[1:]
sys.path[0] = checkout  # instead of the folder of this file

from tools.simulator import modules, network  # noqa: E402
from tools.simulator.surroundings import AccessPoint, Console, Surroundings  # noqa: E402

# lwIP's, where Linux has megabytes and sends segments of 64 KB.  Linux doubles what it is told and
# takes its own part of it.
_IPPROTO_TCP, _TCP_MAXSEG = 6, 2
_SO_SNDBUF, _SO_RCVBUF = (7, 8) if socket.SOL_SOCKET == 1 else (0x1001, 0x1002)
_SEGMENT_LEN = 1440
_BUFFER_LEN = 4 * _SEGMENT_LEN
_SNDBUF, _RCVBUF = _BUFFER_LEN // 2, _BUFFER_LEN * 5 // 6

NEEDS_POWER = ("rtc", "watchdog")
lib = checkout + "/tools/simulator/lib"
with open(described) as file:
    around = json.load(file)


def play_listener(module):
    """It listens where this computer is to be reached, and tells clients' addresses as a board."""
    listener = module.Listener
    listen, accept = listener.open, listener.accept

    def open_at_host(self, address, port, backlog_conn):
        listen(self, around["host"], port, backlog_conn)
        set_option(self._sock, _IPPROTO_TCP, _TCP_MAXSEG, _SEGMENT_LEN)
        set_option(self._sock, socket.SOL_SOCKET, _SO_RCVBUF, _RCVBUF)

    def accept_as_board(self):
        accepted = accept(self)
        if accepted:
            set_option(accepted[0], socket.SOL_SOCKET, _SO_SNDBUF, _SNDBUF)
        return accepted and (accepted[0], as_tuple(accepted[1]))

    listener.open, listener.accept = open_at_host, accept_as_board


def drop_server(module):
    """Microdot's own, which a board does not have."""
    del module.Microdot.run, module.Microdot.start_server


def is_own_server(error):
    """Whether that is what the program asked for."""
    text = str(error)
    return text[:35] == "'Microdot' object has no attribute " and text[36:-1] in OWN_SERVER


def set_option(sock, level, name, value):
    try:
        sock.setsockopt(level, name, value)
    except OSError:
        pass  # another kind of computer, or the client has reset it


def play_wire(module):
    """One `send` takes what the buffer of a board does: a client here reads in the middle of it."""
    wire = module.Wire
    send = wire._try_send
    wire._try_send = lambda self, data: send(self, memoryview(data)[:_BUFFER_LEN])


def play_failure(module):
    """A mistake that is a matter of one line restarts nothing."""
    fail = module.fail

    def fail_unless_told(error):
        if is_own_server(error):
            raise error
        fail(error)

    module.fail = fail_unless_told


def play_clock(module):
    """This computer's clock is right, which `firmware.response` asks for."""
    module.firmware.is_clock_set = True


def play_joined(module):
    """The modules that have become one; without those that an application has beside it."""
    for name in ("firmware.listener", "firmware.response", "firmware.wire"):
        if name not in sys.modules:
            on_loaded[name](module)


def as_tuple(address):
    """(host, port) of what MicroPython for Unix has: the octets of a sockaddr_in."""
    if isinstance(address, tuple):
        return address
    return (".".join([str(octet) for octet in address[4:8]]), address[2] << 8 | address[3])


# From here on the path and `/` are a board's.
on_loaded = {
    "firmware.core": play_joined,
    "firmware.listener": play_listener,
    "firmware.response": play_clock,
    "firmware.wire": play_wire,
    "firmware.last_words": play_failure,
}
if sys.implementation.name == "cpython":
    from tools.simulator import cpython

    cpython.open_console()
    on_loaded["microdot.microdot"] = drop_server
    modules.install_hidden(lambda: sys.path.insert(0, lib), lambda: sys.path.pop(0), on_loaded)
    storage = cpython.Storage(state)
    end_at_once = cpython.end_at_once
    cpython.mount(flash, checkout, around["origins"])
else:
    from tools.simulator import unix

    modules.install_hidden(*unix.hide(lib), on_loaded)
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


network.surroundings.on_turn = played.turn = turn

played.reset_cause = around["reset_cause"]
for name, octets in storage.read().items():
    if name.endswith(power):
        played.storage[name[: -len(power)]] = octets
    elif name.split(".")[0] not in NEEDS_POWER:
        played.storage[name] = octets
played.keep = lambda name, octets: storage.keep(
    name + power if name in NEEDS_POWER else name, octets
)
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
except AttributeError as error:
    if not is_own_server(error):
        raise
    print("main.py starts Microdot's own server; its last line is run(app), from firmware")
sys.exit(1 if status is None else status)
