"""A server to talk to, in the event loop of the test; and an application for it."""

import asyncio
import os
import socket
import unittest

from microdot import Microdot, Request

from firmware.server import Server
from firmware.workers import WorkerPool
from host_tests.unit.fakes import FakeLog, FakeMemory, until
from host_tests.unit.ports import find_free

GET = "GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
LIMITS = {
    "port": 0,
    "max_async_requests": 2,
    "async_request_timeout_ms": 60000,
    "max_threads": 1,
    "backlog_conn": 6,
    "max_open_sockets": 3,
    "max_req_hdr_len": 1024,
    "max_uri_len": 128,
    "max_body_len": 2048,
    "recv_wait_timeout_ms": 5000,
    "send_wait_timeout_ms": 5000,
    "keep_alive_timeout_ms": 5000,
}


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

    def __init__(
        self, app, pool=None, workers=2, timeout_ms=60000, log=None, status=None, **limits
    ):
        self.log = log or FakeLog()
        self.pool = pool or WorkerPool()
        WorkerPool.made = []  # as run() does
        self.memory = FakeMemory()
        self.port = limits["port"] = find_free()
        settings = dict(LIMITS)
        settings.update(max_async_requests=workers, async_request_timeout_ms=timeout_ms)
        settings.update(limits)
        self.server = Server(app, self.pool, self.memory, self.log, settings)
        if status:
            self.server.answer_own(status)

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

    async def wait_wire(self):
        """The wire of the one client, when it is there."""
        await self.wait_open(1)
        slots = [slot for slot in self.server.table.slots if slot.state]
        return slots[0].owner._wire

    async def wait_line(self, text, count=1):
        """Returns when `count` lines of the log contain `text`."""
        await until(lambda: sum(1 for line in self.log.lines if text in line) >= count)


class App:
    """An application whose `/held` and `/stream` last until the test says otherwise."""

    def __init__(self):
        self.gate = asyncio.Event()
        self.pool = WorkerPool()
        self.ended = 0
        self.app = Microdot()
        self._add_quick(self.app)
        self._add_long(self.app)

        @self.app.after_request
        async def after(request, response):
            if request.path == "/orphan":
                raise ValueError("after")
            return response

    def site(self, **options):
        return Site(self.app, self.pool, **options)

    def _add_quick(self, app):
        @app.get("/quick")
        async def quick(request):
            return "quick"

        @app.get("/held")
        async def held(request):
            try:
                await self.gate.wait()
            finally:
                self.ended += 1
            return "held"

        @app.get("/broken")
        async def broken(request):
            raise ValueError("handler")

        @app.get("/cancelled")
        async def cancelled(request):
            raise asyncio.CancelledError

        @app.get("/failing")
        async def failing(request):
            return iter(["one" * 1000, 2])

    def _add_long(self, app):
        @app.get("/long")
        @self.pool.long
        async def long(request):
            try:
                await self.gate.wait()
            finally:
                self.ended += 1
            return "long"

        @app.get("/stream")
        @self.pool.long
        async def stream(request):
            return Endless()

        @app.post("/echo")
        @self.pool.long
        async def echo(request):
            return request.body

        @app.get("/orphan")
        @self.pool.long
        async def orphan(request):
            return Endless()


class LongBodies(unittest.TestCase):
    """Tests of applications that take bodies of up to 5,000 bytes."""

    def setUp(self):
        self._max_content_length = Request.max_content_length
        Request.max_content_length = 5000

    def tearDown(self):
        Request.max_content_length = self._max_content_length


class Endless:
    """A body of "x", as fast as it is taken."""

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0.01)
        return "x"


class Silent:
    """A stream that stays and says nothing more than its first event."""

    def __init__(self):
        self._has_begun = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self._has_begun:
            await asyncio.Event().wait()
        self._has_begun = True
        return "data: 1\n\n"


class Owner:
    """A connection, as far as the `sock` on its wire asks it."""

    wait_ms = 5000

    def __init__(self):
        self.memory = FakeMemory()


def count_calls(thing, name):
    """A list that grows by each call of a method of `thing`."""
    calls = []
    method = getattr(thing, name)

    def counted(*args):
        calls.append(args)
        return method(*args)

    setattr(thing, name, counted)
    return calls


def count_files():
    return len(os.listdir("/proc/self/fd"))


def count_tasks():
    """The tasks of the event loop; MicroPython does not tell, there the heap has to do."""
    return len(asyncio.all_tasks()) if hasattr(asyncio, "all_tasks") else 0
