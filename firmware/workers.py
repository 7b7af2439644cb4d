"""The worker pool: long requests run here, a fixed number at a time, so that the rest stays quick.

It owns the worker tasks, which are made once and live as long as the app, and the job each of them
has.  It does not own sockets: a job hands the response, and each piece of a streamed body, to the
task of the connection, which reads the job as the body.  A worker is ready again as soon as its
job has ended, however it ended.
"""

import asyncio
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from firmware.tasks import join

_CANCEL_AGAIN_MS = const(1000)
_FILE_BLOCK_LEN = const(1024)  # what Microdot reads of a file at a time
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
                worker.give(_Job(handler, request, kwargs, deadline))
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


class _Job:
    """One long request on its worker, and the streamed body of its response.

    On the worker `run()` produces, in the task of the connection `response()` and then `async for`
    consume.  There is room for one piece between them, so a slow client slows the handler down.
    """

    def __init__(self, handler, request, kwargs, deadline):
        self.request = request
        self.deadline = deadline  # ticks; when it has been cancelled, of the next cancellation
        self.task = None
        self.ended = asyncio.Event()
        self.is_cancelled = False
        self.is_timed_out = False
        self._error = None
        self._handler = handler
        self._kwargs = kwargs
        self._is_running = False
        self._response = None
        self._has_response = False
        self._piece = None
        self._is_complete = False
        self._produced = asyncio.Event()  # a response, a piece or the end is there
        self._consumed = asyncio.Event()  # the piece was taken

    def cancel(self, now: int):
        """Ends the job.  One whose task has not begun is only marked, and then never begins."""
        self.is_cancelled = True
        self.deadline = ticks_add(now, _CANCEL_AGAIN_MS)
        if self._is_running:
            self.task.cancel()

    def end(self):
        """Nothing more will come; whoever waits for it learns that."""
        self._is_running = False
        self.ended.set()
        self._produced.set()

    # In the job's own task.

    async def run(self):
        self._is_running = True
        try:
            if not self.is_cancelled:
                await self._handle()
        except asyncio.CancelledError:
            self.is_cancelled = True  # by us, or by the handler itself
        except Exception as error:
            self._error = error
        finally:
            self.end()

    async def _handle(self):
        response = self._handler(self.request, **self._kwargs)
        if hasattr(response, "send"):  # a coroutine; Microdot allows plain functions as well
            response = await response
        body, self._response = _split(response, self)
        self._has_response = True
        if body is None:
            return
        self._produced.set()
        try:
            await self._produce(body)
        finally:
            await _close(body)

    async def _produce(self, body):
        iterator = body.__aiter__() if hasattr(body, "__aiter__") else body
        while True:
            piece = await _next_piece(iterator)
            if piece is None:
                self._is_complete = True
                return
            self._consumed.clear()
            self._piece = piece
            self._produced.set()
            await self._consumed.wait()

    # In the task of the connection.

    async def response(self):
        """What the handler returned, with this job in the place of a streamed body."""
        await self._produced.wait()
        if not self._has_response and not self.is_timed_out:
            raise self._why()
        return self._response

    def __aiter__(self):
        return self

    async def __anext__(self):
        while self._piece is None:
            if self.ended.is_set():
                raise self._why() if not self._is_complete else StopAsyncIteration()
            self._produced.clear()
            await self._produced.wait()
        piece = self._piece
        self._piece = None
        self._consumed.set()
        return piece

    def _why(self):
        return self._error or RuntimeError("a long request was cancelled")


def _is_streamed(body):
    """As Microdot tells: an asynchronous iterator, an iterator, or a file."""
    return hasattr(body, "__anext__") or hasattr(body, "__next__") or hasattr(body, "read")


def _split(response, job):
    """The streamed body in what a handler returned, or None; and that with `job` in its place."""
    if _is_streamed(response):
        return response, job
    if isinstance(response, tuple):
        if _is_streamed(response[0]):
            return response[0], (job,) + response[1:]
    elif hasattr(response, "body_iter") and _is_streamed(response.body):
        body = response.body
        response.body = job
        return body, response
    return None, response


async def _next_piece(body):
    """The next piece of a streamed body, None at its end."""
    if hasattr(body, "__anext__"):
        try:
            return await body.__anext__()
        except StopAsyncIteration:
            return None
    if hasattr(body, "read"):
        piece = body.read(_FILE_BLOCK_LEN)
        if hasattr(piece, "send"):
            piece = await piece
        return piece or None
    return next(body, None)


async def _close(body):
    closing = body.aclose() if hasattr(body, "aclose") else None
    if closing is None and hasattr(body, "close"):
        closing = body.close()
    if hasattr(closing, "send"):
        await closing
