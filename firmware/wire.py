"""One client's socket: bytes in, bytes out, every wait within the deadline of its slot.

It does not know HTTP.  The task of the connection reads and writes, and an application by its
`sock`.  Others only send what goes out at once: the reaper, which asks whether the client is still
there, and who sends what streams have gathered.
"""

import asyncio
import errno
from time import ticks_add, ticks_ms

from micropython import const

from firmware.slots import SENDING, TAKEN

BLOCK_LEN = const(1024)  # received at a time
_MAX_AHEAD_LEN = const(512)  # kept of what a client sends while its request is at work
_PIECE_LEN = const(1024)  # sent at a time when the socket is full
_AIR_MS = const(50)  # until the pool is asked again
_TCP = const(6)
_TCP_NODELAY = const(1)
_SPAN_LEN = const(4096)  # a client has the time-out for so much of a response, and for the next
_block = memoryview(bytearray(BLOCK_LEN))  # of whoever receives: what has come is copied at once


def _receive(sock: "Socket", limit: int) -> bytes | None:
    """What has come, up to a block; b"" when the client has closed, None when there is nothing.

    `recv` would take memory for all that may come, for each client, and before anything is there.
    It asks the socket until that has no more: of a client that sends and resets at once, the
    reset is all that is seen.
    """
    length = sock.readinto(_block, limit)
    return None if length is None else bytes(_block[:length])


