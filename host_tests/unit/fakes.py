"""Stand-ins with behaviour for the unit tests, on both interpreters; and a server to talk to."""

import asyncio
import os
import socket

import network

from firmware.server import Server
from firmware.workers import WorkerPool

LIMITS = {
    "port": 0,
    "max_async_requests": 2,
    "async_request_timeout_ms": 60000,
    "max_threads": 1,
    "backlog_conn": 5,
    "max_open_sockets": 3,
    "max_req_hdr_len": 1024,
    "max_uri_len": 128,
    "max_body_len": 2048,
    "recv_wait_timeout_ms": 5000,
    "send_wait_timeout_ms": 5000,
    "keep_alive_timeout_ms": 5000,
}
POOL_TIMEOUT_MS = 1000


def run_async(coroutine):
    """Runs a coroutine in an event loop of its own, and gives up after ten seconds."""
    try:
        return asyncio.run(_limited(coroutine))
    finally:
        if not hasattr(asyncio, "Runner"):  # MicroPython keeps the loop; the next test needs it new
            asyncio.new_event_loop()


async def _limited(coroutine):
    return await asyncio.wait_for(coroutine, 10)


async def until(is_so):
    """Returns when `is_so()` is true."""
    while not is_so():
        await asyncio.sleep(0.01)


async def turns(count=20):
    """Lets every other task run `count` times."""
    for _ in range(count):
        await asyncio.sleep(0)


class FakeLog:
    """Keeps the lines."""

    def __init__(self):
        self.lines = []

    def _keep(self, text, *args):
        self.lines.append(text % args if args else text)

    error = warning = info = debug = _keep

    def exception(self, text, error):
        self.lines.append("%s: %r" % (text, error))


class FakeRequest:
    def __init__(self, path="/long"):
        self.path = path


class Lines:
    """A streamed body of `count` lines; it may raise instead of the line number `fails_at`."""

    def __init__(self, count, fails_at=None):
        self._count = count
        self._fails_at = fails_at
        self._next = 0
        self.is_closed = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self._next == self._fails_at:
            raise ValueError("line")
        if self._next == self._count:
            raise StopAsyncIteration
        self._next += 1
        await asyncio.sleep(0)
        return "line %d\n" % self._next

    async def aclose(self):
        self.is_closed = True


async def read_all(body):
    pieces = []
    async for piece in body:
        pieces.append(piece)
    return pieces


class Pooled:
    """A pool with its workers started: async with it."""

    def __init__(self, workers=2, max_threads=1):
        self.now = 0
        self.log = FakeLog()
        self.pool = WorkerPool(lambda: self.now)
        self._workers = workers
        self._max_threads = max_threads

    async def __aenter__(self):
        self.pool.start(self._workers, POOL_TIMEOUT_MS, self.log, self._max_threads)
        await self.pool.wait_ready()
        return self

    async def __aexit__(self, *_):
        await self.pool.close()


class FakeMemory:
    """As much as wanted, until the test says that it is short."""

    def __init__(self):
        self.budget = 1 << 20
        self.taken = 0
        self.is_exhausted = False

    def take(self, length):
        if self.taken + length > self.budget:
            raise MemoryError
        self.taken += length
        return length

    def give_back(self, length):
        self.taken -= length

    def is_short(self):
        return self.is_exhausted

    def poll(self, now):
        pass


class FakeInterface:
    """An interface whose address the test sets."""

    def __init__(self, address=None):
        self.address = address

    def poll(self, now):
        return self.address


class Play:
    """An interface at work, in surroundings whose time the test moves; and what came of it."""

    def __init__(self, make, around):
        network.surroundings = around
        self.around = around
        self.log = FakeLog()
        self.interface = make(self.log)
        self.address = None
        self.changes = []  # (ms, address)

    def run(self, ms, step_ms=100):
        """Polls for `ms`, as the supervisor does; the address then."""
        end = self.around.now_ms + ms
        while self.around.now_ms < end:
            address = self.interface.poll(self.around.now_ms)
            if address != self.address:
                self.address = address
                self.changes.append((self.around.now_ms, address))
            self.around.now_ms += step_ms
        return self.address

    def attempts(self):
        """(ms, SSID) of what was tried so far."""
        return self.around.attempts

    def said(self, text):
        """How many lines of the log contain `text`."""
        return sum(1 for line in self.log.lines if text in line)


class FakeServer:
    """Records starts and stops; the first `failures` starts fail."""

    def __init__(self, failures=0):
        self.events = []
        self._failures = failures
        self._is_running = False

    def is_running(self):
        return self._is_running

    async def start(self, address):
        if self._failures:
            self._failures -= 1
            self.events.append("fail")
            raise OSError(98)
        self._is_running = True
        self.events.append("start " + address)

    async def stop(self, grace_ms):
        self._is_running = False
        self.events.append("stop")


class Peer:
    """A client in the same event loop as the server."""

    def __init__(self, port):
        self.sock = socket.socket()
        self.sock.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
        self.sock.setblocking(False)
        self.stream = asyncio.StreamReader(self.sock)

    async def ask(self, text):
        """Sends `text` and returns what the server sends next, in one piece."""
        await self.send(text)
        return await self.read()

    async def send(self, text):
        self.stream.write(text.encode())
        await self.stream.drain()

    async def read(self):
        """What the server sends next; "" when it closes or has reset the connection."""
        try:
            await self.stream.read(0)
            return self.sock.recv(4096).decode()
        except OSError:
            return ""

    async def read_all(self):
        text = ""
        while True:
            more = await self.read()
            if not more:
                return text
            text += more

    def close(self):
        self.sock.close()


class Site:
    """A real server on a free port of 127.0.0.1, for a Microdot application.

    async with it; `limits` override `LIMITS`.
    """

    def __init__(self, app, pool=None, workers=2, timeout_ms=60000, **limits):
        self.log = FakeLog()
        self.pool = pool or WorkerPool()
        self.memory = FakeMemory()
        self.port = limits["port"] = 20000 + int.from_bytes(os.urandom(2), "little") % 10000
        settings = dict(LIMITS)
        settings.update(max_async_requests=workers, async_request_timeout_ms=timeout_ms)
        settings.update(limits)
        self.server = Server(app, self.pool, self.memory, self.log, settings)

    async def __aenter__(self):
        await self.server.start("127.0.0.1")
        return self

    async def __aexit__(self, *_):
        await self.server.close()

    def connect(self):
        return Peer(self.port)

    async def wait_open(self, count):
        """Returns when exactly `count` connections are open."""
        await until(lambda: self.server.count_open() == count)

    async def wait_line(self, text, count=1):
        """Returns when `count` lines of the log contain `text`."""
        await until(lambda: sum(1 for line in self.log.lines if text in line) >= count)
