"""A long request at work: its handler, and any body that it streams, a piece at a time."""

import asyncio
from time import ticks_add

from micropython import const

_CANCEL_AGAIN_MS = const(1000)
_FILE_BLOCK_LEN = const(1024)  # what Microdot reads of a file at a time
_NOTHING = object()  # a handler may return None


class Job:
    """One long request on its worker, and the streamed body of its response.

    On the worker `run()` makes the response and then the pieces of its body; in the task of the
    connection `next()` and then `async for` take them.  There is room for one between the two, so
    a slow client slows the handler down.
    """

    def __init__(self, handler, request, kwargs, deadline):
        self.request = request
        self.deadline = deadline  # ticks; when it has been cancelled, of the next cancellation
        self.task = None  # while the handler runs
        self.ended = asyncio.Event()
        self.is_cancelled = False
        self.is_timed_out = False
        self._handler = handler
        self._kwargs = kwargs
        self._error = None  # what comes after the last piece
        self._item = _NOTHING
        self._made = asyncio.Event()  # an item or the end is there
        self._taken = asyncio.Event()

    def cancel(self, now: int):
        """Ends the job.  One whose task has not begun is only marked, and then never begins."""
        self.is_cancelled = True
        self.deadline = ticks_add(now, _CANCEL_AGAIN_MS)
        if self.task:
            self.task.cancel()

    def fail(self, error):
        """The job never begins, or breaks off, for want of memory."""
        self._error = error
        self.is_cancelled = True

    def end(self):
        """Nothing more will come; whoever waits for it learns that."""
        self.ended.set()
        self._made.set()
        # MicroPython's tasks keep pointers to ones that have ended: not with a request behind.
        self.request = self._handler = self._kwargs = self.task = None

    # In the job's own task.

    async def run(self):
        self.task = asyncio.current_task()
        try:
            if not self.is_cancelled:
                await self._handle()
        except asyncio.CancelledError:
            pass  # by us, or by the handler itself
        except Exception as error:
            self._error = self._error or error
        finally:
            self.end()

    async def _handle(self):
        response = await _resolve(self._handler(self.request, **self._kwargs))
        body, response = _split(response, self)
        self._put(response)
        if body is None:
            return
        try:
            iterator = body.__aiter__() if hasattr(body, "__aiter__") else body
            while self._error is None:
                await self._taken.wait()
                piece = await _next_piece(iterator)
                if piece is None:
                    self._error = StopAsyncIteration()
                else:
                    self._put(piece)
        finally:
            close = getattr(body, "aclose", None) or getattr(body, "close", None)
            if close:
                await _resolve(close())

    def _put(self, item):
        self._item = item
        self._taken.clear()
        self._made.set()

    # In the task of the connection.

    async def next(self):
        """What the handler returned, with this job for a streamed body; then a piece of that."""
        while self._item is _NOTHING:
            if self.ended.is_set():
                raise self._error or RuntimeError("a long request was cancelled")
            self._made.clear()
            await self._made.wait()
        item = self._item
        self._item = _NOTHING
        self._taken.set()
        return item

    __anext__ = next

    def __aiter__(self):
        return self


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
        return await _resolve(body.read(_FILE_BLOCK_LEN)) or None
    return next(body, None)


async def _resolve(result):
    """What a plain function returned, or a coroutine; Microdot allows both."""
    return await result if hasattr(result, "send") else result
