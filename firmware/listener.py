"""The listening socket: it waits for a pending connection without taking it off the queue.

asyncio's `start_server` accepts first and asks later.  On the board that is too late: lwIP takes
the client off the queue before it looks for a free socket, and with none the client is reset; and a
failing `accept()` makes asyncio's loop spin.  So the server must know that a connection is pending,
make room, and only then accept.  The way to wait is `StreamReader.read(0)`: it returns when the
socket is readable, and since it wants no bytes it does not touch the socket.
"""

import asyncio
import errno
import gc
import socket

from micropython import const

_TCP = const(6)
_TCP_NODELAY = const(1)  # what is answered leaves at once
# What accept() allocates, and more.  A MemoryError inside of it would lose the socket for good.
_RESERVE_LEN = const(512)
_MIN_BACKOFF_MS = const(10)
_MAX_BACKOFF_MS = const(1000)


class Listener:
    """Owns the listening socket, from `open()` to `close()`.

    is_exhausted  whether `accept()` fails because sockets or memory are exhausted
    """

    def __init__(self, log: "Log") -> None:
        self._log = log
        self._sock: Anything = None
        self._stream: Anything = None
        self._backoff_ms = 0
        self.is_exhausted = False

    def open(self, address: str, port: int, backlog_conn: int) -> None:
        """Raises OSError when the address or port can't be had."""
        self.close()  # a start may have ended in the middle
        sock = socket.socket()
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(socket.getaddrinfo(address, port)[0][-1])
            sock.listen(backlog_conn)
            sock.setblocking(False)
        except Exception:
            sock.close()
            raise
        self._sock = sock
        self._stream = asyncio.StreamReader(sock)
        self._backoff_ms = 0

    def close(self) -> None:
        if self._sock:
            self._sock.close()
        self._sock = self._stream = None

    async def wait_pending(self) -> None:
        """Returns when a connection is pending, at once if one is already, or memory is exhausted.

        After a failed `accept()` it first backs off: the client may still be on the queue, and a
        shortage of sockets or memory does not end by asking again.
        """
        if self._backoff_ms:
            await asyncio.sleep_ms(self._backoff_ms)
        try:
            bytearray(_RESERVE_LEN)  # what the loop's poller takes, which crashes without
        except MemoryError as error:  # `accept` says what follows
            self._back_off(error, True)
            return
        await self._stream.read(0)

    def accept(self) -> tuple | None:
        """(socket, address) of the first client on the queue; None if there is none to be had."""
        try:
            bytearray(_RESERVE_LEN)
            sock, address = self._sock.accept()
        except OSError as error:
            if error.errno == errno.ECONNABORTED:
                # lwIP has no connection left for a SYN, and tells it by an entry on this queue.  It
                # resets the clients that come while the queue is full of these.
                self._backoff_ms = 0
            self._back_off(error, error.errno != errno.EAGAIN and not _can_open())
            return None
        except MemoryError as error:
            self._back_off(error, True)
            return None
        self._backoff_ms = 0
        self.is_exhausted = False
        try:
            sock.setblocking(False)
            sock.setsockopt(_TCP, _TCP_NODELAY, 1)
        except OSError:  # on the board, when the client has reset it already
            sock.close()
            return None
        return sock, address

    def _back_off(self, error: BaseException, is_exhausted: bool) -> None:
        """A client that has gone again costs a moment; a shortage, ever longer ones."""
        if is_exhausted and not self.is_exhausted:
            self._log.warning("accept failed: %s", error)
        longer_ms = self._backoff_ms * 2 if is_exhausted else 0
        self._backoff_ms = min(_MAX_BACKOFF_MS, max(_MIN_BACKOFF_MS, longer_ms))
        self.is_exhausted = is_exhausted
        if self._backoff_ms > _MIN_BACKOFF_MS:
            gc.collect()  # closes sockets without a reference


def _can_open() -> bool:
    """Whether there is another socket to be had."""
    try:
        socket.socket().close()
        return True
    except OSError:
        return False
