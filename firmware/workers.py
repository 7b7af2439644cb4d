"""The worker pool: long requests run here, a fixed number at a time, so that the rest stays quick.

A worker is a place for a job: the pool counts them, and a job that runs has a task of its own.  So
a worker is ready again as soon as its job has ended, however it ended.  The pool does not own
sockets: a job hands the response, and each piece of a streamed body, to the task of the connection,
which reads the job as the body.
"""

import asyncio
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from firmware.job import Busy, Job
from firmware.log import Log
from firmware.tasks import join

_CANCEL_AGAIN_MS = const(1000)
_MAX_MADE = const(32)
_RETRY_AFTER = {"Retry-After": "1"}  # in seconds; each 503 of the server says so
_NOT_GIVEN = "the pool was not given to run()"
_BUSY = {"Content-Type": "text/html", "Retry-After": "1"}


class WorkerPool:
    """The workers, and the decorator `long` that sends a Microdot handler to them.

    @app.get("/slow")
    @pool.long
    async def slow(request):
        await asyncio.sleep(10)
        return "done"

    A plain function may compute or block: it runs on a thread, and so does each step of the
    iterator, generator or file that it returns.

    plain  the name of a handler that is a plain function; "" if there is none
    refused  how many requests have met `Busy` so far
    """

    _log: "Anything" = None  # until `run()` has the pool
    admit: "Function | None" = None  # asked whether a request may last; set by the server
    # (Pool, function, long handler) of each that `startup.choose` has not looked through yet.
    made: "list[tuple]" = []

    def __init__(self, ticks: "Function" = ticks_ms) -> None:
        self._ticks = ticks
        self.made.append((self, None, None))
        self.plain = ""
        self.refused = 0
        self._timeout_ms = 0
        self._workers = 0
        self._max_threads = 0
        self._threads: list = []  # those of the process, once one was needed
        self.jobs: list[Job] = []  # those that have a worker
        self._idle = asyncio.Event()  # one more is ready

    def set_up(self, log: Log, async_request_timeout_ms: int, max_threads: int = 1) -> None:
        """From now on there are threads: a task may want one before the link is up."""
        self._log = log
        self._timeout_ms = async_request_timeout_ms
        self._max_threads = max_threads

    def start(self, max_async_requests: int) -> None:
        """Makes the workers; each logs that it starts.  Idle when they exist."""
        while self._workers < max_async_requests:
            self._log.info("starting async req task worker")
            self._workers += 1
        if self.plain:
            import firmware.thread  # noqa: F401 - now, instead of in the first request

    async def wait_ready(self) -> None:
        """Returns when no worker has a job."""
        while self.jobs:
            self._idle.clear()
            await self._idle.wait()

    async def close(self) -> None:
        """Ends the workers and their jobs; the pool can be started again."""
        for job in list(self.jobs):
            await join(job)
        self.jobs.clear()
        self._workers = 0
        self._idle = asyncio.Event()  # CPython's belongs to one loop

    def count_ready(self) -> int:
        return self._workers - len(self.jobs)

    def is_on_worker(self) -> bool:
        """Whether the caller runs on a worker; False when it is beside the workers."""
        current = self._current()
        return current is not None and current.is_on_worker

    def is_cancelled(self) -> bool:
        """Whether what the caller calculates is not wanted any more.

        Its client is gone, the deadline has passed, or the server stops.  Nothing can stop a
        calculation that does not ask.
        """
        current = self._current()
        return current is not None and current.is_cancelled

    async def to_thread(self, function: "Function", *args: object, **kwargs: object) -> "Anything":
        """What `function(*args, **kwargs)` returns or raises on a thread, as `asyncio.to_thread`.

        It waits until one is free; raises Busy if none can be had.  When the task is cancelled, it
        ends at once, and `is_cancelled()` tells the function.
        """
        if not self._log:
            raise RuntimeError(_NOT_GIVEN)
        from firmware.thread import THREADS, to_thread

        self._threads = THREADS
        call = (function, args, kwargs)
        return await to_thread(self._max_threads, self._log, self._idle, self._current(), call)

    def long(self, handler: "Function") -> "Function":
        """A Microdot handler that runs `handler` on a worker, or answers 503 if none is ready."""

        async def hand_over(request: "Request", *args: object, **kwargs: object) -> "Anything":
            job = None
            try:
                job = self._submit(handler, is_plain, request, kwargs, args)
                return await job.next()
            except Exception as error:
                if job and job.is_timed_out:
                    return "The request took too long.\n", 503, _RETRY_AFTER
                if isinstance(error, Busy):
                    return await self.refuse(request, error)
                raise

        is_plain = _is_plain(handler, hand_over)
        if is_plain:
            self.plain = getattr(handler, "__name__", "handler")
        self.made.append((self, handler, hand_over))
        del self.made[:-_MAX_MADE]
        return hand_over

    async def refuse(self, request: "Request", error: object) -> tuple:
        """The answer to a request that has met `Busy`; an error handler of Microdot's, too."""
        self.refused += 1
        cause = str(error)
        self._log.warning("No workers are available%s", ": " + cause if cause else "")
        return "<div> no workers available. server busy.</div>", 503, _BUSY

    def release(self, wire: object) -> None:
        """Takes back the worker that still has a job for the request of `wire`, if any.

        The connection calls it when it is done with a request in whatever way, so that no job
        outlives its request.  `uploads` puts a function of its own around it.
        """
        for job in self.jobs:
            if job.wire is wire:
                self._cancel(job, self._ticks())

    def expire(self, now: int) -> None:
        """Cancels the jobs whose deadline has passed; the reaper calls it.

        And once more every second: a handler that swallows its cancellation gets the next one.
        """
        for thread in self._threads:
            if thread.expire(now, self._log):
                self._idle.set()
        for job in self.jobs:
            if ticks_diff(now, job.deadline) >= 0:
                job.is_timed_out = not job.is_cancelled or job.is_timed_out
                self._cancel(job, now)

    def _cancel(self, job: Job, now: int) -> None:
        job.deadline = ticks_add(now, _CANCEL_AGAIN_MS)
        job.cancel()

    def _current(self) -> "Anything":
        """The thread that the caller runs on, or its job; None for anything else."""
        for thread in self._threads:
            if thread.is_current():
                return thread
        current = asyncio.current_task()
        for job in self.jobs:
            if job.task is current:
                return job
        return None

    def _submit(
        self,
        handler: "Function",
        is_plain: bool,
        request: "Request",
        kwargs: dict,
        args: tuple = (),
    ) -> Job:
        """The job, on a ready worker; Busy without one, or a thread.  Nothing ever queues."""
        if not self._workers:
            raise RuntimeError(_NOT_GIVEN)
        if not self.count_ready():
            raise Busy
        job = Job(handler, request, kwargs, ticks_add(self._ticks(), self._timeout_ms), args)
        if is_plain:
            from firmware.thread import THREADS, take

            self._threads = THREADS
            job.thread = take(self._max_threads, self._log, request.path, True)  # type: ignore
        try:
            if self.admit and not self.admit(request):
                raise Busy("no more connections may last")
            self.jobs.append(job)
            asyncio.create_task(self._work(job))
        except (Busy, MemoryError):
            self._end(job)
            raise
        return job

    def _end(self, job: Job) -> None:
        job.end()
        if job in self.jobs:  # else it has not come so far, or the pool was closed
            self.jobs.remove(job)
        self._idle.set()

    async def _work(self, job: Job) -> None:
        """The task of a job.

        One that is cancelled before its first step never runs: so who cancels a job before that
        only marks it.  Each job has a task of its own also because MicroPython's `wait_for`, once
        cancelled, may cancel its caller again a little later: that must not be the next job's.
        """
        try:
            if not job.is_cancelled:
                job.task = asyncio.current_task()
                self._log.info("invoking %s", job.path)
                await job.run()
        except asyncio.CancelledError:
            pass  # by us, or by the handler itself
        except Exception as error:  # MemoryError, too: who waits for the job learns of it
            job.error = job.error or error
        finally:
            self._end(job)


def _is_plain(handler: "Function", closure: object) -> bool:
    """Whether `handler` is a plain function; the call of an `async def` only makes a coroutine.

    MicroPython shows it by the type, but not through a closure or a bound method: those have the
    function in their second word, as every object has its type in the first.
    closure  any
    """
    import uctypes

    wrappers = (_address(type(closure)), _address(type([].append)))
    function = _address(handler)
    while True:
        words = uctypes.struct(function, {"value": (uctypes.ARRAY, uctypes.ULONG | 2)}).value
        if words[0] == _address(type(_is_plain)):
            return True
        if words[0] not in wrappers:
            return False
        function = words[1]


def _address(thing: object) -> int:
    """Where it lies.  `id()` says that as a small integer, and from 0x40000000 on, as on an
    ESP32-C6, it is negative then (py/obj.c, mp_obj_id)."""
    number = id(thing)
    return number if number >= 0 else number & 0x7FFFFFFF
