"""Ending a task, waking one that would sleep for ever, and waiting: to be woken, or for a time."""

import asyncio
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

_JOIN_MS = const(1000)


async def join(task: "Anything") -> None:
    """Cancels a task, or what ends like one, and returns when it has ended, or after a second.

    It asks instead of awaiting the task: one that Ctrl-C struck never ends in the eyes of
    MicroPython's scheduler, and a task that awaits it can't even be cancelled.  It cancels again
    and again: MicroPython's `wait_for` loses a cancellation that comes as its time runs out.
    """
    end = ticks_add(ticks_ms(), _JOIN_MS)
    while not task.done() and ticks_diff(end, ticks_ms()) > 0:
        task.cancel()
        await asyncio.sleep_ms(1)


async def is_within(coroutine: "Anything", timeout_s: float) -> bool:
    """Runs a coroutine, up to a time; whether it has ended by then."""
    try:
        await asyncio.wait_for(coroutine, timeout_s)
        return True
    except asyncio.TimeoutError:
        return False


def resume(sender: "Anything") -> None:
    """Has a task ask again whether it can send, if it waits for that.

    MicroPython's `IOQueue` keeps for each socket who waits to read and who to write.  When the one
    is cancelled, it forgets the other, too.
    """
    queue = getattr(sender, "data", None)  # CPython's tasks have none
    loop: Anything = asyncio
    if queue and queue is loop.core._io_queue:
        for waiting in queue.map.values():
            if waiting[1] is sender:  # the reader had left before it was cancelled
                return
        loop.core._task_queue.push(sender)


def wait_woken() -> "Anything":
    """For MicroPython: waits for what the caller's task is queued for already."""
    yield


def wake(task: "Anything", due: int) -> None:
    """A handler that yields by itself is never run again by MicroPython, and can't be cancelled.

    To MicroPython a generator function is an `async def`.  It meets a TypeError instead.
    due  when the caller was to run: what was to run before has done so
    A task's `data` is the queue that it waits in; None while it is to run, at the time `ph_key`,
    and `CancelledError` if it is to meet that then.  If that time is over it is in no queue.
    """
    data = getattr(task, "data", task)
    is_to_run = data is None or data is asyncio.CancelledError
    if task and is_to_run and ticks_diff(due, task.ph_key) > 0:
        loop: Anything = asyncio
        loop.core._task_queue.push(task)  # which makes its `data` None
        task.data = TypeError("a handler is no generator; an async def may return one")
