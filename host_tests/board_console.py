"""Plays an ESP32 board with its console on the standard streams.  For MicroPython for Unix.

    board_console.py FLASH SHIMS MODE

FLASH is a file that holds a littlefs2.  It runs boot.py and main.py, then the REPLs that mpremote
talks to.  MODE is "hard" after power-on or `machine.reset()`, "soft" after Ctrl-D, "raw" after
Ctrl-D in the raw REPL, which does not run main.py.  The exit status says which of the last two is
wanted.
"""

import asyncio
import os
import select
import sys
import time

import vfs

SOFT_RESET = {"friendly": 3, "raw": 4}  # exit status

_SLICE_MS = 20
_WINDOW_LEN = 128  # of the raw-paste mode: half the board's input buffer
_BANNER = "\nMicroPython v1.25.0 on 2025-04-15; Generic ESP32 module with ESP32\n" + (
    'Type "help()" for more information.\n'
)
_RAW_BANNER = "raw REPL; CTRL-B to exit\n"


class Input:
    """What is typed.  While a program runs, Ctrl-C interrupts it and the rest is kept for later.

    MicroPython for Unix raises KeyboardInterrupt from the signal handler, even inside its memory
    allocator, which then stays locked.  A board raises it between two steps of the program; so does
    `check`, which runs whenever the program waits.
    """

    def __init__(self):
        self._ahead = b""
        self._poller = select.poll()
        self._poller.register(sys.stdin, select.POLLIN)

    def read(self):
        """The next octet; waits for it."""
        if self._ahead:
            octet, self._ahead = self._ahead[:1], self._ahead[1:]
            return octet
        return self._receive()

    def check(self):
        while self._poller.poll(0):
            octet = self._receive()
            if octet == b"\x03":
                self._ahead = b""
                raise KeyboardInterrupt
            self._ahead += octet

    def _receive(self):
        octet = sys.stdin.buffer.read(1)
        if not octet:
            kill_self()  # whoever holds the other end is gone
        return octet


class Machine:
    """The module `machine`, as far as a web server needs it."""

    def reset(self):
        kill_self()

    def unique_id(self):
        return b"\x24\x0a\xc4\x00\x00\x01"


def kill_self():
    """Ends at once, whatever the program would catch: that is a reset."""
    os.system("kill -9 $PPID")


def make_interruptible(io_queue):
    """Lets Ctrl-C into asyncio, in which the loop would wait for sockets only."""
    wait = io_queue.wait_io_event

    def wait_io_event(self, dt):
        while True:
            typed.check()
            wait(self, dt if 0 <= dt < _SLICE_MS else _SLICE_MS)
            if dt >= 0 or asyncio.core._task_queue.peek():
                return

    io_queue.wait_io_event = wait_io_event


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


def leave(repl):
    """A soft reset: the next process goes on."""
    write("MPY: soft reboot\n")
    sys.exit(SOFT_RESET[repl])


def write(text):
    sys.stdout.write(text)


def repl(names, is_raw):
    while True:
        try:
            if is_raw:
                raw_repl(names)
            else:
                friendly_repl(names)
            is_raw = not is_raw
        except KeyboardInterrupt:
            pass  # nothing runs


def friendly_repl(names):
    """Until Ctrl-A."""
    write(_BANNER)
    while True:
        write(">>> ")
        line = b""
        octet = typed.read()
        while octet not in b"\r\x01\x02\x03\x04":
            line += octet
            write(octet.decode() if octet >= b" " else "")
            octet = typed.read()
        write("\n")
        if octet == b"\x01":
            return
        if octet == b"\x02":
            write(_BANNER)
        elif octet == b"\x04" and not line:
            leave("friendly")
        elif octet == b"\r" and line.strip():
            run(run_line, line.decode(), names)


def run_line(line, names):
    exec(compile(line, "<stdin>", "single"), names)


def raw_repl(names):
    """Until Ctrl-B."""
    write(_RAW_BANNER + ">")
    code = b""
    while True:
        octet = typed.read()
        if octet == b"\x02":
            write("\n")
            return
        if octet == b"\x01":
            write(_RAW_BANNER + ">")
            code = b""
        elif octet == b"\x03":
            code = b""
        elif octet == b"\x05" and not code:
            # Ctrl-E "A" Ctrl-A asks for raw paste.
            typed.read()
            typed.read()
            pasted = raw_paste()
            if pasted is not None:
                run_raw(pasted, names)
            write(">")
        elif octet != b"\x04":
            code += octet
        elif not code:
            leave("raw")
        else:
            write("OK")
            run_raw(code, names)
            code = b""
            write(">")


def raw_paste():
    """The code that is sent with flow control; None if it was given up."""
    sys.stdout.buffer.write(b"R\x01" + bytes((_WINDOW_LEN, 0, 1)))
    code = bytearray()
    window = _WINDOW_LEN
    while True:
        octet = typed.read()
        if octet in b"\x03\x04":
            write("\x04")
            return bytes(code) if octet == b"\x04" else None
        code += octet
        window -= 1
        if not window:
            write("\x01")
            window = _WINDOW_LEN


def run_raw(code, names):
    """The answer is what it prints, Ctrl-D, its traceback, Ctrl-D."""
    try:
        exec(compile(code.decode(), "<stdin>", "exec"), names)
        write("\x04")
    except SystemExit:
        write("\x04\x04")
        leave("raw")
    except BaseException as error:
        write("\x04")
        sys.print_exception(error, sys.stdout)
    write("\x04")


def main(flash, mode):
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(flash), "/")
    os.chdir("/")
    names = {"__name__": "__main__"}
    run_file("/boot.py", names)
    if mode != "raw":
        run_file("/main.py", names)
    repl(names, mode == "raw")


path, shims, mode = sys.argv[1:]
sys.path.append(shims)
import network  # noqa: E402
from littlefs import FlashFile  # noqa: E402

from surroundings import AccessPoint, Surroundings  # noqa: E402

typed = Input()
network.surroundings = Surroundings(
    [AccessPoint("simulated", address="127.0.0.1")], pace=20, clock=time.ticks_ms
)
network.surroundings.on_turn = typed.check
make_interruptible(asyncio.core.IOQueue)
sys.modules["machine"] = Machine()
sys.path[:] = ["", ".frozen", "/lib"]
main(FlashFile(path), mode)
