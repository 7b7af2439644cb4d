"""What answers for the board itself, the status or an update: loaded while somebody asks for it.

One of them at a time: with both, the heap would grow into the radio's share.
"""

import asyncio
import gc
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

import firmware

_UPDATE_LEN = const(20480)  # of the heap: what answers for an update, and its largest request
_STATUS_LEN = const(8192)
_STEP_MS = const(1000)
_MODULES = ("status", "update")
_FOR_BODIES = ("body", "stream", "chunked")


def answer(parts: "Parts", request: "Request") -> "Anything":
    """The response to a request, or a coroutine of it.

    Raises MemoryError if an update is going on; the coroutine also if there is too little of it.
    """
    is_update = request.path[1] == "."
    own = _make_place(parts, is_update)
    return own.answer(request) if own else _load(parts, request, is_update)


def _make_place(parts: "Parts", is_update: bool) -> "Status | Update | None":
    """What is to answer, if it is loaded; the status is dropped for an update."""
    if parts.own and parts.own.is_update is not is_update:
        if not is_update:
            raise MemoryError("an update has the place of the status")
        _drop(parts)
    return parts.own


async def _load(parts: "Parts", request: "Request", is_update: bool) -> "Anything":
    memory = parts.memory
    length = _UPDATE_LEN if is_update else _STATUS_LEN
    has_room = (is_update or not memory.is_scarce()) and await memory.wait_room(length)
    own = _make_place(parts, is_update)  # somebody else may have waited, too
    if not own:
        try:
            if not has_room:
                raise MemoryError("too little is free for %s" % _MODULES[is_update])
            gc.collect()
            before = gc.mem_alloc()
            firmware.collect_often()
            own = parts.own = _make(parts, is_update)
            parts.leaving = parts.leaving or asyncio.create_task(_leave(parts))
        except MemoryError:
            _drop(parts)
            raise
        gc.collect()
        parts.own_len = gc.mem_alloc() - before
        memory.note_loaded(parts.own_len)
        if not is_update:  # whoever looks at a board may do so later
            memory.give_way = lambda: _drop(parts)
    answered: Anything = own.answer(request)
    return await answered if hasattr(answered, "send") else answered


def _make(parts: "Parts", is_update: bool) -> "Status | Update":
    if is_update:
        from firmware.update import Update

        return Update(parts)
    from firmware.status import Status

    return Status(parts)


async def _leave(parts: "Parts") -> None:
    """The task that drops what nobody needs any more.

    The queue of MicroPython's loop links tasks, and one that waits keeps some that have ended: of a
    task of theirs, it would keep the whole of `status` or `update`.
    """
    late_ms = 0
    # A loop that stood still, as flash may make it, is no silence: its task comes first.
    while late_ms > _STEP_MS or (parts.own and parts.own.is_needed(ticks_ms())):
        due = ticks_add(ticks_ms(), _STEP_MS)
        await asyncio.sleep_ms(_STEP_MS)
        late_ms = ticks_diff(ticks_ms(), due)
    parts.leaving = None
    _drop(parts)


def _drop(parts: "Parts") -> None:
    own, parts.own = parts.own, None
    parts.memory.give_way = None
    if own:
        own.close()
    # What the bodies of an update have loaded goes, too, if no route of the application needs it.
    for name in _MODULES if parts.has_bodies else _MODULES + _FOR_BODIES:
        firmware.drop(name)
    if not parts.leaving:
        firmware.drop("own")
    own = None  # its memory is free now
    parts.memory.note_loaded(-parts.own_len)
    parts.own_len = 0
