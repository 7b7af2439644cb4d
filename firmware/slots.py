"""The table of connection slots: who has a socket, since when, and who gives his up.

Pure: it decides and changes nothing but itself.  The caller hands in the time, and does what was
decided at once, with no `await` between.  As ESP-IDF's `httpd_sess`, it is sized once and scanned;
unlike it, a connection that sends is in use too, and one at work is never purged.
"""

from time import ticks_add, ticks_diff

from micropython import const

# States of a slot.
FREE = const(0)
NEW = const(1)  # accepted, nothing received yet
IDLE = const(2)  # between two requests, or about to be closed
READING = const(3)  # part of a request was received
BUSY = const(4)  # at work, as in the states that follow: a handler runs
ANSWERING = const(5)  # a response is being sent
TAKEN = const(6)  # the application speaks to its client itself

# Why a slot was cut.
NOT_CUT = const(0)
PURGED = const(1)  # a newcomer needs the socket
TIMED_OUT = const(2)  # a deadline has passed
STOPPED = const(3)  # the server stops
GONE = const(4)  # the client has closed while its request was at work

# A request needs a moment to arrive.  For this long a newcomer is not purged, so that under a storm
# of connections each gets the chance to be answered; nor is a client who asks again and again.
GRACE_MS = const(50)
# A handler's own clean-up has this long before it is cancelled, too.
_CUT_AGAIN_MS = const(1000)


class Slot:
    """One place for a connection.

    state     one of the states above
    deadline  `time.ticks_ms()` when the present state has lasted too long; None: it may last
    reason    why its owner is being cancelled; NOT_CUT while it is not
    owner     the one task's object that owns the socket; set once, by who makes it
    """

    def __init__(self, order, on_room):
        self.state = FREE
        self.deadline = None
        self.reason = NOT_CUT
        self.owner = None
        self.since = 0  # when it became NEW or IDLE
        self._order = order
        self._on_room = on_room

    def enter(self, state: int, now: int = 0, timeout_ms=None):
        """The connection comes into a state, in which it may stay for `timeout_ms`."""
        self.state = state
        self.since = now
        self.deadline = None if timeout_ms is None else ticks_add(now, timeout_ms)
        self.touch()
        self._on_room()

    def work(self):
        """The connection is at work, for as long as it takes."""
        self.state = BUSY
        self.deadline = None

    def touch(self):
        """The connection has received or sent something."""
        self._order.remove(self)
        self._order.append(self)

    def release(self):
        self.reason = NOT_CUT
        self.enter(FREE)

    def cut(self, reason: int, now: int):
        """Writes down why the owner is being cancelled; only the first reason counts.

        The deadline is then when to cancel him again, if something has swallowed it.
        """
        self.reason = self.reason or reason
        self.deadline = ticks_add(now, _CUT_AGAIN_MS)

    def is_expired(self, now: int) -> bool:
        return self.deadline is not None and ticks_diff(now, self.deadline) >= 0


class SlotTable:
    """`max_open_sockets` slots, made once.

    slots    in the order of their last use
    on_room  called when one may have become free, or purgeable
    """

    def __init__(self, max_open_sockets: int, on_room):
        self.slots: list = []
        for _ in range(max_open_sockets):
            self.slots.append(Slot(self.slots, on_room))

    def find_free(self):
        """A free slot, or None."""
        for slot in self.slots:
            if slot.state == FREE:
                return slot
        return None

    def find_victim(self, now: int, is_urgent: bool):
        """The least recently used slot that is not at work, or None.

        Not a newcomer in his first moment, nor, unless it is urgent, one in the first moment after
        a request; and none while one is being cut, since its place is about to be free.
        """
        victim = None
        for slot in self.slots:
            if slot.state == FREE or slot.state >= BUSY:
                continue
            if slot.reason:
                return None
            is_spared = slot.state == NEW or (slot.state == IDLE and not is_urgent)
            if not is_spared or ticks_diff(now, slot.since) >= GRACE_MS:
                victim = victim or slot
        return victim

    def is_all_at_work(self) -> bool:
        """Whether no slot can become free but by the end of a request."""
        return all(slot.state >= BUSY and not slot.reason for slot in self.slots)

    def count_open(self) -> int:
        return sum(slot.state != FREE for slot in self.slots)
