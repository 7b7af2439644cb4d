"""The worker pool: long requests run here, a fixed number at a time, so that the rest stays quick.

It owns the worker tasks, which are made once and live as long as the app, and the job each of them
has.  It does not own sockets: a job hands the response, and each piece of a streamed body, to the
task of the connection, which reads the job as the body.  A worker is ready again as soon as its
job has ended, however it ended.
"""

import asyncio
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from firmware.job import Job
from firmware.tasks import join

_BUSY_HEADERS = {"Content-Type": "text/html", "Retry-After": "5"}  # seconds
_BUSY = ("<div> no workers available. server busy.</div>", 503, _BUSY_HEADERS)
_TOO_LONG = ("The request took too long.\n", 503, _BUSY_HEADERS)
_RETRY_MS = const(10)


class WorkerPool:
    """The workers, and the decorator `long` that sends a Microdot handler to them.

    @app.get("/slow")
    @pool.long
    async def slow(request):
        await asyncio.sleep(10)
        return "done"
    """

    def __init__(self, ticks=ticks_ms):
        self._ticks = ticks
        self._log = None
        self._timeout_ms = 0
        self._workers = []  # the tasks
        self._ready = 0  # of them
        self._idle = asyncio.Event()  # one more is ready
        self._jobs = []
        self._given = []  # those of the jobs that no worker has taken yet
        self._gave = asyncio.Event()

    def start(self, max_async_requests: int, async_request_timeout_ms: int, log):
        """Makes the workers; each logs that it starts when it first runs.  Idle when they exist."""
        self._log = log
        self._timeout_ms = async_request_timeout_ms
        while len(self._workers) < max_async_requests:
            self._workers.append(asyncio.create_task(self._work()))

    async def wait_ready(self):
        """Returns when every worker has started and has no job."""
        while self._ready < len(self._workers):
            self._idle.clear()
            await self._idle.wait()

    async def close(self):
        """Ends the workers and their jobs; the pool can be started again."""
        for job in self._jobs:
            job.cancel(self._ticks())
        for worker in self._workers:
            await join(worker)
        self.__init__(self._ticks)

    def count_ready(self) -> int:
        return self._ready

    def is_on_worker(self) -> bool:
        """Whether the caller runs on a worker; False when it is beside the workers."""
        current = asyncio.current_task()
        return any(job.task is current for job in self._jobs)

    def long(self, handler):
        """A Microdot handler that runs `handler` on a worker, or answers 503 if none is ready."""

        async def hand_over(request, **kwargs):
            job = self._submit(handler, request, kwargs)
            if job is None:
                if not self._log:
                    raise RuntimeError("the pool was not given to run()")
                self._log.warning("No workers are available")
                return _BUSY
            try:
                return await job.next()
            except Exception:
                if job.is_timed_out:
                    return _TOO_LONG
                raise

        return hand_over

    def release(self, request):
        """Takes back the worker that still has a job for `request`, if any.

        The connection calls it when it is done with a request in whatever way, so that no job
        outlives its request.
        """
        for job in self._jobs:
            if job.request is request:
                job.cancel(self._ticks())

    def expire(self, now: int):
        """Cancels the jobs whose deadline has passed; the reaper calls it.

        And once more every second: a handler that swallows its cancellation gets the next one.
        """
        for job in self._jobs:
            if ticks_diff(now, job.deadline) >= 0:
                job.is_timed_out = not job.is_cancelled or job.is_timed_out
                job.cancel(now)

    def _submit(self, handler, request, kwargs):
        """The job, given to a ready worker; None if there is none.  Nothing ever queues."""
        if not self._ready:
            return None
        job = Job(handler, request, kwargs, ticks_add(self._ticks(), self._timeout_ms))
        self._ready -= 1  # now that there was memory for it
        self._jobs.append(job)
        self._given.append(job)
        self._gave.set()
        return job

    async def _work(self):
        """A worker's task.  No foreign code runs in it, so that nothing foreign can end it.

        Nor does want of memory: whoever waits for the job learns of that.

        A job has a task of its own.  MicroPython's `wait_for`, once cancelled, may cancel the task
        that called it a little later: that must not be the next job's.
        """
        self._log.info("starting async req task worker")
        while True:
            self._ready += 1
            self._idle.set()
            while not self._given:
                self._gave.clear()
                try:
                    await self._gave.wait()
                except MemoryError:
                    await asyncio.sleep_ms(_RETRY_MS)  # which takes none
            job = self._given.pop()
            try:
                if not job.is_cancelled:
                    self._log.info("invoking %s", job.request.path)
                    asyncio.create_task(job.run())
                    await job.ended.wait()
            except MemoryError as error:
                job.fail(error)
            job.end()
            self._jobs.remove(job)
            job = None  # with its request, while the worker waits
