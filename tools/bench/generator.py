"""Our own load: a few connections that ask again as soon as they are answered, or at a steady pace.

It keeps every latency, from the first attempt to the whole answer, so that one that had to be tried
again counts with the time it took.  At a pace, what waits behind a late answer counts from when it
should have been asked.  As a program of its own (`python -m tools.bench.generator JSON`) it shares
no interpreter with what measures.
"""

import itertools
import json
import math
import re
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

NUMBER = "{number}"  # in a request: a running one takes its place, so that no two are the same

_FIRST_NUMBER = 10_000_000  # all have the same length
_BLOCK_LEN = 65536
_POLL_MS = 100
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
_LAST = re.compile(rb"HTTP/1\.0|[^\n]*(?:\r\n[^\n]+)*\r\nconnection: *close", re.I)


@dataclass
class Plan:
    """What to send: `request` over `connections` for `seconds`, or `count` times in all.

    request  with a running number in the place of each `NUMBER`
    pace_ms  how often each connection asks; 0: as soon as it is answered
    """

    port: int
    request: str
    connections: int = 4
    seconds: float = 1.0
    count: int = 0
    pace_ms: float = 0
    host: str = "127.0.0.1"


@dataclass
class Outcome:
    """What came back.

    errors      answers other than 200, and connections cut or refused under a request
    pending_ms  how long those have waited that were not answered in the end
    """

    seconds: float = 0.0
    errors: int = 0
    pending_ms: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)

    def percentile_ms(self, percent: float) -> float:
        """The wait that `percent` of the requests did not exceed (nearest rank)."""
        ranked = sorted(self.latencies_ms + self.pending_ms)
        return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]

    def longest_ms(self) -> float:
        """The longest wait, answered or not."""
        return max(self.latencies_ms + self.pending_ms)


def numbered(request: str) -> Iterator[bytes]:
    """The request again and again, a running number in the place of each `NUMBER`."""
    text = request.encode()
    mark = NUMBER.encode()
    if mark not in text:
        return itertools.repeat(text)
    return (text.replace(mark, b"%d" % each) for each in itertools.count(_FIRST_NUMBER))


def response_length(received: bytes) -> int | None:
    """Length of the response that `received` begins with.

    None while its head is not whole, and for one that the end of the connection ends.  Without
    Content-Length in HTTP/1.1 it is a head.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    found = _LENGTH.search(received, 0, end)
    if not found and received.startswith(b"HTTP/1.0"):
        return None
    return end + 4 + (int(found[1]) if found else 0)


def has_ended(received: bytes) -> bool:
    """Whether the response is whole, when its server has closed the connection."""
    return (
        b"\r\n\r\n" in received
        and received.startswith(b"HTTP/1.0")
        and response_length(received) is None
    )


class _Connection:
    """Asks, again and again."""

    def __init__(
        self,
        plan: Plan,
        requests: Iterator[bytes],
        load: Outcome,
        poller: "select.poll",
        due_s: float,
    ) -> None:
        self._plan = plan
        self._requests = requests
        self._load = load
        self._poller = poller
        self._is_last = "connection: close" in plan.request.lower()
        self._received = b""
        self.sock: socket.socket | None = None  # None between two connections
        self.is_asking = False
        self.asked_s = self.due_s = due_s

    def ask(self, now: float) -> None:
        """The next request; it was due at `due_s`."""
        self.is_asking = True
        self.asked_s = now
        self._received = b""
        if self.sock is None:
            self._connect()
        else:
            try:
                self.sock.send(next(self._requests))
            except OSError:
                self._fail()

    def _connect(self) -> None:
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect_ex((self._plan.host, self._plan.port))
        self._poller.register(self.sock, select.POLLOUT)

    def fileno(self) -> int:
        """Of its socket; -1 without one."""
        return self.sock.fileno() if self.sock else -1

    def step(self, events: int) -> None:
        """What its socket is ready for."""
        assert self.sock
        try:
            if events & select.POLLOUT:
                self.sock.send(next(self._requests))
                self._poller.modify(self.sock, select.POLLIN)
            else:
                self._receive()
        except OSError:
            self._fail()

    def _receive(self) -> None:
        assert self.sock
        block = self.sock.recv(_BLOCK_LEN)
        if not block:
            if has_ended(self._received):
                self._end(self._received)
            else:
                self._fail()
            return
        self._received = received = self._received + block if self._received else block
        length = response_length(received)
        if length is not None and len(received) >= length:
            self._end(received)

    def _end(self, received: bytes) -> None:
        now = time.perf_counter()
        if received[9:12] == b"200":
            self._load.latencies_ms.append((now - self.asked_s) * 1000)
        else:
            self._load.errors += 1
        self.is_asking = False
        if self._is_last or _LAST.match(received):
            self.close()
        self.due_s += self._plan.pace_ms / 1000
        if not self._plan.pace_ms:
            self.ask(now)
        elif self.due_s <= now:
            self.ask(self.due_s)

    def _fail(self) -> None:
        """It was cut: between two requests that is no error, and otherwise it is tried again."""
        self.close()
        if self.is_asking:
            self._load.errors += 1
            self._received = b""
            self._connect()

    def close(self) -> None:
        if self.sock:
            self._poller.unregister(self.sock)
            self.sock.close()
            self.sock = None

    def waits_ms(self, now: float) -> list[float]:
        """How long what is due has waited for an answer."""
        waits = [(now - self.asked_s) * 1000] if self.is_asking else []
        while self.is_asking and self._plan.pace_ms and waits[-1] > self._plan.pace_ms:
            waits.append(waits[-1] - self._plan.pace_ms)
        return waits


def run(plan: Plan) -> Outcome:
    """The load of a plan, when it is over."""
    load = Outcome()
    poller = select.poll()
    start = time.perf_counter()
    step_s = plan.pace_ms / 1000 / plan.connections  # not all at the same moment
    requests = numbered(plan.request)
    connections = [
        _Connection(plan, requests, load, poller, start + number * step_s)
        for number in range(plan.connections)
    ]
    try:
        _turn(plan, load, poller, connections, start + plan.seconds)
    finally:
        now = time.perf_counter()
        load.seconds = now - start
        for each in connections:
            load.pending_ms += each.waits_ms(now)
            each.close()
    return load


def _turn(
    plan: Plan, load: Outcome, poller: "select.poll", connections: list[_Connection], end: float
) -> None:
    by_fd: dict[int, _Connection] = {}
    while (now := time.perf_counter()) < end:
        if plan.count and len(load.latencies_ms) >= plan.count:
            return
        waiting = [each for each in connections if not each.is_asking]
        for each in waiting:
            if each.due_s <= now:
                each.ask(now)
        for fd, events in poller.poll(_until_next(waiting, now)):
            if fd not in by_fd or by_fd[fd].fileno() != fd:
                by_fd = {each.fileno(): each for each in connections}
            by_fd[fd].step(events)


def _until_next(waiting: list[_Connection], now: float) -> float:
    """Milliseconds until the next request is due."""
    return min([max(0, (each.due_s - now) * 1000) for each in waiting] + [_POLL_MS])


def main() -> None:
    print(json.dumps(asdict(run(Plan(**json.loads(sys.argv[1]))))))


if __name__ == "__main__":
    main()
