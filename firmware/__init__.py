"""httpd32: a web server for ESP32 boards that keeps answering.

from firmware import run, WorkerPool
"""

import gc
import sys

__version__ = "0.1.0"

# What run() has returned; 0 while it serves, None as long as nobody has called it.
exit_status: object = None

# What `last_words.begin` has found; None as long as nobody has called it.
record: bytes | None = None

# Whether the launcher has found that this version is on trial, see `trial.py`.
is_on_trial = False

# Whether the watchdog runs, which would reset the board at its prompt.
is_armed = False

# Whether `time.time()` can be believed.  What the clock shows when power comes may be any year.
is_clock_set = False

# Bytes of the pool that Python leaves to the network, and to what else takes them: a TLS session
# needs 26 KB.  An application may set it before it imports `run`.
pool_len = 27 * 1024

_grown: tuple | None = None  # for which `pool_len`, and what keeps the part that was added


def drop(name: str) -> None:
    """Forgets a module that is not needed any more, so that its memory comes back.

    With a package goes what is in it.
    """
    path = "firmware." + name
    below = path + "."
    for each in list(sys.modules):
        if each == path or each.startswith(below):
            del sys.modules[each]
    package, _, name = path.rpartition(".")
    sys.modules[package].__dict__.pop(name, None)


def collect_often() -> None:
    """To be called before modules are loaded: what that leaves behind is collected.

    So what lasts lies close together, the free heap is one piece, and each allocation finds its
    place at once.
    """
    gc.threshold(8192)


def collect_before(name: str) -> None:
    """To be called before a module is loaded while the server runs, for the same reason."""
    if "firmware." + name not in sys.modules:
        gc.collect()


def grow() -> None:
    """Makes the heap as large as it is to be, once for a `pool_len`.

    The launcher calls it: what an application loads first may make it double instead.
    """
    global _grown
    collect_often()
    if not _grown or _grown[0] != pool_len:
        from firmware import heap

        _grown = None
        _grown = pool_len, heap.grow(pool_len)
        drop("heap")


def __getattr__(name: str) -> object:
    """What an application needs, loaded when it is asked for."""
    if name == "run" or name == "WorkerPool":
        grow()
    if name == "run":
        from firmware.app import run
        from firmware.startup import mark

        if "microdot" in sys.modules:
            mark(sys.modules["microdot"].Request)
        return run
    if name == "WorkerPool":
        from firmware.workers import WorkerPool

        return WorkerPool
    if name[0] == "_":
        raise AttributeError(name)
    # MicroPython asks here, and nowhere else, for a module: `from firmware import log`.
    try:
        return __import__("firmware." + name, None, None, ("*",))
    except ImportError:
        raise AttributeError(name)
