"""A long request at work: its handler, and any body that it streams, a piece at a time."""

import asyncio
from time import ticks_add

from micropython import const

_CANCEL_AGAIN_MS = const(1000)
_FILE_BLOCK_LEN = const(1024)  # what Microdot reads of a file at a time


class Job:
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
        # MicroPython's tasks keep pointers to ones that have ended: not with a request behind.
        self.request = self._handler = self._kwargs = self.task = None

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
