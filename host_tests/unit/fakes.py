"""Stand-ins with behaviour for the unit tests, on both interpreters."""

import _thread
import asyncio
import errno
import gc

import network

from firmware.slots import (
    BUSY,
    IDLE,
    LINGERING,
    NEW,
    READING,
    SENDING,
    TAKEN,
    SlotTable,
)
from firmware.wire import Wire
from firmware.workers import WorkerPool

POOL_TIMEOUT_MS = 1000


def run_async(test):
    """Makes a plain function of an asynchronous one, which runs it in an event loop of its own.

    It gives up after ten seconds.
    """

    def run(*args, **kwargs):
        try:
            return asyncio.run(_limited(test(*args, **kwargs)))
        finally:
            if not hasattr(asyncio, "Runner"):  # MicroPython keeps the loop; the next needs it new
                asyncio.new_event_loop()

    return run


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
        self.lines, self.loud = [], []

    def _keep(self, text, *args):
        self.lines.append(text % args if args else text)

    error = warning = info = debug = _keep

    def is_debug(self):
        return False

    def exception(self, text, error):
        self.lines.append("%s: %r" % (text, error))

    def trace(self, error):
        self.lines.append(repr(error))


class FakeRequest:
    def __init__(self, path="/long"):
        self.path = path
        self.wire = self  # by which the pool knows it

    def prepare_file(self, result):
        return result


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
        self.pool.set_up(self.log, POOL_TIMEOUT_MS, max_threads)
        self._workers = workers

    async def __aenter__(self):
        self.pool.start(self._workers)
        await self.pool.wait_ready()
        return self

    async def __aexit__(self, *_):
        await self.pool.close()


class Calculation:
    """A plain handler that begins, and goes on when the test lets it."""

    def __init__(self, result="done"):
        self.begun = 0
        self.ended = 0
        self.seen = []  # what it asked on its way
        self._result = result
        self._gate = _thread.allocate_lock()
        self._gate.acquire()

    def run(self, request=None):
        self.begun += 1
        self._gate.acquire()
        self.ended += 1
        return self._result

    def let_go(self):
        self._gate.release()


class FakeRadio:
    """Memory for whatever is sent, and is received, until the test says otherwise."""

    is_deaf = False

    def can_hear(self):
        return not self.is_deaf

    def has_air(self, length, asker):
        return True


class FakeMemory:
    """As much as wanted, until the test says that it is short."""

    def __init__(self):
        self.radio = FakeRadio()
        self.budget, self.taken = 1 << 20, 0
        self.is_exhausted = self.is_exhausted_for_long = False
        self.is_in_holes = False  # none of which has a place for what is long
        self.is_full = False  # for connections that last
        self.has_room = True  # for newcomers

    def has_room_to_last(self):
        return not self.is_full

    async def take(self, length):
        if self.taken + length > self.budget:
            raise MemoryError
        self.taken += length
        return length

    def give_back(self, length):
        self.taken -= length

    async def place(self, make):
        if self.is_in_holes:
            raise MemoryError("holes")
        return make()

    async def wait_room(self, length=0):
        return self.has_room

    def has(self, length):
        return self.has_room

    def is_short(self):
        return self.is_exhausted

    def must_cut(self, now):
        return self.is_exhausted_for_long

    def can_send(self):
        return not self.is_exhausted

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


class FakeSocket:
    """A client's socket: `readinto` gives what the client has sent, `sent` is what it has got.

    room       bytes that `send` still takes; None: all
    step       the most that one `readinto` gives; None: all
    has_ended  the client has closed
    error      what `readinto` and `send` raise
    sizes      how much each call of `send` was handed
    options    that `setsockopt` has set
    """

    def __init__(self, received=b"", room=None, step=None):
        self.incoming = [received] if received else []
        self.room, self.step = room, step
        self.has_ended = self.is_closed = False
        self.error = None
        self.sent, self.sizes, self.options = b"", [], {}

    def is_readable(self):
        return self.incoming or self.has_ended or self.error

    def readinto(self, buffer, length):
        if self.error:
            raise self.error
        if not self.incoming:
            return 0 if self.has_ended else None
        block = self.incoming.pop(0)
        length = min(len(block), length, self.step or length)
        if len(block) > length:
            self.incoming.insert(0, block[length:])
        buffer[:length] = memoryview(block)[:length]
        return length

    def send(self, data):
        if self.error:
            raise self.error
        self.sizes.append(len(data))
        length = len(data) if self.room is None else min(len(data), self.room)
        if data and not length:
            raise OSError(errno.EAGAIN, "no room")
        if self.room is not None:
            self.room -= length
        self.sent += bytes(data[:length])
        return length

    def setsockopt(self, level, option, value):
        self.options[level, option] = value

    def close(self):
        self.is_closed = True


class FakeStream:
    """asyncio's stream over a `FakeSocket`."""

    def __init__(self, sock):
        self._sock = sock
        self.out_buf = b""

    async def read(self, length):
        while not self._sock.is_readable():
            await asyncio.sleep(0)
        return b""

    def write(self, data):
        self.out_buf += bytes(data)
        self._send()

    async def drain(self):
        while self.out_buf:
            await asyncio.sleep(0)
            self._send()

    def _send(self):
        try:
            self.out_buf = self.out_buf[self._sock.send(self.out_buf) :]
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise


def open_wire(sock, state=NEW, send_wait_timeout_ms=5000, has_air=lambda length, asker: True):
    """A `Wire` over a `FakeSocket`, on a slot of its own, which is in `state`."""
    slot = SlotTable(1, lambda: None).slots[0]
    for each in _WAYS[state]:
        slot.enter(each, 0)
    wire = Wire(sock, ("10.0.0.2", 1234), slot, send_wait_timeout_ms, has_air)
    wire._stream = FakeStream(sock)
    return wire


_WAYS = {
    NEW: (NEW,),
    READING: (NEW, READING),
    BUSY: (NEW, BUSY),
    SENDING: (NEW, BUSY, SENDING),
    TAKEN: (NEW, BUSY, TAKEN),
    IDLE: (NEW, BUSY, SENDING, IDLE),
    LINGERING: (NEW, LINGERING),
}


class HeapTaken:
    """What its `with` block takes of the heap, garbage and all: bytes, on CPython objects."""

    length = 0

    def __enter__(self):
        gc.collect()
        gc.disable()
        self._before = gc.mem_alloc()
        return self

    def __exit__(self, *exception):
        self.length = gc.mem_alloc() - self._before
        gc.enable()
