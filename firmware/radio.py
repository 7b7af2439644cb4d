"""What the radio has of the pool that it shares with Python, and who may send.

The TCP stack alone can fill it, with what clients have not acknowledged and with what it keeps for
connections that are closed.  No acknowledgement finds a place then, and only after two minutes it
forgets them.  So what may wait is sent as long as the rest has its place; and to connect anew frees
all of it at once.
"""

from time import ticks_diff, ticks_ms

from esp32 import HEAP_DATA, idf_heap_info
from micropython import const

# For the radio: a received frame takes 1.7 KB until it is read.
RADIO_LEN = const(16384)
_PIECE_LEN = const(4096)  # and so much of it in one piece
_FRAME_LEN = const(1800)  # less than this in one piece, and no frame is received
_DEAF_POLLS = const(6)  # in a row: three seconds
_PATIENCE_POLLS = const(60)  # until the network is asked once more
# Whatever is sent lies in the pool until the client has acknowledged it, in segments of 1.5 KB of
# which the last is as long as the others, if it is for one byte.
_SEGMENT_LEN = const(1536)
_SEND_LEN = const(5760)  # no more is taken by a socket at once
_AIR_LEN = const(10240)  # for what is received, and for short responses
INTERNAL_LEN = const(0x100000)  # a larger region of the pool is external RAM, which no radio uses
_LOOK_MS = const(50)


class Radio:
    """The pool as it was last read; one for the whole server.

    free, largest  bytes, and those of the largest block; -1 and 0 on a board without its figures
    counted        what `gc.mem_free()` counts as Python's: the largest block of any memory
    reconnect      called when no frame has found its place for a while; or None
    """

    def __init__(self, log: "Log", read: "Function" = idf_heap_info) -> None:
        self._log = log
        self._read = read
        self.free = -1
        self.largest = self.counted = 0
        self._deaf_polls = 0  # in a row
        self._air = 0  # bytes for what is sent
        self._air_read = 0  # when that was read
        self._is_owed = False  # one segment, however little there is
        self._turns: list = []  # those who wait for it
        self.reconnect: Function | None = None

    def look(self) -> None:
        """Reads `free`, `largest` and `counted`."""
        free = -1
        largest = counted = 0
        for region in self._read(HEAP_DATA):
            counted = max(counted, region[2])
            if region[0] < INTERNAL_LEN:
                free = max(free, 0) + region[1]
                largest = max(largest, region[2])
        self.free = free
        self.largest = largest
        self.counted = counted

    def has_share(self) -> bool:
        """Whether what was read is enough for the radio."""
        return self.free < 0 or (self.free >= RADIO_LEN and self.largest >= _PIECE_LEN)

    def can_hold(self) -> bool:
        """Whether what clients have sent may stay unread for a moment: it lies in the pool."""
        self.look()
        return self.free < 0 or (self.free >= _AIR_LEN and self.largest >= _PIECE_LEN)

    def can_hear(self) -> bool:
        """Whether there is memory for what is received, acknowledgements among it.

        Else no client is told any more why it is refused: each such response takes a segment until
        it is acknowledged, a client that is refused comes again at once, and soon nothing is heard.
        """
        self.look()
        return self.free < 0 or self.largest >= 2 * _FRAME_LEN

    def has_air(self, length: int, asker: object) -> bool:
        """Whether `length` bytes may be sent now that are not a short response.

        What clients don't acknowledge stays in the pool; when it fills, no acknowledgement is
        received any more.  Whatever the pool has, a segment leaves with each turn, of those who ask
        one after another.
        """
        now = ticks_ms()
        needed_len = min(length, _SEND_LEN) + _SEGMENT_LEN
        if self._air < needed_len or ticks_diff(now, self._air_read) >= _LOOK_MS:
            self._air_read = now
            self.look()
            self._air = self.free - _AIR_LEN if self.largest >= _PIECE_LEN else 0
            if self.free < 0:
                return True
        turns = self._turns
        if self._air < needed_len:
            if length > _SEGMENT_LEN:
                return False
            if asker not in turns:
                turns.append(asker)
            if not self._is_owed or turns[0] is not asker:
                return False
            self._is_owed = False
        if asker in turns:
            turns.remove(asker)
        self._air -= needed_len
        return True

    def give_turn(self) -> None:
        """To be called twice a second: one segment may leave, whatever the pool has."""
        self._air = 0  # ticks wrap after days: what was read then is forgotten
        if self._is_owed and self._turns:  # it does not wait any more
            del self._turns[0]
        self._is_owed = True

    def rescue(self) -> None:
        """To be called as often, when the pool was read: connects anew if it is full."""
        is_deaf = self.largest < _FRAME_LEN and self.free >= 0
        self._deaf_polls = self._deaf_polls + 1 if is_deaf else 0
        # Not at each poll: it need not be the network that has taken it.
        if self._deaf_polls % _PATIENCE_POLLS == _DEAF_POLLS and self.reconnect:
            self._log.warning("the radio finds no memory: connecting anew")
            self.reconnect()
