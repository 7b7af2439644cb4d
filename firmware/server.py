"""The server: who gets in, who has to leave, start and stop.

It owns the listener, the connections and two tasks: one admits clients, one is the reaper, which
keeps every deadline.  A client is admitted before he is accepted: a slot is free, or the least
recently used one is purged, or, with every connection at work, he is turned away with a 503.
"""

import asyncio
import errno
from time import ticks_diff, ticks_ms

from micropython import const

from firmware.connection import Connection
from firmware.listener import Listener
from firmware.service import Service
from firmware.slots import (
    BUSY,
    FREE,
    GRACE_MS,
    PURGED,
    READING,
    STOPPED,
    TAKEN,
    TIMED_OUT,
    SlotTable,
)
from firmware.tasks import join

_SWEEP_MS = const(100)
_BLOCK_LEN = const(1024)
_GRACE_POLL_MS = const(20)
# A client who is turned away has this long to send his request, so that he is not reset instead.
_TURN_AWAY_POLLS = const(5)
_JOIN_S = 5


class Server:
    """Serves a Microdot application.

    app      the application, unchanged
    workers  the `WorkerPool` of its long handlers
    limits   the settings of `config.py`'s section "server", by name
    """

    def __init__(self, app, workers, log, limits: dict):
        self._log = log
        self._workers = workers
        self._limits = limits
        self._room = asyncio.Event()  # a slot may have become free, or purgeable
        self._table = SlotTable(limits["max_open_sockets"], self._room.set)
        self._listener = Listener(log)
        self._service = Service(app, workers, log, limits)
        for slot in self._table.slots:
            slot.owner = Connection(self._service, slot)
        self._admitting: asyncio.Task | None = None  # the task, while the server runs
        self._reaping: asyncio.Task | None = None  # the task, from the first start to close()

    def is_running(self) -> bool:
        return self._admitting is not None

    def count_open(self) -> int:
        """How many client connections are open."""
        return self._table.count_open()

    async def start(self, address: str):
        """Listens on `address`; OSError when it can't be had.  Idle when it runs already."""
        if self._admitting:
            return
        self._service.is_draining = False
        self._log.info("Starting webserver")
        port = self._limits["port"]
        self._log.info("Starting server on port: '%d'", port)
        self._listener.open(address, port, self._limits["backlog_conn"])
        if self._reaping is None:
            self._reaping = asyncio.create_task(self._reap())
            for slot in self._table.slots:
                slot.owner.task = asyncio.create_task(slot.owner.run())
        self._log.info("Registering URI handlers")
        self._admitting = asyncio.create_task(self._admit())

    async def stop(self, grace_ms: int = 0):
        """Stops serving; returns when every socket is closed and every worker is ready.

        Requests at work have `grace_ms` to end.  Idle when the server does not run.
        """
        if not self._admitting:
            return
        self._log.info("Stopping webserver")
        # 1. No more clients.
        self._service.is_draining = True
        await join(self._admitting)
        self._admitting = None
        self._listener.close()
        # 2. Close the idle.
        self._cut_all(READING)
        # 3. Let the busy finish.
        if grace_ms:
            await _is_within(self._wait_closed(), grace_ms / 1000)
        # 4. Cancel them.
        self._cut_all(TAKEN)
        # 5. Join.  A handler that swallows every cancellation keeps its slot and its worker.
        if not await _is_within(self._wait_ended(), _JOIN_S):
            self._log.error("a handler does not end")

    async def close(self):
        """Stops, and ends every task; the server can be started again."""
        await self.stop()
        self._listener.close()  # Ctrl-C may have come in the middle of start()
        if self._reaping is None:
            return
        self._service.is_closing = True
        for slot in list(self._table.slots):  # whose order changes meanwhile
            await join(slot.owner.task)
        await join(self._reaping)
        self._reaping = None
        self._service.is_closing = False

    def _cut_all(self, last):
        """Cuts every open connection whose state is `last` or before."""
        for slot in self._table.slots:
            if slot.state != FREE and slot.state <= last:
                slot.owner.cut(STOPPED)

    async def _wait_ended(self):
        await self._wait_closed()
        await self._workers.wait_ready()

    async def _wait_closed(self):
        while self._table.count_open():
            self._room.clear()
            await self._room.wait()

    async def _admit(self):
        """The task that lets clients in."""
        while True:
            try:
                await self._listener.wait_knock()
                slot = self._table.find_free() or await self._make_room()
                arrival = self._listener.accept()
                if arrival is None:
                    if self._listener.is_short:
                        self._purge(True)  # gives a socket back
                elif slot is None:
                    await self._turn_away(arrival[0])
                else:
                    slot.owner.take(arrival[0], arrival[1])
            except Exception as error:
                self._log.exception("admission failed", error)
                await asyncio.sleep_ms(_SWEEP_MS)

    async def _make_room(self):
        """A free slot, if need be after a purge; None when every connection is at work."""
        knock = ticks_ms()
        while True:
            slot = self._table.find_free()
            if slot or self._table.is_all_at_work():
                return slot
            self._room.clear()
            if self._purge(ticks_diff(ticks_ms(), knock) >= GRACE_MS):
                await self._room.wait()
            else:  # until somebody's grace is over
                await asyncio.sleep_ms(_GRACE_POLL_MS)

    def _purge(self, is_urgent):
        """Cuts the least recently used connection; whether there is one to cut."""
        victim = self._table.find_victim(ticks_ms(), is_urgent)
        if victim:
            victim.owner.cut(PURGED)
        return victim is not None

    async def _turn_away(self, sock):
        """503 on the spare socket, when his request is there or he has had the time to send it."""
        self._log.warning("No sockets are available")
        try:
            for _ in range(_TURN_AWAY_POLLS):
                await asyncio.sleep_ms(_GRACE_POLL_MS)
                if not _is_silent(sock):
                    break
            sock.send(self._service.busy_response)
        except OSError:
            pass  # he is gone
        finally:
            sock.close()

    async def _reap(self):
        """The task that keeps the deadlines."""
        while True:
            await asyncio.sleep_ms(_SWEEP_MS)
            try:
                self._sweep(ticks_ms())
            except Exception as error:
                self._log.exception("sweep failed", error)

    def _sweep(self, now):
        for slot in self._table.slots:
            if slot.is_expired(now):
                slot.owner.cut(TIMED_OUT)
            elif BUSY <= slot.state < TAKEN:
                slot.owner.look()
        self._workers.expire(now)


async def _is_within(coroutine, timeout_s):
    """Runs a coroutine, up to a time; whether it has ended by then."""
    try:
        await asyncio.wait_for(coroutine, timeout_s)
        return True
    except asyncio.TimeoutError:
        return False


def _is_silent(sock):
    """Whether a client has not sent anything; what he has sent is thrown away."""
    try:
        sock.recv(_BLOCK_LEN)
        return False
    except OSError as error:
        return error.errno == errno.EAGAIN
