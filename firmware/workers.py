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
        self._closing = False

    def start(self, max_async_requests: int, async_request_timeout_ms: int, log):
        """Makes the workers; each logs that it starts when it first runs.  Idle when they exist."""
        if self._workers:
            return
        self._log = log
        self._timeout_ms = async_request_timeout_ms
        self._closing = False
        self._workers = [_Worker() for _ in range(max_async_requests)]
        for worker in self._workers:
            worker.task = asyncio.create_task(self._work(worker))

    async def wait_ready(self):
        """Returns when every worker has started and has no job."""
        while self.count_ready() < len(self._workers):
            self._idle.clear()
            await self._idle.wait()

    async def close(self):
        """Ends the workers; the pool can be started again."""
        self._closing = True
        for worker in self._workers:
            await join(worker.task)
        self._workers = []

    def count_ready(self) -> int:
        return sum(1 for worker in self._workers if worker.is_ready)

    def is_on_worker(self) -> bool:
        """Whether the caller runs on a worker; False when it is beside the workers."""
        current = asyncio.current_task()
        return any(worker.task is current for worker in self._workers)

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
                worker.cancel()

    def expire(self, now: int):
        """Cancels the jobs whose deadline has passed; the reaper calls it.

        Again and again: a handler that swallows its cancellation gets the next one.
        """
        for worker in self._workers:
            job = worker.job
            if job and ticks_diff(now, job.deadline) >= 0:
                job.is_timed_out = True
                worker.cancel()

    def _submit(self, handler, request, kwargs):
        """The job, given to a ready worker; None if there is none.  Nothing ever queues."""
        for worker in self._workers:
            if worker.is_ready:
                deadline = ticks_add(self._ticks(), self._timeout_ms)
                worker.give(_Job(handler, request, kwargs, deadline))
                return worker.job
        return None

    async def _work(self, worker):
        self._log.info("starting async req task worker")
        while True:
            worker.is_ready = True
            self._idle.set()
            await worker.given.wait()
            worker.given.clear()
            job = worker.job
            try:
                if not job.is_cancelled:
                    self._log.info("invoking %s", job.request.path)
                    await job.run()
            except asyncio.CancelledError:
                # Of the job, by us or by the handler itself; only close() ends a worker.
                if self._closing:
                    raise
            except Exception as error:
                job.error = error
            finally:
                worker.job = None
                job.end()


class _Worker:
    def __init__(self):
        self.task = None
        self.job = None  # None: ready, or not started yet
        self.is_ready = False
        self.given = asyncio.Event()

    def give(self, job):
        self.is_ready = False
        self.job = job
        self.given.set()

    def cancel(self):
        """Ends the job.  One that was not begun yet is only marked: the worker will see it."""
        job = self.job
        job.is_cancelled = True
        if job.is_running:
            self.task.cancel()


class _Job:
    """One long request on its worker, and the streamed body of its response.

    On the worker `run()` produces, in the task of the connection `response()` and then `async for`
    consume.  There is room for one piece between them, so a slow client slows the handler down.
    """

    def __init__(self, handler, request, kwargs, deadline):
        self.request = request
        self.deadline = deadline
        self.is_running = False
        self.is_cancelled = False
        self.is_timed_out = False
        self.error = None
        self._handler = handler
        self._kwargs = kwargs
        self._response = None
        self._has_response = False
        self._piece = None
        self._has_ended = False
        self._is_complete = False
        self._produced = asyncio.Event()  # a response, a piece or the end is there
        self._consumed = asyncio.Event()  # the piece was taken

    # On the worker.

    async def run(self):
        self.is_running = True
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

    def end(self):
        """The worker has left the job; whoever waits for it learns why."""
        self.is_running = False
        self._has_ended = True
        self._produced.set()

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
            if self._has_ended:
                raise self._why() if not self._is_complete else StopAsyncIteration()
            self._produced.clear()
            await self._produced.wait()
        piece = self._piece
        self._piece = None
        self._consumed.set()
        return piece

    def _why(self):
        return self.error or RuntimeError("a long request was cancelled")


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
