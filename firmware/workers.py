"""The worker pool: long requests run here, a fixed number at a time, so that the rest stays quick.

A worker is a place for a job: the pool counts them, and a job that runs has a task of its own.  So
a worker is ready again as soon as its job has ended, however it ended.  The pool does not own
sockets: a job hands the response, and each piece of a streamed body, to the task of the connection,
which reads the job as the body.
"""

import asyncio
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from firmware.job import Job
from firmware.log import Log
from firmware.tasks import join

_CANCEL_AGAIN_MS = const(1000)
_RETRY_AFTER = {"Content-Type": "text/html", "Retry-After": "1"}  # seconds, as all of the server's


class WorkerPool:
    """The workers, and the decorator `long` that sends a Microdot handler to them.

    @app.get("/slow")
    @pool.long
    async def slow(request):
        await asyncio.sleep(10)
        return "done"
    """

    _log: Log
    admit = None  # asked whether a request may stay; set by the server

    def __init__(self, ticks=ticks_ms) -> None:
        self._ticks = ticks
        self._timeout_ms = 0
        self._workers = 0
        self._jobs: list[Job] = []  # those that have a worker
        self._idle = asyncio.Event()  # one more is ready

    def start(self, max_async_requests: int, async_request_timeout_ms: int, log: Log) -> None:
        """Makes the workers; each logs that it starts.  Idle when they exist."""
        self._log = log
        self._timeout_ms = async_request_timeout_ms
        while self._workers < max_async_requests:
            log.info("starting async req task worker")
            self._workers += 1

    async def wait_ready(self) -> None:
        """Returns when no worker has a job."""
        while self._jobs:
            self._idle.clear()
            await self._idle.wait()

    async def close(self) -> None:
        """Ends the workers and their jobs; the pool can be started again."""
        for job in list(self._jobs):
            await join(job)
        self._jobs.clear()
        self._workers = 0
        self._idle = asyncio.Event()  # CPython's belongs to one loop

    def count_ready(self) -> int:
        return self._workers - len(self._jobs)

    def is_on_worker(self) -> bool:
        """Whether the caller runs on a worker; False when it is beside the workers."""
        current = asyncio.current_task()
        return any(job.task is current for job in self._jobs)

    def long(self, handler):
        """A Microdot handler that runs `handler` on a worker, or answers 503 if none is ready."""

        async def hand_over(request, **kwargs):
            refusal = "<div> no workers available. server busy.</div>"
            job = self._submit(handler, request, kwargs)
            if job:
                try:
                    return await job.next()
                except Exception:
                    if not job.is_timed_out:
                        raise
                    refusal = "The request took too long.\n"
            return refusal, 503, _RETRY_AFTER

        return hand_over

    def release(self, request) -> None:
        """Takes back the worker that still has a job for `request`, if any.

        The connection calls it when it is done with a request in whatever way, so that no job
        outlives its request.
        """
        for job in self._jobs:
            if job.request is request:
                self._cancel(job, self._ticks())

    def expire(self, now: int) -> None:
        """Cancels the jobs whose deadline has passed; the reaper calls it.

        And once more every second: a handler that swallows its cancellation gets the next one.
        """
        for job in self._jobs:
            if ticks_diff(now, job.deadline) >= 0:
                job.is_timed_out = not job.is_cancelled or job.is_timed_out
                self._cancel(job, now)

    def _cancel(self, job: Job, now: int) -> None:
        job.deadline = ticks_add(now, _CANCEL_AGAIN_MS)
        job.cancel()

    def _submit(self, handler, request, kwargs: dict) -> Job | None:
        """The job, on a ready worker; None if there is none.  Nothing ever queues."""
        if not self._workers:
            raise RuntimeError("the pool was not given to run()")
        if not self.count_ready() or (self.admit and not self.admit(request)):
            self._log.warning("No workers are available")
            return None
        job = Job(handler, request, kwargs, ticks_add(self._ticks(), self._timeout_ms))
        self._jobs.append(job)
        try:
            asyncio.create_task(self._work(job))
        except MemoryError:
            self._jobs.remove(job)
            raise
        return job

    async def _work(self, job: Job) -> None:
        """The task of a job.

        One that is cancelled before its first step never runs: so who cancels a job before that
        only marks it.  Each job has a task of its own also because MicroPython's `wait_for`, once
        cancelled, may cancel its caller again a little later: that must not be the next job's.
        """
        try:
            if not job.is_cancelled:
                job.task = asyncio.current_task()
                self._log.info("invoking %s", job.request.path)
                await job.run()
        except asyncio.CancelledError:
            pass  # by us, or by the handler itself
        except Exception as error:  # MemoryError, too: who waits for the job learns of it
            job.error = job.error or error
        finally:
            job.end()
            if job in self._jobs:  # else the pool was closed
                self._jobs.remove(job)
            self._idle.set()
