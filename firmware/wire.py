"""One client's socket: bytes in, bytes out, every wait within the deadline of its slot.

It does not know HTTP.  The task of the connection reads and writes; the reaper only looks whether
the client is still there.
"""

import asyncio
import errno
from time import ticks_add, ticks_ms

from micropython import const

from firmware.slots import TAKEN

_BLOCK_LEN = const(1024)  # received at a time


class Wire:
    """A socket, and what was received from it and not used yet.

    received   bytes that the client has sent ahead of what was asked for
    slot       the connection's
    `read`, `readexactly` and `awrite` are those of an asyncio stream, for an application that
    speaks to its client itself (WebSocket).
    """

    # In the class: each attribute of an instance costs time, and most clients need neither.
    received = b""
    _stream = None

    def __init__(self, sock, slot, send_wait_timeout_ms: int):
        self._sock = sock
        self.slot = slot
        self._send_wait_timeout_ms = send_wait_timeout_ms

    def close(self):
        """The end.  A task that still holds the wire reads and writes nobody else's connection."""
        sock = self._sock
        self._sock = None
        if self._stream:
            self._stream = None
        try:
            sock.close()
        except OSError:
            pass

    def set_deadline(self, ms):
        """The connection is cut in `ms` milliseconds; with None, it may last."""
        if self._sock:  # else the slot may be another client's by now
            self.slot.deadline = None if ms is None else ticks_add(ticks_ms(), ms)

    # Receiving.

    async def fill(self, limit: int) -> bool:
        """Lets `received` grow, at most to `limit` bytes; False when the client has closed.

        Raises OSError when he is gone.
        """
        # read(0) waits; reading itself is left to recv(), since the stream's read() asks the
        # socket a second time, for what is missing to `limit`.
        received = self.received
        await (self._stream or self._open_stream()).read(0)
        block = self._sock.recv(min(_BLOCK_LEN, limit - len(received)))
        self.slot.touch()
        self.received = received + block if received else block
        return len(block) > 0

    async def receive(self, limit: int) -> bytes:
        """Up to `limit` bytes; b"" when the client has closed."""
        if not self.received:
            await self.fill(limit)
        return self.use(limit)

    def use(self, length: int) -> bytes:
        """Up to `length` bytes of `received`, which are gone from there."""
        used = self.received
        if len(used) <= length:  # nearly always; it saves two copies
            self.received = b""
            return used
        self.received = used[length:]
        return used[:length]

    async def read(self, n: int = 1024) -> bytes:
        self._open_sock()  # the slot may be another client's by now
        self.slot.state = TAKEN
        return await self.receive(n)

    async def readexactly(self, n: int) -> bytes:
        data = b""
        while len(data) < n:
            block = await self.read(n - len(data))
            if not block:
                raise EOFError
            data += block
        return data

    def look(self, limit: int, length: int = 64) -> bool:
        """Whether the client has gone.  What he has sent instead is kept, up to `limit` bytes.

        It never waits.  `length` bytes are allocated even if there is nothing.  After a
        MemoryError something of what has come may be lost, as with `fill`.
        While something is being sent to him, the sending itself will tell.
        """
        room = limit - len(self.received)
        if room <= 0 or (self._stream and self._stream.out_buf):
            return False
        try:
            block = self._sock.recv(min(length, room))
        except OSError as error:
            return error.errno != errno.EAGAIN
        self.received += block
        return not block

    def _open_stream(self):
        if self._stream is None:
            self._stream = asyncio.StreamReader(self._open_sock())
        return self._stream

    def _open_sock(self):
        if self._sock is None:
            raise OSError(errno.EBADF)
        return self._sock

    # Sending.

    def write(self, data: bytes) -> bool:
        """Sends what the socket takes at once; whether that was all.  If not, call `drain`."""
        stream = self._stream
        if not stream or not stream.out_buf:
            try:
                sent = (self._sock or self._open_sock()).send(data)
                if sent == len(data):
                    return True
                data = data[sent:]
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
        self._open_stream().write(data)
        return False

    async def drain(self):
        """Sends the rest, within one deadline for the whole."""
        before = self.slot.deadline
        self.set_deadline(self._send_wait_timeout_ms)
        await self._open_stream().drain()
        self.slot.deadline = before

    async def send(self, data: bytes):
        """Sends all of it."""
        if not self.write(data):
            await self.drain()

    awrite = send

    def send_now(self, data: bytes):
        """Sends what the socket takes at once, to a client who may be gone."""
        try:
            self.write(data)
        except (OSError, MemoryError):
            pass
