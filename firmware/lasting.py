"""Which connections last, and the handlers that are known for it: one slot is left for the others.

A connection lasts that holds its slot until its client leaves or a long request ends: a WebSocket,
an event stream, a request on its worker, and what has been at work for seconds.  A handler whose
response has lasted once is not given the last slot again.
"""

from time import ticks_ms

from firmware.slots import NO_ROOM


class Lasting:
    """One for the whole server.

    table  the `SlotTable`
    """

    def __init__(self, table: "SlotTable") -> None:
        self._table = table
        self._routes: list = []  # handlers of which a response has lasted

    def admit_long(self, request: "Anything") -> bool:
        """Whether a long request may go to a worker; it lasts from then on."""
        if not self._table.has_room_to_last(ticks_ms()):
            return False
        self._mark(request.wire.slot)
        return True

    def admits(self, request: "Request", head: "Head") -> bool:
        """Whether a request may go to its handler."""
        table = self._table
        if table.lasting + 1 < len(table.slots):
            return True
        may_last = (head.get("Upgrade") or "").lower() == "websocket"
        if not may_last and request.app.find_route(request)[0] not in self._routes:
            return True
        return table.has_room_to_last(ticks_ms())

    def note(self, slot: "Slot", route: "Function | None") -> None:
        """The response of a handler is about to begin."""
        if not slot.lasts:  # else it is on a worker: the pool counts those
            slot.route = route
            if self._table.lasting:  # it may be one of them itself
                self.sweep(ticks_ms())

    def begin_stream(self, slot: "Slot") -> None:
        """An event stream begins; MemoryError if that is one more than memory allows."""
        if not self._table.has_memory_to_last():
            raise MemoryError(NO_ROOM)
        self._mark(slot)

    def sweep(self, now: int) -> None:
        """Counts the connections that last, and remembers their handlers."""
        self._table.count_lasting(now)
        for slot in self._table.slots:
            if slot.route and slot.is_lasting(now) and slot.route not in self._routes:
                self._routes.append(slot.route)

    def _mark(self, slot: "Slot") -> None:
        slot.lasts = True
        self.sweep(ticks_ms())
