"""What answers for the board itself, the status or an update: loaded while somebody asks for it.

One of them at a time: with both, the heap would grow into the radio's share.
"""

import asyncio
import gc
from time import ticks_add, ticks_diff, ticks_ms

from microdot import Response
from micropython import const

import firmware

_UPDATE_LEN = const(6144)  # of the heap: what answers to whoever asks for an update
_STATUS_LEN = const(8192)
_STEP_MS = const(1000)
_MODULES = ("status", "update")
_SCARCE = "too little is free for %s"


def answer(parts: "Parts", request: "Request") -> "Anything":
    """The response to a request, or a coroutine of it.

    Raises MemoryError if an update is going on; the coroutine also if there is too little of it.
    """
    is_update = request.path[1] == "."
    own = _make_place(parts, is_update)
    if is_update:
        return _update(parts, request)
    return own.answer(request) if own else _load_status(parts, request)


def _make_place(parts: "Parts", is_update: bool) -> "Status | Update | None":
    """What is to answer, if it is loaded; the status is dropped for an update."""
    if parts.own and parts.own.is_update is not is_update:
        if not is_update:
            raise MemoryError("an update has the place of the status")
        _drop(parts)
    return parts.own


async def _update(parts: "Parts", request: "Request") -> "Response":
    await _load(parts, True, _UPDATE_LEN)
    own: Anything = parts.own
    body, status, fields = await own.answer(request)
    return Response(body, status, fields)


async def _load_status(parts: "Parts", request: "Request") -> "Anything":
    memory = parts.memory
    if memory.is_scarce():
        raise MemoryError(_SCARCE % _MODULES[0])
    await _load(parts, False, _STATUS_LEN)
    memory.give_way = lambda: _drop(parts)  # whoever looks at a board may do so later
    own: Anything = parts.own
    answered: Anything = own.answer(request)
    return await answered if hasattr(answered, "send") else answered


async def _load(parts: "Parts", is_update: bool, length: int) -> None:
    """Loads what answers, if it is not there.  MemoryError if `length` bytes are not free."""
    if parts.own:
        return
    has_room = await parts.memory.wait_room(length)
    if _make_place(parts, is_update):  # somebody else has waited, too
        return
    try:
        if not has_room:
            raise MemoryError(_SCARCE % _MODULES[is_update])
        parts.own = _measure(parts, lambda: _make(parts, is_update))
        parts.leaving = parts.leaving or asyncio.create_task(_leave(parts))
    except MemoryError:
        _drop(parts)
        raise


def _measure(parts: "Parts", make: "Function") -> "Anything":
    """What `make` returns.  The memory that this takes is told to who decides about it."""
    gc.collect()
    before = gc.mem_alloc()
    firmware.collect_often()
    try:
        return make()
    finally:
        gc.collect()
        length = gc.mem_alloc() - before
        parts.own_len += length
        parts.memory.note_loaded(length)


def _make(parts: "Parts", is_update: bool) -> "Status | Update":
    if is_update:
        from firmware.update import Update

        async def load(length: int, make: "Function") -> "Anything":
            try:
                has_room = await parts.memory.wait_room(length)
                return _measure(parts, make) if has_room else None
            except MemoryError:  # a heap in pieces
                return None

        link = parts.supervisor.link
        return Update(parts.log, parts.update_password, lambda: link.address, load)
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
    for name in _MODULES:
        firmware.drop(name)
    if not parts.leaving:
        firmware.drop("own")
    own = None  # its memory is free now
    parts.memory.note_loaded(-parts.own_len)
    parts.own_len = 0
