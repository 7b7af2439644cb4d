"""Our own load: a few connections that ask again as soon as they are answered.

It keeps every latency, from the first attempt to the whole answer, so that one that had to be tried
again counts with the time it took.  As a program of its own (`python -m tools.bench.generator
JSON`) it shares no interpreter with whoever measures.
"""

import json
import math
import re
import select
import socket
import sys
import time
from dataclasses import asdict, dataclass, field

_BLOCK_LEN = 65536
_POLL_MS = 100
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
_LAST = re.compile(rb"HTTP/1\.0|[^\n]*(?:\r\n[^\n]+)*\r\nconnection: *close", re.I)


@dataclass
class Plan:
    """What to send: `request` over `connections` for `seconds`, or `count` times in all."""

    port: int
    request: str
    connections: int = 4
    seconds: float = 1.0
    count: int = 0
    host: str = "127.0.0.1"


@dataclass
class Load:
    """What came back.

    errors      answers other than 200, and connections cut or refused
    pending_ms  how long the oldest request has waited that was not answered in the end
    """

    seconds: float = 0.0
    errors: int = 0
    cpu_s: float = 0.0
    pending_ms: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)

    def percentile_ms(self, percent: float) -> float:
        """The latency that `percent` of the answers did not exceed (nearest rank)."""
        ranked = sorted(self.latencies_ms)
        return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]

    def longest_ms(self) -> float:
        """The longest wait, answered or not."""
        return max([self.pending_ms, *self.latencies_ms])


def response_length(received: bytes) -> int | None:
    """Length of the response that `received` begins with; None when its head is not whole.

    0 when the head does not tell.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    found = _LENGTH.search(received, 0, end)
    return end + 4 + int(found[1]) if found else 0


class _Connection:
    """Asks, again and again."""

    def __init__(self, plan: Plan, load: Load, poller: "select.poll"):
        self._plan = plan
        self._load = load
        self._poller = poller
        self._request = plan.request.encode()
        self._is_last = b"connection: close" in self._request.lower()
        self.sock: socket.socket | None = None
        self.asked_s = time.perf_counter()
        self._received = b""
        self.connect()

    def connect(self):
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect_ex((self._plan.host, self._plan.port))
        self._received = b""
        self._poller.register(self.sock, select.POLLOUT)

    def step(self, events: int):
        """What its socket is ready for."""
        assert self.sock
        try:
            if events & select.POLLOUT:
                self.sock.send(self._request)
                self._poller.modify(self.sock, select.POLLIN)
            else:
                self._receive()
        except OSError:
            self._fail()

    def _receive(self):
        block = self.sock.recv(_BLOCK_LEN)
        self._received = received = self._received + block if self._received else block
        length = response_length(received)
        if length is not None and len(received) >= length and (length or not block):
            self._end(received)
        elif not block:
            self._fail()

    def _end(self, received):
        now = time.perf_counter()
        if received[9:12] == b"200":
            self._load.latencies_ms.append((now - self.asked_s) * 1000)
        else:
            self._load.errors += 1
        self.asked_s = now
        if self._is_last or _LAST.match(received):
            self.close()
            self.connect()
        else:
            self._received = b""
            self.sock.send(self._request)

    def _fail(self):
        self._load.errors += 1
        self.close()
        self.connect()

    def close(self):
        if self.sock:
            self._poller.unregister(self.sock)
            self.sock.close()
            self.sock = None


def run(plan: Plan) -> Load:
    """The load of a plan, when it is over."""
    load = Load()
    poller = select.poll()
    connections = [_Connection(plan, load, poller) for _ in range(plan.connections)]
    start, start_cpu = time.perf_counter(), time.process_time()
    try:
        _turn(plan, load, poller, connections, start + plan.seconds)
    finally:
        load.seconds = time.perf_counter() - start
        load.cpu_s = time.process_time() - start_cpu
        load.pending_ms = (time.perf_counter() - min(c.asked_s for c in connections)) * 1000
        for each in connections:
            each.close()
    return load


def _turn(plan, load, poller, connections, end):
    by_fd = {each.sock.fileno(): each for each in connections}
    while time.perf_counter() < end and not (plan.count and len(load.latencies_ms) >= plan.count):
        for fd, events in poller.poll(_POLL_MS):
            if fd not in by_fd:
                by_fd = {each.sock.fileno(): each for each in connections}
            by_fd[fd].step(events)


def main():
    print(json.dumps(asdict(run(Plan(**json.loads(sys.argv[1]))))))


if __name__ == "__main__":
    main()
