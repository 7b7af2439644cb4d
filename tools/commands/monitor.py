"""The board's console, until Ctrl-].  What runs on the board goes on undisturbed."""

import sys
import threading
from argparse import ArgumentParser, Namespace

from serial.tools import miniterm

from tools.board import ports
from tools.board.console import Console
from tools.terminal import CommandError
from tools.version.tracebacks import Tracebacks

_LEAVE = "\x1d"  # Ctrl-]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", default="", help=ports.HELP)


def run(options: Namespace) -> None:
    console = Console(ports.pick(options.port))
    console.open()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):  # as in `make monitor | grep`
        show(console)
    keys = miniterm.Console()
    keys.setup()
    try:
        print("Ctrl-] leaves; Ctrl-C stops the program on the board, then Ctrl-D starts it again.")
        threading.Thread(target=show, args=(console,), daemon=True).start()
        while (key := keys.getkey()) != _LEAVE:
            type_key(console, "\r" if key == "\n" else key)
    finally:
        keys.cleanup()
    print()


def show(console: Console) -> None:
    """What the board says, for ever; a port that goes may come back."""
    tracebacks = Tracebacks()
    while True:
        try:
            said = console.read()
        except OSError:
            print(f"\r\n{console.port} is away; waiting for it\r")
            console.close()
            while not console.reopen():
                pass
            continue
        sys.stdout.buffer.write(tracebacks.feed(said))
        sys.stdout.buffer.flush()


def type_key(console: Console, key: str) -> None:
    try:
        if console.is_open:
            console.write(key.encode("utf-8", "surrogateescape"))  # as the terminal has sent it
    except (OSError, CommandError, ValueError):
        pass  # it is away; or half of a character, as Windows gives it
