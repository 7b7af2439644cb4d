"""The table of connection slots: who has a socket, since when, and who gives its own up.

Pure: it decides and changes nothing but itself.  The caller hands in the time, and does what was
decided at once, with no `await` between.  As ESP-IDF's `httpd_sess`, it is sized once and scanned;
unlike it, a connection that sends is in use too, and one at work is never purged.
"""

from time import ticks_add, ticks_diff

from micropython import const

# States of a slot.
FREE = const(0)
NEW = const(1)  # accepted, nothing received yet
IDLE = const(2)  # between two requests
READING = const(3)  # part of a request was received
BUSY = const(4)  # a handler runs
SENDING = const(5)  # a response is being sent
TAKEN = const(6)  # the application speaks to its client itself (WebSocket)
LINGERING = const(7)  # answered; what the client still sends is read and forgotten

# Who may follow whom: for each state the set of its successors, a bit each.  Every state may end
# in FREE.
_SUCCESSORS = (
    1 << NEW,
    1 << READING | 1 << BUSY | 1 << LINGERING | 1 << FREE,
    1 << READING | 1 << BUSY | 1 << LINGERING | 1 << FREE,
    1 << READING | 1 << BUSY | 1 << LINGERING | 1 << FREE,
    1 << SENDING | 1 << TAKEN | 1 << LINGERING | 1 << FREE,
    1 << IDLE | 1 << LINGERING | 1 << FREE,
    1 << SENDING | 1 << LINGERING | 1 << FREE,
    1 << IDLE | 1 << LINGERING | 1 << FREE,
)
# Sets of states, a bit each.
_AT_WORK = const(1 << BUSY | 1 << SENDING | 1 << TAKEN)
_REQUESTED = const(1 << READING | 1 << BUSY)  # a request, or part of one, without a response yet
_ANSWERABLE = const(1 << NEW | 1 << IDLE | 1 << READING | 1 << BUSY)
_SILENT = const(1 << NEW | 1 << READING | 1 << BUSY | 1 << SENDING)  # no newcomer hopes for one
_SPARED = const(1 << NEW | 1 << READING)  # not purged in their first moment

NO_ROOM = "one more connection that lasts"

# Why a slot was cut.
NOT_CUT = const(0)
PURGED = const(1)  # a newcomer needs the socket
TIMED_OUT = const(2)  # a deadline has passed
STOPPED = const(3)  # the server stops
GONE = const(4)  # the client has closed while its request was at work

# A client that was answered less than this ago is not purged for a newcomer that has waited for
# less than this: otherwise busy clients, one more than there are slots, cut each other off.
GRACE_MS = const(50)
# A request needs up to this long to come over a slow link: to a phone that saves power it is 100 to
# 200 ms from the connection to the first byte.  Each client that is purged without having sent its
# request halves it, down to GRACE_MS, and each that begins to brings some of it back.
_ARRIVAL_MS = const(300)
_REGAINED_MS = const(10)
# What has been at work outside the worker pool for this long counts as something that lasts.
_LASTING_MS = const(5000)
# A handler's own clean-up has this long before it is cancelled, too.
_CUT_AGAIN_MS = const(1000)
_MAX_USE = const(0x3FFF0000)  # near the largest small integer of a 32-bit board


