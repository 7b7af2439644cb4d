"""What Python takes of a board's memory, so that the radio keeps its share.

Python and the radio live on one pool.  When an allocation finds no place in the Python heap even
after a collection, MicroPython takes the largest free block of the pool, whole; what is left is too
little for frames, and the board is deaf.  So the collector runs long before the heap is full, what
clients may make the server allocate has a budget, and the pool is watched.

A board without the pool's figures has no pool to share, and only the first two apply.
"""

import asyncio
import gc
from time import ticks_add, ticks_diff, ticks_ms

from esp32 import idf_heap_info
from machine import reset
from micropython import const

from firmware.radio import Radio

_LASTING_LEN = const(3072)  # of the heap: an event stream or a WebSocket, its request and its tasks
_REQUEST_LEN = const(2048)  # of the heap: a request at work, beside its head and body
_GROWTH_LEN = const(2048)  # more of a heap than this is a new part of it
_PLENTY_LEN = const(12288)
_LOOK_MS = const(50)
_LOOKS = const(3)
_POLL_MS = const(500)
_CUT_MS = const(2000)
_RESTART_MS = const(10000)
_FULL_POLLS = const(120)  # in a row: a minute
_SCARCE_POLLS = const(60)  # half a minute
_TRIES = const(10)
_TRY_MS = const(100)
_PLACE_TRIES = const(4)  # each takes the radio's memory for a moment
_PLACE_MS = const(250)


