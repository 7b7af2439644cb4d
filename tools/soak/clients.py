"""The clients of a soak: each is a thread that does the same again and again until the end.

A server may cut any of them, and may say that it is busy.  It may not answer with anything else
than what a kind of client expects, and a newcomer's quick request is answered all the time.
"""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable

from tools.soak.tally import Tally

_TIMEOUT_S = 12
_CONNECT_S = 3
_MAX_LEN = 65536
_GET = b"GET /quick HTTP/1.1\r\nHost: soak\r\n"
_RESET = struct.pack("ii", 1, 0)
_GOOD = ("200", "503")
_ANSWERED = ("200", "400", "404", "405", "408", "413", "414", "431", "501", "503", "505")


class Load:
    """`start()` makes the threads, `stop()` ends them."""

    def __init__(self, host: str, port: int, tally: Tally) -> None:
        self._address = (host, port)
        self._tally = tally
        self._has_ended = threading.Event()
        kinds: list[tuple[Callable[[], None], float]] = [(self._newcomer, 0.5)]
        kinds += [(self._poll, 0.1)] * 4
        kinds += [(self._long, 0.5)] * 3
        kinds += [(self._half, 0.5), (self._garbage, 0.3), (self._reset, 0.3)]
        kinds += [(self._large_head, 0.5), (self._body, 0.5), (self._status, 1)]
        self._threads = [
            threading.Thread(target=self._repeat, args=kind, daemon=True) for kind in kinds
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns when every connection is closed."""
        self._has_ended.set()
        for thread in self._threads:
            thread.join(3 * _TIMEOUT_S)

    def _repeat(self, step: Callable[[], None], pause_s: float) -> None:
        kind = step.__name__.strip("_").replace("_", " ")
        while not self._has_ended.is_set():
            try:
                step()
            except (OSError, EOFError) as error:
                self._tally.count(kind, _outcome_of(error))
            self._has_ended.wait(pause_s * random.uniform(0.5, 1.5))

    def _newcomer(self) -> None:
        with self._connect() as sock:
            sock.sendall(_GET + b"Connection: close\r\n\r\n")
            status = self._note("newcomer", _receive(sock)[0], _GOOD)
        if status == "200":
            self._tally.answer_quick()

    def _poll(self) -> None:
        """A browser: one connection, and a head as it has, which grows and shrinks."""
        with self._connect() as sock:
            while not self._has_ended.wait(0.1):
                cookie = b"c" * random.randrange(100, 1800)
                sock.sendall(_GET + b"Cookie: a=" + cookie + b"\r\n\r\n")
                status, is_last = _receive(sock)
                self._note("poll", status, _GOOD)
                if is_last:
                    return

    def _long(self) -> None:
        """Reads for a while, then closes or resets."""
        with self._connect() as sock:
            sock.sendall(b"GET /long HTTP/1.1\r\nHost: soak\r\n\r\n")
            status = self._note("long", sock.recv(_MAX_LEN)[9:12].decode(), _GOOD)
            end = time.monotonic() + random.uniform(1, 6)
            while status == "200" and time.monotonic() < end and not self._has_ended.is_set():
                if not sock.recv(_MAX_LEN):
                    return
            if random.random() < 0.5:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def _half(self) -> None:
        """Begins a request, and does not end it."""
        with self._connect() as sock:
            sock.sendall(_GET[: random.randrange(1, len(_GET))])
            if random.random() < 0.5:
                self._has_ended.wait(1)
                self._tally.count("half", "left")
            else:
                self._note("half", _receive(sock)[0], _ANSWERED)

    def _garbage(self) -> None:
        with self._connect() as sock:
            sock.sendall(random.randbytes(random.randrange(10, 600)) + b"\r\n\r\n")
            self._note("garbage", _receive(sock)[0], _ANSWERED)

    def _reset(self) -> None:
        with self._connect() as sock:
            sock.sendall(_GET + b"\r\n")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._tally.count("reset", "left")

    def _large_head(self) -> None:
        with self._connect() as sock:
            sock.sendall(_GET + b"A: " + b"a" * random.choice((1500, 3500, 9000)) + b"\r\n\r\n")
            self._note("large head", _receive(sock)[0], _ANSWERED)

    def _body(self) -> None:
        """Says a length, and sends as much or less."""
        length = random.choice((10, 3000, 100000))
        with self._connect() as sock:
            head = f"POST /quick HTTP/1.1\r\nHost: soak\r\nContent-Length: {length}\r\n\r\n"
            sock.sendall(head.encode() + b"x" * random.choice((5, min(length, 3000))))
            self._note("body", _receive(sock)[0], _ANSWERED)

    def _status(self) -> None:
        """401 and 404 if it has a password, or is not there."""
        path = random.choice(("/status", "/status.json", "/metrics", "/log"))
        with self._connect() as sock:
            head = f"GET {path} HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n"
            sock.sendall(head.encode())
            self._note("status", _receive(sock)[0], (*_GOOD, "401", "404"))

    def _connect(self) -> socket.socket:
        sock = socket.create_connection(self._address, _CONNECT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(_TIMEOUT_S)
        return sock

    def _note(self, kind: str, status: str, expected: tuple[str, ...]) -> str:
        """Counts an answer; "" is none, since the server has closed."""
        self._tally.count(kind, status or "closed")
        if status and status not in expected:
            self._tally.add_problem(f"{kind}: an answer with {status}")
        return status


def _receive(sock: socket.socket) -> tuple[str, bool]:
    """The status of one response, and whether it is the last; ("", True) without one."""
    received = b""
    while True:
        head, end, body = received.partition(b"\r\n\r\n")
        fields = head.lower()
        if end and _is_whole(fields, body):
            return head[9:12].decode(), b"connection: close" in fields
        block = sock.recv(_MAX_LEN)
        if not block:
            if received:
                raise EOFError
            return "", True
        received += block


def _is_whole(fields: bytes, body: bytes) -> bool:
    if b"transfer-encoding: chunked" in fields:
        return body.endswith(b"0\r\n\r\n")
    length = fields.partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(body) >= int(length or 0)


def _outcome_of(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, EOFError):
        return "cut"
    return "reset" if isinstance(error, ConnectionError) else type(error).__name__