class Slot:
    """One place for a connection.

    state     one of the states above; `enter` changes it, and `Sender.send_plain`, for speed
    deadline  `time.ticks_ms()` when the present state is over; None: it has no end.  Once there is
              a `reason`: when its owner is cancelled again
    send_deadline  until then the client takes more of what is being sent, while its body may come
    reason    why its owner is being cancelled; NOT_CUT while it is not
    is_stuck  that was not enough: a handler has swallowed it, or takes its time
    owner     the connection that owns the socket; set once, by who makes it
    lasts     an event stream, or a long request on its worker
    route     the handler of the request at work, None before it is known
    use       the number of its last use; the least one is the least recently used
    since     when the present state began; of one that lasts, 5 s ago
    status    of the last response
    """

    owner: "Connection"

    def __init__(self, table: "SlotTable") -> None:
        self.state = FREE
        self.deadline: int | None = None
        self.send_deadline: int | None = None
        self.reason = NOT_CUT
        self.is_stuck = False
        self.lasts = False
        self.route: Function | None = None
        self.since = 0
        self.status = 0
        self.use = 0
        self._table = table

    def enter(self, state: int, now: int, timeout_ms: int | None = None) -> None:
        """The connection comes into a state, in which it may stay for `timeout_ms`.

        Raises RuntimeError for a state that may not follow the present one.
        """
        before = self.state
        if not _SUCCESSORS[before] >> state & 1:
            raise RuntimeError("slot: %d after %d" % (state, before))
        self.state = state
        self.since = now
        if not self.reason or state == FREE:  # else it is when to cancel again
            self.deadline = None if timeout_ms is None else ticks_add(now, timeout_ms)
        self.send_deadline = None
        table = self._table
        self.use = table.use = table.use + 1
        if before == NEW and _REQUESTED >> state & 1:
            table.gain_patience()
        elif not _SILENT >> state & 1:
            table.note(self)

    def touch(self) -> None:
        """The connection has received or sent something."""
        table = self._table
        self.use = table.use = table.use + 1

    def cut(self, reason: int, now: int) -> None:
        """Writes down why the owner is being cancelled; only the first reason counts.

        The deadline is then when to cancel it again, if something has swallowed it.
        """
        if reason == PURGED:
            self._table.purged += not self.reason
            if _SPARED >> self.state & 1:
                self._table.lose_patience()
        self.is_stuck = self.reason != NOT_CUT
        self.reason = self.reason or reason
        self.deadline = ticks_add(now, _CUT_AGAIN_MS)
        self.send_deadline = None

    def count(self, status: int) -> None:
        """A response goes out."""
        self.status = status
        self._table.responses[status // 100] += 1

    def is_expired(self, now: int) -> bool:
        return _has_passed(self.deadline, now) or _has_passed(self.send_deadline, now)

    def is_at_work(self) -> bool:
        """A handler runs, a response is being sent, or the application has the connection."""
        return _AT_WORK >> self.state & 1 > 0

    def has_request(self) -> bool:
        """A request, or a part of one, has come, and no response to it has begun."""
        return _REQUESTED >> self.state & 1 > 0

    def is_answerable(self) -> bool:
        """No response has begun."""
        return _ANSWERABLE >> self.state & 1 > 0

    def take(self, now: int) -> None:
        """The application takes the connection over; MemoryError if that would be too many."""
        if self.state != TAKEN:
            if not self._table.has_memory_to_last():
                raise MemoryError(NO_ROOM)
            self.enter(TAKEN, now)

    def is_awaited(self, now: int) -> bool:
        """Whether the client's first request may still be on its way."""
        return self.state == NEW and ticks_diff(now, self.since) < _ARRIVAL_MS

    def is_lasting(self, now: int) -> bool:
        """Whether the connection is at work with something that lasts."""
        if not self.is_at_work():
            return False
        return self.lasts or self.state == TAKEN or ticks_diff(now, self.since) >= _LASTING_MS


class SlotTable:
    """`max_open_sockets` slots, made once, and a spare one on which newcomers are turned away.

    lasting    connections that last, as far as is known: it may be too many for a moment
    purged     how many were, so far
    responses  how many went out so far, by the first digit of their status
    on_change  called when a slot has changed its state: it may have become free, or purgeable
    has_memory  whether memory has room for one more connection that lasts; set by the server
    """

    has_memory: "Function | None" = None

    def __init__(self, max_open_sockets: int, on_change: "Function") -> None:
        self._on_change = on_change
        self.use = 0  # the last one's number
        self._arrival_ms = _ARRIVAL_MS
        self.lasting = 0
        self.purged = 0
        self.responses = [0] * 10
        self.slots = [Slot(self) for _ in range(max_open_sockets)]
        self.spare = Slot(self)

    def note(self, slot: "Slot") -> None:
        """A slot has become free or purgeable, or TAKEN."""
        state = slot.state
        if state == TAKEN:
            self.lasting += 1
            return
        if state != LINGERING:
            slot.lasts = False
            slot.route = None
            if state == FREE:
                slot.reason = NOT_CUT
                slot.is_stuck = False
        self._on_change()

    def lose_patience(self) -> None:
        """A client was purged before its request had come: there may be many like it."""
        self._arrival_ms = max(GRACE_MS, self._arrival_ms // 2)

    def gain_patience(self) -> None:
        """A newcomer has sent its request, or begun to."""
        if self._arrival_ms < _ARRIVAL_MS:
            self._arrival_ms += _REGAINED_MS

    def find_free(self) -> Slot | None:
        """A free slot, or None."""
        for slot in self.slots:
            if slot.state == FREE:
                return slot
        return None

    def find_victim(self, now: int, is_urgent: bool) -> Slot | None:
        """The least recently used slot that is not at work, or None.

        Not one whose request may still be on its way, nor, unless it is urgent, one in the first
        moment after a response; and none while one is being cut, since its place is about to be
        free.
        """
        victim = None
        for slot in self.slots:
            if slot.state == FREE or slot.is_at_work():
                continue
            if slot.reason:
                return None
            age_ms = ticks_diff(now, slot.since)
            if _SPARED >> slot.state & 1:
                is_spared = age_ms < self._arrival_ms
            else:
                is_spared = slot.state == IDLE and not is_urgent and age_ms < GRACE_MS
            if not is_spared and (victim is None or slot.use < victim.use):
                victim = slot
        return victim

    def is_all_at_work(self) -> bool:
        """Whether no slot can become free but by the end of a request."""
        return all(slot.is_at_work() and (slot.is_stuck or not slot.reason) for slot in self.slots)

    def has_room_to_last(self, now: int) -> bool:
        """Whether one more connection may last: one slot is left for requests that are quick."""
        if self.lasting + 1 >= len(self.slots):
            self.count_lasting(now)
        return self.lasting + 1 < len(self.slots) and self.has_memory_to_last()

    def has_memory_to_last(self) -> bool:
        """Whether memory allows one more connection that lasts; the first always may."""
        return not self.lasting or not self.has_memory or self.has_memory()

    def count_lasting(self, now: int) -> None:
        """Brings `lasting` up to date, and keeps the numbers of uses small."""
        if self.use > _MAX_USE:
            self.use = 0
            for slot in self.slots:
                slot.use = 0
        self.lasting = 0
        for slot in self.slots:
            if slot.is_lasting(now):
                self.lasting += 1
                slot.since = ticks_add(now, -_LASTING_MS)  # for ticks wrap after days

    def count_open(self) -> int:
        return sum(slot.state != FREE for slot in self.slots)


def _has_passed(deadline: int | None, now: int) -> bool:
    return deadline is not None and ticks_diff(now, deadline) >= 0
