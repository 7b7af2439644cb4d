"""How a tool talks to a person: one line for what is wrong, Ctrl-C, and progress.

What is asked, found and done is each tool's own.
"""

import io
import math
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, TextIO

from tools.checkout import IS_INSTALLED

_QUIET_S = 2.0  # what takes less than this shows no progress
_REDRAW_S = 0.2
_REPEAT_S = 10.0  # where lines can't be redrawn, as in a file
_OURS = ("firmware", "tools")
_TARGET = re.compile(
    r"\bmake (new|run|build|config|flash|deploy|fleet|rollback|monitor|doctor|clean)\b(?! *=)"
)
_VARIABLE = re.compile(
    r"\b(?:HTTP_)?(PORT|HOST|APP|CONFIG|RUNTIME|FIRMWARE|BAUD)(=| is missing)(?=([^\s,;:])?)"
)
_ENDING = ("SIGTERM", "SIGHUP")
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class CommandError(Exception):
    """What the tool can't or won't do.  The text is one line: what is wrong, and what to do."""


def run_tool(main: Callable[[], int | None]) -> NoReturn:
    """Runs a tool and exits with its status, 1 with the line of a CommandError, 130 by Ctrl-C.

    A signal that ends it, as when its terminal is closed, is taken as Ctrl-C; a second one changes
    nothing, because the first has begun to put the board back.  A second Ctrl-C ends it at once.
    """
    threading.excepthook = _forget_lost_connection
    _take_signals()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Each line at once, also into a file; what the file's encoding lacks is no reason to end.
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    status: int | None = None
    try:
        status = main()
    except CommandError as error:
        _end(worded(str(error)))
    except ModuleNotFoundError as error:
        if str(error.name).split(".")[0] in _OURS:
            raise
        _end(worded(f"{error.name} is missing; make clean, and try again"))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's last flush
        sys.exit(1)
    except OSError as error:
        _end(": ".join(str(each) for each in (error.filename, error.strerror or error) if each))
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    sys.exit(status or 0)


def worded(text: str) -> str:
    """A text for a person who has `make` as it is, for one who has installed us with `httpd32`."""
    if not IS_INSTALLED:
        return text
    text = text.replace("make clean", "pip install --force-reinstall httpd32")
    text = _TARGET.sub(r"httpd32 \1", text)
    return _VARIABLE.sub(_name_option, text)


def _name_option(found: re.Match[str]) -> str:
    follows = found[2] if found[2] != "=" else " " if found[3] else ""
    return f"--{found[1].lower()}{follows}"


def _end(line: str) -> NoReturn:
    print(line, file=sys.stderr)
    sys.exit(1)


def _take_signals() -> None:
    for name in _ENDING:
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) == signal.SIG_DFL:  # not under nohup
            signal.signal(number, _interrupt)
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """A shell repeats the SIGHUP of its terminal, and `fleet` ends what Ctrl-C has ended, too."""
    for name in _ENDING:
        ending = getattr(signal, name, None)  # Windows has one of them
        if ending and signal.getsignal(ending) == _interrupt:
            signal.signal(ending, signal.SIG_IGN)
    signal.default_int_handler(number, frame)


def _forget_lost_connection(args: threading.ExceptHookArgs) -> None:
    """pyserial reads rfc2217:// in a thread; the tool that has opened it gets an exception, too."""
    if not issubclass(args.exc_type, OSError):
        threading.__excepthook__(args)


class Progress:
    """One line that tells how far something is, from its third second on.

    On a terminal the line is redrawn and gone at the end; elsewhere it is repeated now and then.

        with Progress("writing") as progress:
            progress.show(done / total)
    """

    def __init__(
        self, what: str, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._out = out or sys.stdout
        self._clock = clock
        self._start = clock()
        self._next = self._start + _QUIET_S
        self._width = 0  # of the line that is shown

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._width:
            self._out.write("\r" + " " * self._width + "\r")
            self._out.flush()
        self._next = math.inf  # a late call must not overwrite what is printed next

    def show(self, share: float | None = None) -> None:
        """Tells how much is done, 0 to 1; None if that is unknown: the seconds that have passed."""
        now = self._clock()
        if now < self._next:
            return
        seconds = now - self._start
        line = f"{self._what} ... " + (f"{seconds:.0f} s" if share is None else f"{share:.0%}")
        if self._out.isatty():
            self._out.write("\r" + line.ljust(self._width))
            self._width = max(self._width, len(line))
            self._next = now + _REDRAW_S
        else:
            self._out.write(line + "\n")
            self._next = now + _REPEAT_S
        self._out.flush()
