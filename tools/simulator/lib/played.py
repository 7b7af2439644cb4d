"""What the played hardware has in common: it does nothing, and says so at level `debug`.

is_debug  whether log.level of the configuration is "debug"
storage   what outlives a restart of the board, name to bytes
keep      called with a name and its bytes when they change; or None
reset_cause   what `machine.reset_cause()` gives
end       called with the cause of a restart, to end the process at once; or None
turn      called when the program idles; or None
early     coroutines that are to run once there is a loop, where one can't be made before
"""

import asyncio
import sys
import time

is_debug = False
storage = {}
keep = None
reset_cause = 1
end = None
turn = None
early = []


class Restart(SystemExit):
    """The board starts again; its argument is what `machine.reset_cause()` gives then."""


def restart(cause):
    """At once, where what plays the board can do that."""
    if end:
        end(cause)
    raise Restart(cause)


def say(text, *args):
    """A line in the form of the firmware's log."""
    if is_debug:
        print("D (%d) machine: %s" % (time.ticks_ms(), text % args))


def remember(name, octets):
    storage[name] = octets
    if keep:
        keep(name, octets)


def start(coroutine, *args):
    """Runs a coroutine function in the loop, as soon as there is one; what can cancel it."""
    if sys.implementation.name == "cpython":
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            early.append(_Early(coroutine, args))
            return early[-1]
    return asyncio.create_task(coroutine(*args))


class _Early:
    """A task to be."""

    def __init__(self, coroutine, args):
        self._coroutine = coroutine
        self._args = args
        self._task = None

    def begin(self):
        if self._coroutine:
            self._task = asyncio.create_task(self._coroutine(*self._args))

    def cancel(self):
        self._coroutine = None
        if self._task:
            self._task.cancel()
