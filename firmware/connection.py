"""The life of one connection: requests in, responses out, on the slot it was given.

A `Connection` is made once for each slot, with one task, which serves one client after the other.
That task alone owns the socket: it serves it, and closes it if the application has not.  Who wants
it closed writes the reason on the slot and cancels the task (`cut`).  If a handler was at work, the
task ends with it: MicroPython's `wait_for` may leave something behind that cancels it later, when
it would be another client's.  A connection ends in one of these ways:

1. the client closes, between two requests or in the middle of one (OSError, EOFError, None);
2. the response was the last one: `Connection: close`, HTTP/1.0, a stop, an error of the client;
3. it was cut: purged, timed out (408 if part of a request had come), stopped, client gone;
4. something that nobody foresaw: a traceback in the log, and 500 if no response had begun.
"""

import asyncio
import gc
from time import ticks_ms

from micropython import const

from firmware.encode import NO_CONTENT
from firmware.farewell import date
from firmware.linger import linger
from firmware.long_head import LongHead
from firmware.slots import FREE, GONE, IDLE, NEW, NOT_CUT
from firmware.wire import Wire

_RETRY_MS = const(100)
_SPARE_MS = const(300)  # a client that is turned away has this long to send its request


class Connection:
    """Serves the connections that are put on `slot`, one after the other.

    exchange  what serves a request
    farewell  what tells a client that it is not served
    parser    of heads
    memory    the budget of long heads, and of the messages of a WebSocket
    wait_ms   time that a client has for a head, or for such a message
    limits    the settings of section "server", by name
    is_spare  it only turns away: each client gets 503
    """

    def __init__(
        self,
        slot: "Slot",
        exchange: "Exchange",
        farewell: "Farewell",
        parser: "HeadParser",
        memory: "Memory",
        log: "Log",
        limits: dict,
        is_spare: bool = False,
    ) -> None:
        self.task: asyncio.Task | None = None
        self._slot = slot
        self._exchange = exchange
        self._farewell = farewell
        self._parser = parser
        self.memory = memory
        self.wait_ms = limits["recv_wait_timeout_ms"]
        self._log = log
        self._limits = limits
        self._is_spare = is_spare
        self._wire: Anything = None  # None while there is no connection
        self._method: str | None = None  # of the request at work, when its head is there
        self._says_close = False  # the client, and knows where the response ends
        self._arrived = asyncio.Event()
        self._long_head: LongHead | None = None  # with what it has taken of the budget

    def start(self) -> None:
        """Makes the task that serves; idle when there is one that does."""
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())

    def end(self) -> asyncio.Task | None:
        """From now on a cancellation ends the task, which is the caller's to join."""
        task, self.task = self.task, None
        return task

    def take(self, sock: "Socket", address: tuple) -> None:
        """A freshly accepted socket, for the task to serve.  The slot must be free."""
        self.start()
        send_wait_ms = self._limits["send_wait_timeout_ms"]
        self._wire = Wire(sock, address, self._slot, send_wait_ms, self.memory.radio.has_air)
        wait_ms = self.wait_ms
        self._slot.enter(NEW, ticks_ms(), min(wait_ms, _SPARE_MS) if self._is_spare else wait_ms)
        self._arrived.set()

    def cut(self, reason: int) -> None:
        """Ends the connection from outside, for a reason of `slots`.  Only the first one counts."""
        self._slot.cut(reason, ticks_ms())
        task = self.task
        if task and not task.done():
            task.cancel()
        elif task and self._wire:  # it was cut before it had begun
            self._hang_up()

    def cut_if_gone(self) -> None:
        """Ends it if the client has gone while its request is at work; the reaper calls it.

        A client that only closes its sending half counts as gone, as with nginx and uvicorn.
        """
        wire: Wire = self._wire
        if self._slot.reason:
            return
        try:
            has_gone = wire.has_gone()
            if wire.heart and not has_gone and wire.heart.has_stopped(wire):
                has_gone = True
                if wire.received[:1] != b"\x88":  # else it has said that it closes
                    self._log.info("a WebSocket's client does not answer: %s", wire.address)
        except MemoryError:  # something of the next request may be lost
            has_gone = True
        if has_gone:
            self.cut(GONE)

    async def _run(self) -> None:
        is_exhausted = is_over = False
        while not is_over:
            try:
                try:
                    if is_exhausted:  # others may give memory back
                        is_exhausted = False
                        await asyncio.sleep_ms(_RETRY_MS)  # which takes none
                    await self._arrived.wait()
                    await (
                        self._farewell.turn_away(self._wire) if self._is_spare else self._serve()
                    )
                except asyncio.CancelledError as error:
                    if self._wire and self.task and not self._slot.reason:  # of the application's
                        self._log.exception("request failed", error)
                    self._say_last_word(error)
                    if not self.task:  # by `end`
                        raise
                except (OSError, EOFError):
                    pass  # the client is gone
                except MemoryError as error:  # even to wait, or to refuse
                    is_exhausted = True
                    self._log.error("out of memory: %s", error)
                    self._say_last_word(error)
                    gc.collect()
                except Exception as error:
                    self._log.exception("connection failed", error)
                finally:
                    is_over = self._hang_up()
            except Exception:  # no memory even for the way out; or one that can't be told
                is_exhausted = True

    async def _serve(self) -> None:
        """One request after the other.  Raises EOFError when the client has closed between two.

        What a response is streamed from may last: here nothing is held of its request.
        """
        wire: Wire = self._wire
        keep_alive = True
        while keep_alive:
            self._method = None
            try:
                sent = await self._begin_next(wire)
                keep_alive = sent if isinstance(sent, bool) else await sent
            except (OSError, EOFError):
                raise
            except Exception as error:
                keep_alive = False
                wire.is_read = self._method is not None and wire.is_read
                self._give_back()  # its blocks are gone
                if not await self._farewell.refuse(wire, self._method, error):
                    return
            if self._slot.reason:
                return
            if keep_alive:
                self._slot.enter(IDLE, ticks_ms(), self._limits["keep_alive_timeout_ms"])
                if wire.received:
                    await asyncio.sleep(0)  # one with many requests in a row lets the others in
        await linger(wire, self._says_close and not wire.is_answered)

    async def _begin_next(self, wire: "Wire") -> "Anything":
        """What `Exchange.begin` returns for the next request; EOFError if there is none."""
        # A client has often sent its request already: that saves waiting for it.
        if wire.slot.state == NEW and not wire.receive_now():
            raise EOFError
        received = wire.received
        if received:
            wire.received = b""
        else:
            await wire.wait_readable()
            received = wire.receive_block()
        parsed = received and self._parser.parse(received)
        if received and not parsed:
            wire.received = received
            received = b""  # a long request keeps no block
            parsed = await self._receive_rest(wire)
        if not parsed:
            raise EOFError
        head, wire.received = parsed
        received, parsed = b"", None
        self._method = head.method
        self._says_close = not head.keep_alive and head.minor > 0
        serve = self._answer_own if head.is_server_wide() else self._exchange.begin
        sent = await serve(wire, head)
        if self._long_head:
            self._give_back()
        return sent

    def _receive_rest(self, wire: "Wire") -> "Anything":
        received, wire.received = wire.received, b""
        self._long_head = LongHead(self.memory, self._parser, self.wait_ms)
        return self._long_head.receive(wire, received)

    async def _answer_own(self, wire: "Wire", head: "Head") -> bool:
        await wire.send_short(NO_CONTENT % date())
        return False

    def _say_last_word(self, error: BaseException) -> None:
        if self._wire:
            self._farewell.say_last_word(self._wire, self._method, error, self._is_spare)

    def _give_back(self) -> None:
        if self._long_head:
            self._long_head.give_back()
            self._long_head = None

    def _hang_up(self) -> bool:
        """The end of a connection; whether the task's, too: it was cut at work.

        Not while memory is short: the next task would lie where the heap has grown, and stay there.
        """
        slot = self._slot
        is_over = slot.reason != NOT_CUT and slot.is_at_work() and not self.memory.is_short()
        self._give_back()
        if self._wire:
            self._wire.close()
            self._free_ctx(self._wire.sess_ctx)
        self._wire = self._method = None
        self._arrived.clear()
        if slot.state != FREE:
            slot.enter(FREE, ticks_ms())
        return is_over

    def _free_ctx(self, sess_ctx: "Anything") -> None:
        try:
            if hasattr(sess_ctx, "close"):
                sess_ctx.close()
        except Exception as error:
            self._log.exception("connection failed", error)
