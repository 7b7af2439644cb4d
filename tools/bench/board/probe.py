"""Looks into a server from inside its loop, when a line on standard input asks.

heap      heap in use after a collection, without what the probe and the fake `network` take
own       what these two take
alloc     heap in use as it is
off       no collection from now on
collect   microseconds of a full collection
pause     the longest pause of the loop since the last such line, in microseconds
modules   the names of what is loaded
"""

import asyncio
import gc
import sys
from time import ticks_diff, ticks_us

_SLEEP_MS = 1


class _Watch:
    """How late the loop lets a sleeper of one millisecond go on."""

    def __init__(self):
        self._longest_us = -1  # none runs

    def read(self):
        """The longest pause so far; watches anew."""
        if self._longest_us < 0:
            asyncio.create_task(self._run())
        longest_us, self._longest_us = self._longest_us, 0
        return longest_us

    async def _run(self):
        while True:
            start = ticks_us()
            await asyncio.sleep_ms(_SLEEP_MS)
            late_us = ticks_diff(ticks_us(), start) - _SLEEP_MS * 1000
            if late_us > self._longest_us:
                self._longest_us = late_us


def _heap():
    gc.collect()
    return gc.mem_alloc()


def _time_collection():
    start = ticks_us()
    gc.collect()
    return ticks_diff(ticks_us(), start)


def _answer(question, own_len, watch):
    if question == b"heap":
        return _heap() - own_len
    if question == b"own":
        return own_len
    if question == b"alloc":
        return gc.mem_alloc()
    if question == b"off":
        return gc.disable()
    if question == b"collect":
        return _time_collection()
    if question == b"pause":
        return watch.read()
    return " ".join(sys.modules)


async def _listen(reader, own):
    watch = _Watch()
    while True:
        question = (await reader.readline()).strip()
        if not question:
            return
        print(_answer(question, own[0], watch))


def start(before):
    """Makes the task; it runs as soon as a loop does.

    before  heap in use before this module was loaded
    """
    import network  # noqa: F401  httpd32 needs it, so the others have it too

    own = [0]
    asyncio.create_task(_listen(asyncio.StreamReader(sys.stdin), own))
    own[0] = _heap() - before