class Wire:
    """A socket, and what was received from it and not used yet.

    address    the client's
    received   bytes that the client has sent ahead of what was asked for
    slot       the connection's
    is_read    the client has sent all of its request; else more of it may come: `body` says so
    is_awaited   the application waits for the client: `body`, or `sock`
    is_answered  it has sent something itself: there is no HTTP any more
    sender       the task that waits for the socket to have room
    lock         held while the application's `sock` sends; None until it first does
    sent         bytes that the sockets' buffers have taken
    is_partial   something was sent in part, and its rest is lost: nothing may follow it
    is_dropped   something that the client sends is lost, or nobody reads it: no request follows
    sess_ctx   the application's own object for this connection
    request    the one at work, if its response is more than is sent at once; None when it begins
    made       the body that the handler has made, if handlers after it may put another in its place
    has_air    asked before so many bytes are sent that may wait, see `Radio`
    heart      of a WebSocket or an event stream: whether its client is still there
    """

    # In the class: each attribute of an instance costs time, and most clients need none of them.
    received = b""
    sent = 0
    is_awaited = False
    is_read = True
    is_answered = False
    is_dropped = False
    sess_ctx: "Anything" = None
    request: "Anything" = None
    made: "Anything" = None
    heart: "Heartbeat | Comments | None" = None
    _stream: "Anything" = None
    sender: asyncio.Task | None = None
    lock: asyncio.Lock | None = None

    def __init__(
        self,
        sock: "Socket",
        address: tuple,
        slot: "Slot",
        send_wait_timeout_ms: int,
        has_air: "Function",
    ) -> None:
        self._sock: Anything = sock
        self.address = address
        self.slot = slot
        self._send_wait_timeout_ms = send_wait_timeout_ms
        self.has_air = has_air
        self.is_partial = False  # here: later there might be no memory for one attribute more

    def close(self) -> None:
        """The end.  A task that still holds the wire reads and writes nobody else's connection."""
        sock = self._sock
        self._sock = self._stream = None
        if sock:  # else the application has closed it
            try:
                sock.close()
            except OSError:
                pass

    def set_deadline(self, ms: int | None) -> None:
        """The connection is cut in `ms` milliseconds; with None, it may last."""
        if self._may_set_deadline():
            self.slot.deadline = None if ms is None else ticks_add(ticks_ms(), ms)

    def _set_send_deadline(self) -> None:
        """So long the client has to take more of what is sent, whatever it sends meanwhile."""
        if self._may_set_deadline():
            self.slot.send_deadline = ticks_add(ticks_ms(), self._send_wait_timeout_ms)

    def _may_set_deadline(self) -> bool:
        # Else the slot may be another client's by now, or its deadline is when to cancel again.
        return self._sock and not self.slot.reason

    # Receiving.

    async def receive(self, limit: int = BLOCK_LEN) -> bytes:
        """Up to `limit` bytes, as they come; b"" when the client has closed.

        Raises OSError when the client is gone.
        """
        if self.received:
            return self.use(limit)
        await self.wait_readable()
        return self.receive_block(limit)

    def wait_readable(self) -> "Anything":
        """To be awaited.  The stream waits, and reads nothing."""
        return (self._stream or self._open_stream()).read(0)

    def receive_block(self, limit: int = BLOCK_LEN) -> bytes:
        """What has come, after `wait_readable`."""
        block = _receive(self._live_sock(), limit)
        if block is None:
            raise OSError(errno.EAGAIN)
        self.slot.touch()
        return block

    async def receive_line(self, limit: int) -> bytes:
        """The next line with its LF; b"" when the client has closed, or with no end in `limit`.

        The beginning of a line stays in `received`: whoever waits may be cancelled.
        """
        while True:
            end = self.received.find(b"\n") + 1
            if 0 < end <= limit:
                return self.use(end)
            room = limit - len(self.received)
            if room <= 0:
                return b""
            await self.wait_readable()
            block = self.receive_block(room)
            if not block:
                return b""
            self.received += block

    def use(self, length: int) -> bytes:
        """Up to `length` bytes of `received`, which are gone from there."""
        used = self.received
        if len(used) <= length:  # nearly always; it saves two copies
            self.received = b""
            return used
        self.received = used[length:]
        return used[:length]

    def has_gone(self) -> bool:
        """Whether the client has gone.  What it has sent instead is kept, up to a limit.

        It never waits.  After a MemoryError something of what has come may be lost, as with
        `receive`.
        While something is being sent to the client, the sending itself will tell; while the
        application waits for it, the reading.
        Of a response that stays, what comes beyond the limit is dropped, see `is_dropped`.
        """
        room = _MAX_AHEAD_LEN - len(self.received)
        if self.is_awaited or (self._stream and self._stream.out_buf):
            return False
        is_full = room <= 0
        if is_full:
            is_kept = not self.is_read or self.slot.state == TAKEN
            if is_kept or not self.slot.is_lasting(ticks_ms()):
                return False
            room = BLOCK_LEN
        try:
            block = _receive(self._live_sock(), room)
        except OSError:
            return True
        if block is None:
            return False
        if is_full and block:
            self.is_dropped = True
            return False
        if self.heart and block and self.heart.note(block) and not self.received:
            return False  # nobody else waits for it
        self.received = self.received + block if self.received else block
        return not block

    def receive_now(self) -> bool:
        """Some bytes, if they are there already; whether the client has not gone instead.

        After a MemoryError they are lost.
        """
        try:
            block = _receive(self._live_sock(), BLOCK_LEN)
        except OSError:
            return False
        if block is None:
            return True
        self.received = block
        return len(block) > 0

    def take(self) -> None:
        """The application takes the connection over, to read or to send itself."""
        self._live_sock()  # the slot may be another client's by now
        self.slot.take(ticks_ms())

    def _open_stream(self) -> "Anything":
        if self._stream is None:
            self._stream = asyncio.StreamReader(self._live_sock())
        return self._stream

    def _live_sock(self) -> "Socket":
        if self._sock is None:
            raise OSError(errno.EBADF)
        return self._sock

    # Sending.

    def begin(self, status: int) -> None:
        """A response begins to leave."""
        self._live_sock()  # the slot may be another client's by now
        self.slot.enter(SENDING, ticks_ms())
        self.slot.count(status)
        self.request = None  # a stream may last

    def set_nodelay(self, is_on: bool) -> None:
        """Whether each piece leaves when it is sent.

        Else those wait that are made before the last one was acknowledged, and share a segment
        (RFC 9293, 3.7.4): the board has not many of them.
        """
        try:
            self._live_sock().setsockopt(_TCP, _TCP_NODELAY, int(is_on))
        except OSError:  # the client is gone, which the sending will tell
            pass

    def send_now(self, data: bytes | memoryview) -> int:
        """Sends what the socket takes at once; how much that was."""
        if self.is_partial:
            raise OSError(errno.ECONNRESET)
        sent = self._try_send(data)
        self.sent += sent
        return sent

    def _try_send(self, data: bytes | memoryview) -> int:
        try:
            return (self._sock or self._live_sock()).send(data)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
            return 0

    async def send(self, data: bytes | memoryview) -> None:
        """Sends all of it, from where it lies: what does not go at once is not copied.

        It waits while the radio needs its memory itself.
        """
        if self.is_partial:
            raise OSError(errno.ECONNRESET)
        length = len(data)
        if not self.has_air(length, self):
            await self._wait_air()
            length = _PIECE_LEN
        sent = self.send_now(memoryview(data)[:length])
        if sent < len(data):
            await self.send_rest(memoryview(data)[sent:])

    async def send_short(self, data: bytes | memoryview) -> None:
        """As `send`, of what is short enough to leave at once, if the socket has room."""
        sent = self.send_now(data)
        if sent < len(data):
            await self.send_rest(memoryview(data)[sent:])

    async def send_rest(self, data: memoryview) -> None:
        """A piece at a time, each when the socket has room again."""
        self.is_partial = True
        self.sent += len(data)
        stream = self._open_stream()
        at = due = 0
        while at < len(data):
            if at >= due:
                due = at + _SPAN_LEN
                self._set_send_deadline()
            if not self.has_air(_PIECE_LEN, self):
                await self._wait_air()
                self._set_send_deadline()
            stream.write(data[at : at + _PIECE_LEN])
            self.sender = asyncio.current_task()
            try:
                await stream.drain()
            finally:
                self.sender = None
            self._live_sock()
            at += _PIECE_LEN
            if at < len(data) and self.has_air(len(data) - at, self):
                at += self._try_send(data[at:])
        self.is_partial = False
        self.slot.touch()
        self.slot.send_deadline = None

    async def _wait_air(self) -> None:
        """Until a piece may be sent.  Nothing overtakes it; who gives up has sent nothing."""
        was_partial = self.is_partial
        self._set_send_deadline()
        self.is_partial = True
        try:
            while not self.has_air(_PIECE_LEN, self):
                await asyncio.sleep_ms(_AIR_MS)
            self._live_sock()
        finally:
            if self._sock:  # else the slot may be another client's by now
                self.slot.send_deadline = None
                self.is_partial = was_partial
