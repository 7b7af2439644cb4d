"""Threads that compute or block for the loop, which goes on meanwhile; loaded when first needed.

It owns the threads, and the call that each of them makes.  It does not know requests or jobs.  No
thread touches an asyncio object: the loop asks whether a call has returned.
"""

import _thread
import asyncio
import sys
from time import ticks_diff

from micropython import const

from firmware.job import Busy, Job
from firmware.log import Log

_STACK_LEN = const(8192)  # of a board's: callbacks of MicroPython's scheduler run on it, too
_POLL_MS = const(10)
_STUCK_MS = const(1000)
# They never end, because MicroPython 1.25 may free twice what a thread that has ended was made of.
# So they are the process's, and the next pool finds those that the one before it has made.
THREADS = []  # type: list


class Thread:
    """One thread.  It belongs to one request at a time, from `take()` to `leave()`.

    is_cancelled  the call is not wanted any more
    is_on_worker  the call is a worker's
    is_stuck      not wanted any more, and told to the log, because the call does not return

    The loop and the thread have the rest of it in turn: releasing `_begun` passes it to the thread,
    releasing `_ended` back.  A lock also orders what both write where there is no GIL, as in
    MicroPython for Unix; and no attribute is added later, which would move the others while the
    thread reads them.
    """

    def __init__(self) -> None:
        self.is_cancelled = False
        self.is_on_worker = False
        self.is_stuck = False
        self._path = ""  # of the request that it belongs to; "" while it is free
        self._is_left = False
        self._left: int | None = None  # ticks when the reaper has first seen that
        self._close: tuple | None = None  # the call that is to be made then
        self._is_running = False  # as far as the loop knows
        self._call: tuple = ()  # function, args, kwargs
        self._result = None
        self._error: BaseException | None = None
        self._ident: int | None = None
        self._begun = _thread.allocate_lock()
        self._ended = _thread.allocate_lock()
        self._begun.acquire()
        self._ended.acquire()

    def start(self) -> None:
        """Makes the thread; OSError, RuntimeError or MemoryError if it can't be had."""
        # A computer has enough, and CPython refuses so little.
        length = _thread.stack_size(_STACK_LEN if sys.maxsize < 1 << 31 else 0)
        try:
            _thread.start_new_thread(self._run, ())
        finally:
            _thread.stack_size(length)

    def take(self, path: str, is_on_worker: bool) -> bool:
        """Whether it was free, and is the caller's from now on."""
        self._free()
        if self._path:
            return False
        self._path = path
        self.is_on_worker = is_on_worker
        return True

    async def call(self, call: tuple) -> object:
        """What a call returns or raises on the thread.

        call  function, args, kwargs
        A caller that is cancelled does not wait for it: then `leave()` is all that may follow.
        """
        self._begin(call)
        delay_ms = 0
        try:
            while not self._has_ended():
                await asyncio.sleep_ms(delay_ms)
                delay_ms = min(delay_ms + 1, _POLL_MS)
        finally:
            self.is_cancelled = self._is_running
        result = self._result
        error = self._error
        self._result = self._error = None
        if error is not None:
            raise error
        return result

    def leave(self, close: tuple | None = None) -> None:
        """Makes it free as soon as its call has returned, and then the call `close`, if any."""
        self._close = close
        self._left = None
        self._is_left = True
        self._free()

    def expire(self, now: int, log: Log) -> bool:
        """Whether it has become free, or stuck."""
        if not self._is_left:
            return False
        if not self._free():
            if self._left is None:
                self._left = now
            if self.is_stuck or ticks_diff(now, self._left) < _STUCK_MS:
                return False
            self.is_stuck = True
            log.warning("%s: its thread stays taken until it returns", self._path)
        return True

    def is_current(self) -> bool:
        return self._ident == _thread.get_ident()

    def _free(self) -> bool:
        """Makes it free if it was left and its call has returned; whether it has."""
        if not self._is_left or not self._has_ended():
            return False
        self._result = self._error = None
        if self._close:
            self._begin(self._close)
            self._close = None
            return False
        self._is_left = False
        self._path = ""
        self.is_cancelled = self.is_stuck = False
        return True

    def _begin(self, call: tuple) -> None:
        self._call = call
        self._is_running = True
        self._begun.release()

    def _has_ended(self) -> bool:
        if self._is_running and self._ended.acquire(False):
            self._is_running = False
            self._call = ()
        return not self._is_running

    def _run(self) -> None:
        """All that runs in the thread.  Nothing may end it."""
        self._ident = _thread.get_ident()
        while True:
            self._begun.acquire()
            try:
                function, args, kwargs = self._call
                self._result = function(*args, **kwargs)
            except BaseException as error:  # SystemExit, too: a thread that ends is freed twice
                self._error = error
            function = args = kwargs = None
            self._ended.release()


async def to_thread(
    max_threads: int, log: Log, idle: asyncio.Event, job: Job | None, call: tuple
) -> object:
    """What `WorkerPool.to_thread()` does.

    idle  is set when a thread may have become free, or stuck
    job   that the caller is; None beside the workers
    """
    thread = None
    while thread is None:
        try:
            path = job.path if job else "to_thread"
            thread = take(max_threads, log, path, job is not None)
        except Busy:
            if all([each.is_stuck for each in THREADS[:max_threads]]):
                raise
            idle.clear()
            await idle.wait()
    try:
        return await thread.call(call)
    finally:
        thread.leave()
        idle.set()


def take(max_threads: int, log: Log, path: str, is_on_worker: bool) -> Thread:
    """A free thread, made if need be; Busy if there is none, or can't be."""
    for thread in THREADS[:max_threads]:
        if thread.take(path, is_on_worker):
            return thread
    if len(THREADS) >= max_threads:
        raise Busy("server.max_threads")
    try:
        thread = Thread()
        THREADS.append(thread)
        is_started = False
        try:
            thread.start()
            is_started = True
        finally:
            if not is_started:  # Ctrl-C, too: nobody would ever run what waits for this one
                THREADS.pop()
    except (OSError, RuntimeError, MemoryError) as error:
        log.error("can't make a thread: %s", error)
        raise Busy("no thread")
    thread.take(path, is_on_worker)
    return thread
