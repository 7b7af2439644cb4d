"""A long request at work: its handler, and any body that it streams, a piece at a time."""

import asyncio

from micropython import const

from firmware.tasks import wait_woken

_FILE_BLOCK_LEN = const(1024)  # what Microdot reads of a file at a time
_NOTHING = object()  # a handler may return None


class Busy(Exception):
    """No worker or thread is ready, no more connections may last, or it took too long."""

    status_code = 503


class Job:
    """One long request on its worker, and the streamed body of its response.

    On the worker `run()` makes the response and then the pieces of its body; in the task of the
    connection `next()` and then `async for` take them.  There is room for one between the two, so
    a slow client slows the handler down.

    request   Microdot's; None when the handler has returned: what it streams may last
    wire, path  of the request
    deadline  `time.ticks_ms()` when it is to be cancelled, for the first time or again
    task      None before the first step
    error     what comes after the last piece
    thread    that the handler and the steps of its body run on; None for the loop
    """

    is_on_worker = True
    _is_lent = False  # the piece is a buffer, which its maker may use again

    def __init__(
        self,
        handler: "Function",
        request: "Request",
        kwargs: dict,
        deadline: int,
        args: tuple = (),
    ) -> None:
        self.request: Anything = request
        self.wire: Anything = request.wire  # type: ignore[attr-defined]
        self.path = request.path
        self.deadline = deadline
        self.task: asyncio.Task | None = None
        self.is_cancelled = False
        self.is_timed_out = False
        self.error: Exception | None = None
        self.thread: Thread | None = None
        self._is_over = False
        self._close: tuple | None = None  # the call that closes the body
        self._handler: Anything = handler
        self._args = args
        self._kwargs = kwargs
        self._item: Anything = _NOTHING
        self._changed = asyncio.Event()  # an item was put or taken, or the job has ended

    def done(self) -> bool:
        return self._is_over

    def cancel(self) -> None:
        """Ends the job.  One whose task has not begun is only marked, and then never begins."""
        self.is_cancelled = True
        if self.task:
            self.task.cancel()

    def end(self) -> None:
        """Nothing more will come; wakes the task that waits for it."""
        # MicroPython's tasks keep pointers to ones that have ended: not with a request behind.
        if self.thread:
            self.thread.leave(self._close)
        self._forget()
        self.wire = self.task = self.thread = self._close = None
        self._is_over = True
        self._changed.set()

    # In the job's own task.

    async def run(self) -> None:
        response = await self._handle()
        if hasattr(_body_of(response), "seek"):
            response = self.request.prepare_file(response)
        self._forget()
        body, self._item = _split(response, self)
        self._changed.set()
        if body is None:
            return
        piece: Anything = None
        try:
            iterator = body.__aiter__() if hasattr(body, "__aiter__") else body
            while True:
                while self._item is not _NOTHING:
                    await self._wait_changed()
                piece = await self._next_piece(iterator, piece is None)
                if piece is _NOTHING:
                    self.error = StopAsyncIteration()
                    return
                self._item = piece
                self._changed.set()
        finally:
            if hasattr(body, "aclose"):
                await body.aclose()
            elif hasattr(body, "close"):
                if self.thread and self.is_cancelled:
                    self._close = (body.close, (), {})  # when the thread has time for it
                else:
                    await self._call((body.close, (), {}))

    def _handle(self) -> "Anything":
        """Not in `run`: what MicroPython pushes for a call stays there until something else is."""
        return self._call((self._handler, (self.request,) + self._args, self._kwargs))

    def _forget(self) -> None:
        self.request = self._handler = None
        self._args = ()
        self._kwargs.clear()

    async def _next_piece(self, body: "Anything", is_first: bool) -> "Anything":
        """The next piece of a streamed body, `_NOTHING` at its end."""
        if hasattr(body, "__anext__"):
            try:
                return await body.__anext__()
            except StopAsyncIteration:
                return _NOTHING
        if hasattr(body, "read"):
            return await self._call((body.read, (_FILE_BLOCK_LEN,), {})) or _NOTHING
        piece = await self._call((next, (body, _NOTHING), {}))
        if piece is None and not self.thread and hasattr(body, "pend_throw"):
            # As in `pieces`: an async generator, refused while nothing of it has left.
            await wait_woken()
            return None if is_first else b""
        return piece

    async def _call(self, call: tuple) -> "Anything":
        """What a function returns, on the thread if there is one; of a coroutine what that does.

        call  the function, its arguments, and those with names
        """
        if self.thread:
            return await self.thread.call(call)
        function, args, kwargs = call
        result = function(*args, **kwargs)
        return await result if hasattr(result, "send") else result

    async def _wait_changed(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    # In the task of the connection.

    async def next(self) -> "Anything":
        """What the handler returned, with this job for a streamed body; then a piece of that."""
        if self._is_lent:
            self._is_lent = False
            self._take()
        while self._item is _NOTHING:
            if self.done():
                kind = Busy if self.is_timed_out else RuntimeError
                raise self.error or kind("a long request was cancelled")
            await self._wait_changed()
        item = self._item
        self._is_lent = isinstance(item, (bytearray, memoryview))
        if not self._is_lent:
            self._take()
        return item

    def _take(self) -> None:
        self._item = _NOTHING
        self._changed.set()

    __anext__ = next

    def __aiter__(self) -> "Job":
        return self


def _body_of(response: "Anything") -> "Anything":
    if isinstance(response, tuple):
        return response[0]
    return response.body if hasattr(response, "status_code") else response


def _is_streamed(body: object) -> bool:
    """As Microdot tells: an asynchronous iterator, an iterator, or a file."""
    return hasattr(body, "__anext__") or hasattr(body, "__next__") or hasattr(body, "read")


def _split(response: "Anything", job: "Job") -> tuple:
    """The streamed body in what a handler returned, or None; and that with `job` in its place."""
    body = _body_of(response)
    if not _is_streamed(body):
        return None, response
    if body is response:
        return body, job
    if isinstance(response, tuple):
        return body, (job,) + response[1:]
    response.body = job
    return body, response
