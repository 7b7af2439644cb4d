"""The server: start and stop, and who has to leave.

It owns the listener, the connections and the worker pool, and two tasks beside that of `Admission`:
one is the reaper, which keeps every deadline, and one sends what streams have gathered.
"""

import asyncio
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

import firmware
from firmware.admission import Admission
from firmware.connection import Connection
from firmware.exchange import Exchange
from firmware.farewell import Farewell
from firmware.heads import HeadParser
from firmware.lasting import Lasting
from firmware.listener import Listener
from firmware.slots import FREE, STOPPED, TIMED_OUT, SlotTable
from firmware.tasks import is_within, join, wake

_SWEEP_MS = const(100)
_MAX_LAG_MS = const(500)
_JOIN_S = 5


class Server:
    """Serves a Microdot application.

    app      the application, unchanged
    workers  the `WorkerPool` of its long handlers
    memory   the `Memory` that is shared with the radio
    limits   the settings of section "server", by name
    port     that it listens on
    admission     lets clients in
    worst_lag_ms  how long the loop stood still, at most
    """

    def __init__(
        self,
        app: "Microdot",
        workers: "WorkerPool",
        memory: "Memory",
        log: "Log",
        limits: dict,
    ) -> None:
        from firmware.application import prepare

        firmware.drop("application")
        prepare(app, log, limits)
        self._log = log
        self.workers = workers
        self._memory = memory
        self._limits = limits
        self.port = limits["port"]
        self._room = asyncio.Event()  # a slot may have become free, or purgeable
        self.table = table = SlotTable(limits["max_open_sockets"], self._room.set)
        table.has_memory = memory.has_room_to_last
        self._listener = listener = Listener(log)
        self.admission = Admission(table, listener, self._room, memory, log)
        self._lasting = lasting = Lasting(table)
        self._exchange = exchange = Exchange(app, workers, lasting, memory, log, limits)
        workers.admit = lasting.admit_long
        workers.set_up(log, limits["async_request_timeout_ms"], limits["max_threads"])
        served: Anything = exchange
        if log.is_debug():
            from firmware.access import AccessLog

            served = AccessLog(exchange, log)
        farewell = Farewell(exchange.refuse_head, memory.radio, log)
        self._parser = parser = HeadParser(limits["max_uri_len"], limits["max_req_hdr_len"])
        self._slots = table.slots + [table.spare]
        for slot in self._slots:
            is_spare = slot is table.spare
            slot.owner = Connection(slot, served, farewell, parser, memory, log, limits, is_spare)
        self.tasks: list = []  # from the first start to close()
        self.worst_lag_ms = 0

    def answer_own(self, own: "Function", takes_updates: bool = False) -> None:
        """From now on `own` answers what the board answers itself, see `Exchange`."""
        self._exchange.own = own
        self._exchange.intake.takes_updates = takes_updates

    def is_running(self) -> bool:
        return self.admission.is_running()

    def count_answered(self) -> int:
        """How many requests were answered so far."""
        return sum(self.table.responses)

    def count_open(self) -> int:
        """How many client connections are open."""
        return self.table.count_open()

    async def start(self, address: str) -> None:
        """Listens on `address`; OSError when it can't be had.  Idle when it runs already."""
        if self.is_running():
            return
        self._exchange.is_draining = False
        limits = self._limits
        self.workers.start(limits["max_async_requests"])
        self._log.info("Starting webserver")
        self._log.info("Starting server on port: '%d'", self.port)
        # An earlier start may have ended in the middle, out of memory.
        if not self.tasks:
            self.tasks.append(asyncio.create_task(self._reap()))
        if len(self.tasks) == 1:
            self.tasks.append(asyncio.create_task(self._exchange.sender.run()))
        for slot in self._slots:
            slot.owner.start()
        self._listener.open(address, self.port, limits["backlog_conn"])
        try:
            self._log.info("Registering URI handlers")
            self.admission.start()
        except MemoryError:  # until the next try, clients are refused instead of kept waiting
            self._listener.close()
            raise

    async def stop(self, grace_ms: int = 0) -> None:
        """Stops serving; returns when every socket is closed and every worker is ready.

        Requests at work have `grace_ms` to end.  Idle when the server does not run.
        """
        if not self.is_running():
            return
        self._log.info("Stopping webserver")
        # 1. No more clients.
        self._exchange.is_draining = True
        await self.admission.stop()
        self._listener.close()
        # 2. Close the idle.
        self._cut_all(False)
        # 3. Let the busy finish.
        if grace_ms:
            await is_within(self._wait_closed(), grace_ms / 1000)
        # 4. Cancel them.
        self._cut_all(True)
        # 5. Join.  A handler that swallows every cancellation keeps its slot and its worker.
        if not await is_within(self._wait_ended(), _JOIN_S):
            self._log.error("a handler does not end")

    async def close(self) -> None:
        """Stops, and ends every task; the server can be started again."""
        await self.stop()
        self._listener.close()  # Ctrl-C may have come in the middle of start()
        if self.tasks:
            for slot in self._slots:
                task = slot.owner.end()
                if task:  # Ctrl-C may have come before it was made
                    await join(task)
            while self.tasks:
                await join(self.tasks.pop())
        await self.workers.close()

    def _cut_all(self, is_at_work: bool) -> None:
        """Cuts every open connection that is not at work, or all of them."""
        for slot in self._slots:
            if slot.state == FREE or slot.reason:  # it is cancelled again in its time
                continue
            if is_at_work or not slot.is_at_work():
                slot.owner.cut(STOPPED)

    async def _wait_ended(self) -> None:
        await self._wait_closed()
        await self.workers.wait_ready()

    async def _wait_closed(self) -> None:
        while any(slot.state != FREE for slot in self._slots):
            self._room.clear()
            await self._room.wait()

    async def _reap(self) -> None:
        """The task that keeps the deadlines, and an eye on memory."""
        while True:
            due = ticks_add(ticks_ms(), _SWEEP_MS)
            await asyncio.sleep_ms(_SWEEP_MS)
            try:
                self._note_lag(ticks_diff(ticks_ms(), due))
                for slot in self._slots:
                    if slot.is_at_work():
                        wake(slot.owner.task, due)
                for job in self.workers.jobs:
                    wake(job.task, due)
                self._sweep(ticks_ms())
            except Exception as error:
                self._log.exception("sweep failed", error)

    def _note_lag(self, lag_ms: int) -> None:
        """Names what held up the loop: the request that came last, or a long one beside it."""
        self.worst_lag_ms = max(self.worst_lag_ms, lag_ms)
        if lag_ms > _MAX_LAG_MS:
            path = self._exchange.path
            for job in self.workers.jobs:
                if not job.thread and job.path != path:
                    path += " or " + job.path
            self._log.warning("the loop stood still for %d ms: %s", lag_ms, path)

    def _sweep(self, now: int) -> None:
        for slot in self._slots:
            if slot.is_expired(now):
                slot.owner.cut(TIMED_OUT)
            elif slot.is_at_work():
                slot.owner.cut_if_gone()
        self._lasting.sweep(now)
        self._exchange.intake.sweep(now)
        self.workers.expire(now)
        self._memory.poll(now)
        if self._memory.is_short():
            self._parser.forget()
            self._cut_all(self._memory.must_cut(now))
