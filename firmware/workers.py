"""The worker pool: long requests run here, a fixed number at a time, so that the rest stays quick.

It owns the worker tasks, which are made once and live as long as the app, and the job each of them
has.  It does not own sockets: a job hands the response, and each piece of a streamed body, to the
task of the connection, which reads the job as the body.  A worker is ready again as soon as its
job has ended, however it ended.
"""

import asyncio
from time import ticks_add, ticks_diff, ticks_ms

from firmware.job import Job
from firmware.tasks import join

_BUSY_BODY = "<div> no workers available. server busy.</div>"
_BUSY_HEADERS = {"Content-Type": "text/html", "Retry-After": "5"}  # seconds


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
        self._workers = []
        self._idle = asyncio.Event()

    def start(self, max_async_requests: int, async_request_timeout_ms: int, log):
        """Makes the workers; each logs that it starts when it first runs.  Idle when they exist."""
        if self._workers:
            return
        self._log = log
        self._timeout_ms = async_request_timeout_ms
        self._workers = [_Worker() for _ in range(max_async_requests)]
        for worker in self._workers:
            worker.task = asyncio.create_task(self._work(worker))

    async def wait_ready(self):
        """Returns when every worker has started and has no job."""
        while self.count_ready() < len(self._workers):
            self._idle.clear()
            await self._idle.wait()

    async def close(self):
        """Ends the workers and their jobs; the pool can be started again."""
        for worker in self._workers:
            if worker.job:
                worker.job.cancel(self._ticks())
            await join(worker.task)
        self._workers = []

    def count_ready(self) -> int:
        return sum(1 for worker in self._workers if worker.is_ready)

    def is_on_worker(self) -> bool:
        """Whether the caller runs on a worker; False when it is beside the workers."""
        current = asyncio.current_task()
        return any(worker.job and worker.job.task is current for worker in self._workers)

    def long(self, handler):
        """A Microdot handler that runs `handler` on a worker, or answers 503 if none is ready."""

        async def hand_over(request, **kwargs):
            job = self._submit(handler, request, kwargs)
            if job is None:
                self._log.warning("No workers are available")
                return _BUSY_BODY, 503, _BUSY_HEADERS
            response = await job.response()
            if job.is_timed_out:
                return "The request took too long.\n", 503, _BUSY_HEADERS
            return response

        return hand_over

    def release(self, request):
        """Takes back the worker that still has a job for `request`, if any.

        The connection calls it when it is done with a request in whatever way, so that no job
        outlives its request.
        """
        for worker in self._workers:
            if worker.job and worker.job.request is request:
                worker.job.cancel(self._ticks())

    def expire(self, now: int):
        """Cancels the jobs whose deadline has passed; the reaper calls it.

        And once more every second: a handler that swallows its cancellation gets the next one.
        """
        for worker in self._workers:
            job = worker.job
            if job and ticks_diff(now, job.deadline) >= 0:
                job.is_timed_out = not job.is_cancelled or job.is_timed_out
                job.cancel(now)

    def _submit(self, handler, request, kwargs):
        """The job, given to a ready worker; None if there is none.  Nothing ever queues."""
        for worker in self._workers:
            if worker.is_ready:
                deadline = ticks_add(self._ticks(), self._timeout_ms)
                worker.give(Job(handler, request, kwargs, deadline))
                return worker.job
        return None

    async def _work(self, worker):
        """The worker's task.  No foreign code runs in it, so that nothing foreign can end it.

        A job has a task of its own.  MicroPython's `wait_for`, once cancelled, may cancel the task
        that called it a little later: that must not be the next job's.
        """
        self._log.info("starting async req task worker")
        while True:
            worker.is_ready = True
            self._idle.set()
            await worker.given.wait()
            worker.given.clear()
            job = worker.job
            if not job.is_cancelled:
                self._log.info("invoking %s", job.request.path)
                job.task = asyncio.create_task(job.run())
                await job.ended.wait()
            job.end()
            job = worker.job = None  # with its request, while the worker waits


class _Worker:
    def __init__(self):
        self.task = None
        self.job = None
        self.is_ready = False
        self.given = asyncio.Event()

    def give(self, job):
        self.is_ready = False
        self.job = job
        self.given.set()
