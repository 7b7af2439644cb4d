"""Who gets in.

A client is admitted before it is accepted: a slot is free, or the least recently used one is
purged, or, with every connection at work or memory short, it is turned away with a 503 on the spare
slot.
"""

import asyncio
from time import ticks_diff, ticks_ms

from micropython import const

from firmware.slots import FREE, GRACE_MS, LINGERING, PURGED
from firmware.tasks import is_within, join

_RETRY_MS = const(100)
_SPARE_POLL_S = 0.1
_GRACE_POLL_MS = const(20)


class Admission:
    """Lets clients in, from `start()` to `stop()`, which follows it.

    room       an `Event`, set when a slot may have become free, or purgeable
    most_open  connections at a time, so far
    """

    def __init__(
        self,
        table: "SlotTable",
        listener: "Listener",
        room: "asyncio.Event",
        memory: "Memory",
        log: "Log",
    ) -> None:
        self._table = table
        self._listener = listener
        self._room = room
        self._memory = memory
        self._log = log
        self._task: asyncio.Task | None = None
        self.most_open = 0

    def is_running(self) -> bool:
        return self._task is not None

    def start(self) -> None:
        """What waits in the listener, which is open, is let in; MemoryError without a task."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        await join(self._task)
        self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self._listener.wait_pending()
                slot = await self._make_room()
                accepted = self._listener.accept()
                if accepted:
                    try:
                        slot.owner.take(accepted[0], accepted[1])
                    except MemoryError:  # else nobody would close it
                        accepted[0].close()
                        raise
                    self.most_open = max(self.most_open, self._table.count_open())
                elif self._listener.is_exhausted:
                    self._purge(True)  # gives a socket back
            except Exception as error:
                self._log.exception("admission failed", error)
                await asyncio.sleep_ms(_RETRY_MS)

    async def _make_room(self) -> "Slot":
        """A free slot, if need be after a purge; the spare one if no other can become free."""
        memory, table = self._memory, self._table
        has_room = await memory.wait_room()
        start = ticks_ms()
        has_turned = False
        while True:
            # With one client more the radio might not hear the others' acknowledgements any more.
            is_deaf = not memory.radio.can_hear()
            is_full = not has_room or memory.is_short() or table.is_all_at_work()
            slot = table.spare if is_deaf or is_full else table.find_free()
            if slot and slot.state == FREE:
                if not has_room:
                    self._log.warning("out of memory: no room for a newcomer")
                elif is_full:
                    self._log.warning("No sockets are available")
                return slot
            self._room.clear()
            if slot:  # the spare one
                if slot.state == LINGERING and not slot.reason:
                    slot.owner.cut(PURGED)
                await is_within(self._room.wait(), _SPARE_POLL_S)
            elif not has_turned:  # who has sent a request while the loop stood still is read first
                has_turned = True
                await asyncio.sleep(0)
            elif self._purge(ticks_diff(ticks_ms(), start) >= GRACE_MS):
                await self._room.wait()
            else:  # until the grace of one of them is over
                await asyncio.sleep_ms(_GRACE_POLL_MS)

    def _purge(self, is_urgent: bool) -> bool:
        """Cuts the least recently used connection; whether there is one to cut."""
        victim = self._table.find_victim(ticks_ms(), is_urgent)
        if victim:
            victim.owner.cut(PURGED)
        return victim is not None