class Memory:
    """The policy, and its state; one for the whole server.

    Who asks it what; of the heap, which is looked at now:
    take, place       for what comes in several blocks, a head, a body, a message: the budget, too
    wait_room         for a newcomer, and for the status
    has_room_to_last  for an event stream, a WebSocket, a long request
    and of the pool; what is sent asks `Radio`:
    can_send   for a large response: now
    is_short   as it was when it was read last: then newcomers get 503, and who idles is closed
    must_cut   so are those at work

    budget     bytes that long heads and bodies may take, all together
    threshold  bytes of garbage after which the collector runs
    give_way   called, once, before somebody is refused; None while nothing that is loaded can leave
    radio      what it has of the pool
    """

    def __init__(
        self, log: "Log", read_pool: "Function" = idf_heap_info, restart: "Function" = reset
    ) -> None:
        self._log = log
        self.radio = Radio(log, read_pool)
        self._restart = restart
        self._used = 0
        self._is_short = False  # when the pool was read
        self._since = 0  # when it became short
        self._next_poll: int | None = None
        self._heap_len = 0
        self._room = -1  # of the heap, when it was last looked at
        self._looked = 0
        self._full_polls = 0  # in a row without room for a request, since a newcomer was refused
        self._garbage_len = 0  # the threshold, where the heap must not grow: what is free has holes
        self._free_len = 0  # of the heap, with nothing connected
        self._request_len = 0
        self._scarce_polls = 0  # left, since something has given way
        self.give_way: Function | None = None
        self.budget = 0
        self.threshold = 0

    def settle(self, request_len: int) -> None:
        """Decides, when everything is loaded, how much of the heap may be garbage.

        request_len  bytes that the largest request allowed takes while it is received
        """
        gc.collect()
        self.radio.look()
        self._free_len = gc.mem_free() - self.radio.largest  # external memory is Python's
        self._heap_len = gc.mem_alloc() + self._free_len
        self._request_len = request_len
        self.note_loaded(0)

    def note_loaded(self, length: int) -> None:
        """`length` bytes more of the heap stay in use, or less: requests at work are none of it."""
        free = self._free_len = self._free_len - length
        self.budget = max(self._request_len, free // 2)
        # What lasts is found anywhere where garbage was: with less of it, there is a large free
        # block above.  Without a pool nothing worse can come of it than a 503.
        largest = self.radio.largest
        self.threshold = free // 5 if largest else max(free // 2, free - self._request_len)
        self._garbage_len = self.threshold if largest else 0
        gc.threshold(self.threshold)

    async def take(self, length: int) -> int:
        """`length`, when budget and heap have so much left.  To be given back.

        What others give back within a second is waited for, as long as the radio has memory for
        what the client sends meanwhile.  Then it raises MemoryError.
        """
        tries = _TRIES
        while length and not self._fits(length):
            if self._make_way():
                continue
            if not tries or length > self.budget or not self.radio.can_hold():
                raise MemoryError("long heads and bodies take more than there is")
            tries -= 1
            await asyncio.sleep_ms(_TRY_MS)
        self._used += length
        return length

    def give_back(self, length: int) -> None:
        self._used -= length

    def _fits(self, length: int) -> bool:
        # Of what was taken, one half is the copy that is made in the end: it is still to come.
        return self._used + length <= self.budget and self.has(length + self._used // 2)

    async def place(self, make: "Function") -> "Anything":
        """The large piece that `make` gives, where the heap has a place for it.

        If the heap had to grow into the radio's share for it, that part goes back at once, while
        nothing else lies there.  Others may leave a place within a second.  Then it raises
        MemoryError.
        """
        tries = _PLACE_TRIES
        while True:
            try:
                piece = make()
                if not self._lacks():
                    return piece
            except MemoryError:  # nor has the pool such a piece
                pass
            piece = None
            gc.collect()
            if self._make_way():
                continue
            if not tries or not self.radio.can_hold():
                raise MemoryError("no place for what is long")
            tries -= 1
            await asyncio.sleep_ms(_PLACE_MS)

    async def wait_room(self, length: int = 0) -> bool:
        """Whether there is room for one more connection beside what was promised to others.

        Up to a second is waited for it: meanwhile the client is on the listener's queue, and the
        radio holds what it sends.
        length  bytes that are to be loaded for a request that is there already
        """
        tries = _TRIES
        while not self.has(self._used + length):
            if self._make_way():
                continue
            if not tries or not self.radio.can_hold():
                self._full_polls = self._full_polls or int(not length)
                return False
            tries -= 1
            await asyncio.sleep_ms(_TRY_MS)
        return True

    def _make_way(self) -> bool:
        """Whether something has left, so that there may be more memory now."""
        give_way, self.give_way = self.give_way, None
        if not give_way:
            return False
        self._scarce_polls = _SCARCE_POLLS
        give_way()
        return True

    def is_scarce(self) -> bool:
        """Whether something had to leave a moment ago, and is not to come back yet."""
        return self._scarce_polls > 0

    def has_room_to_last(self) -> bool:
        """Whether one more connection may last: many of them, and the heap grows for a request."""
        length = _LASTING_LEN + self._garbage_len // 2
        return self.has(length) or (self._make_way() and self.has(length))

    def has(self, length: int) -> bool:
        """Whether so many bytes of the heap are free, beside a request and half of the garbage.

        As far as is known: where there was plenty, it is not looked at for a moment, and each who
        asks meanwhile is taken to use what it asked for.
        """
        now = ticks_ms()
        self._room -= length  # while a moment ago there was plenty
        if self._room < _PLENTY_LEN or ticks_diff(now, self._looked) >= _LOOK_MS:
            self._looked = now
            limit = self._heap_len - _REQUEST_LEN - self._garbage_len // 2 - length
            self._room = limit - gc.mem_alloc()  # which looks at each block of the heap
            if self._room < 0:
                gc.collect()
                self._room = limit - gc.mem_alloc()
        return self._room >= 0 or not self._heap_len

    def is_short(self) -> bool:
        """Whether the radio has less than its share, as far as was seen when the pool was read."""
        return self._is_short

    def must_cut(self, now: int) -> bool:
        """Whether it has been short for so long that even requests at work have to end.

        What lives in the part by which the heap has grown is theirs, and a restart ends them, too.
        """
        return self._is_short and ticks_diff(now, self._since) >= _CUT_MS

    def can_send(self) -> bool:
        """Whether the radio has its share, now: without it a large response never gets out."""
        if self._lacks():
            gc.collect()
            return not self._lacks()
        return True

    def poll(self, now: int) -> None:
        """Reads the pool now and then; the reaper calls it.

        When the heap has grown into the radio's share, garbage is collected at once: a part of the
        heap that is empty goes back to the pool.  If that does not help for ten seconds, the board
        restarts.  What the radio itself takes of its share, for frames, it gives back by itself,
        as long as one more frame finds its place.

        It also restarts when the heap has had no room for a request for a minute: the application
        keeps all of it, and each client would get 503 for ever.
        """
        if self._next_poll is not None and ticks_diff(now, self._next_poll) < 0:
            return
        self._next_poll = ticks_add(now, _POLL_MS)
        self._room = -1  # ticks wrap after days: what was read then is forgotten
        self._scarce_polls = max(0, self._scarce_polls - 1)
        if self._full_polls:
            self._full_polls = 0 if self.has(0) else self._full_polls + 1
            if self._full_polls > _FULL_POLLS:
                self._log.error("memory stays full: restarting")
                self._restart()
        self.radio.give_turn()
        was_short = self._is_short
        self._is_short = False
        if self._lacks():
            self._make_way()
            gc.collect()
            self._is_short = self._lacks()
        self.radio.rescue()
        if not self._is_short:
            return
        if not was_short:
            self._since = now
            radio = self.radio
            radio.look()
            grown_len = gc.mem_alloc() + gc.mem_free() - radio.largest - self._heap_len
            text = "memory is short: the heap has grown by %d bytes, %d are left, %d in one piece"
            self._log.error(text, grown_len, radio.free, radio.largest)
        elif ticks_diff(now, self._since) >= _RESTART_MS:
            self._log.error("memory stays short: restarting")
            self._restart()

    def _lacks(self) -> bool:
        """Whether the radio has less than its share because the heap has grown."""
        self.radio.look()
        return not self.radio.has_share() and self._length() >= self._heap_len + _GROWTH_LEN

    def _length(self) -> int:
        """Bytes of the heap as it is now; 0 if that can't be told, or where it takes no radio's."""
        radio = self.radio
        for _ in range(_LOOKS):
            radio.look()
            largest = radio.largest
            if radio.free < 0 or radio.counted > largest:
                return 0
            length = gc.mem_alloc() + gc.mem_free() - largest
            radio.look()
            if radio.largest == largest:
                return length
            # What the driver took or gave back meanwhile would be taken for Python's.
        return 0
