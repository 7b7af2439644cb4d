"""The life of one connection: requests in, responses out, on the slot it was given.

A `Connection` is made once for each slot, with one task that lives as long as the server.  That
task alone owns the socket: it serves it, and it alone closes it.  Whoever wants it closed writes
the reason on the slot and cancels the task (`cut`).  A connection ends in one of these ways:

1. the client closes, between two requests or in the middle of one (OSError, EOFError, None);
2. the response was the last one: `Connection: close`, HTTP/1.0, a stop, an error of the client;
3. it was cut: purged, timed out (408 if part of a request had come), stopped, client gone;
4. something that nobody foresaw: a traceback in the log, and the connection is closed.

Microdot is the application: a `Request` is built and dispatched, and its response sent.
"""

import asyncio
import gc
from time import ticks_add, ticks_diff, ticks_ms

from microdot import Response
from micropython import const

from firmware.body import Body
from firmware.http1 import Head, HTTPError, head_length
from firmware.response import encode_error
from firmware.service import Service
from firmware.slots import BUSY, GONE, NOT_CUT, READING, TIMED_OUT
from firmware.wire import Wire

# After an answer that the client may not expect yet, what he still sends is read and thrown away,
# because closing a socket with unread bytes resets it, and the reset can overtake the answer.
_LINGER_MS = const(1000)
_QUIET_MS = const(200)
_LINGER_BLOCK_LEN = const(1024)


class Connection:
    """Serves the connections that are put on `slot`, one after the other."""

    def __init__(self, service: Service, slot):
        self.task: asyncio.Task | None = None
        self._service = service
        self._slot = slot
        self._wire: Wire | None = None
        self._arrived = asyncio.Event()
        self._address = None
        self._body: Body | None = None  # of the present request, if it has one
        self._is_dispatched = False  # the application has the present request
        slot.owner = self

    def take(self, sock, address):
        """A freshly accepted socket, for the task to serve.  The slot must be free."""
        service = self._service
        self._wire = Wire(sock, service.table, self._slot, service.send_wait_timeout_ms)
        self._address = address
        service.table.open(self._slot, ticks_ms(), service.recv_wait_timeout_ms)
        self._arrived.set()

    def cut(self, reason: int):
        """Ends the connection from outside, for a reason of `slots`.  Only the first one counts."""
        self._service.table.cut(self._slot, reason, ticks_ms())
        if self.task:
            self.task.cancel()

    def look(self):
        """Finds out whether the client has gone while his request is at work; the reaper calls it.

        The task is busy and does not read.  A client that closes, or only closes his sending half,
        counts as gone, as with nginx and uvicorn.
        """
        if not self._is_dispatched or self._slot.reason or (self._body and not self._body.is_whole):
            return
        if self._wire.look(self._service.max_req_hdr_len):
            self.cut(GONE)

    async def run(self):
        """The task: serves for ever, until it is cancelled with `is_closing` set."""
        while True:
            try:
                await self._serve()
            except MemoryError:  # even for the way out
                gc.collect()

    async def _serve(self):
        try:
            await self._arrived.wait()
            await self._converse()
        except asyncio.CancelledError:
            self._say_last_word()
            if self._service.is_closing:
                raise
        except (OSError, EOFError):
            pass  # the client is gone
        except MemoryError as error:
            self._service.log.error("out of memory: %s", error)
            if not self._wire.is_answered:
                self._wire.send_now(self._service.busy_response)
        except Exception as error:
            self._service.log.exception("connection failed", error)
        finally:
            self._hang_up()

    async def _converse(self):
        service = self._service
        while True:
            self._wire.is_answered = False
            try:
                head = await self._receive_head()
                if head is None or not await self._exchange(head) or self._slot.reason:
                    return
            except HTTPError as error:
                await self._reject(error.status)
                return
            service.table.idle(self._slot, ticks_add(ticks_ms(), service.keep_alive_timeout_ms))
            service.on_room()
            if self._wire.received:
                await asyncio.sleep(0)  # one with many requests in a row lets the others in

    async def _receive_head(self):
        """The next `Head`, None when the client closes instead."""
        service = self._service
        wire = self._wire
        while True:
            if wire.received:
                wire.received = wire.received.lstrip(b"\r\n")  # RFC 9112, 2.2
                length = head_length(wire.received, service.max_uri_len, service.max_req_hdr_len)
                if length:
                    return Head(wire.use(length), service.max_uri_len)
                self._begin_reading()
            if not await wire.fill(service.max_req_hdr_len):
                return None

    def _begin_reading(self):
        """Part of a request is there: one deadline for the whole rest, however it drips."""
        if self._slot.state != READING:
            service = self._service
            deadline = ticks_add(ticks_ms(), service.recv_wait_timeout_ms)
            service.table.reading(self._slot, deadline)
            service.on_room()

    async def _exchange(self, head):
        """One request and its response; whether the connection may go on."""
        service = self._service
        body = data = None
        if head.content_length != 0:
            body, data = await self._receive_body(head)
        service.table.busy(self._slot)
        request = service.build_request(head, self._address, self._wire, body, data)
        service.log.info("uri: %s", request.path)
        self._body = body
        self._is_dispatched = True
        try:
            response = await service.dispatch(request)
            if body and body.failure:
                raise HTTPError(body.failure)
            keeps = head.keep_alive and not service.is_draining
            if body:
                keeps = keeps and body.is_drainable(service.max_body_len)
            return await self._send(head, response, keeps) and await self._drain(body)
        finally:
            self._is_dispatched = False
            self._body = None
            service.workers.release(request)

    async def _receive_body(self, head):
        """(Body, its bytes); None for the bytes of one that is left to be streamed."""
        service = self._service
        limit = service.max_body_len
        max_len = max(service.max_content_len(), limit)
        if head.content_length is not None and head.content_length > max_len:
            raise HTTPError(413)
        body = Body(self._wire, head, max_len, limit, service.recv_wait_timeout_ms)
        service.table.reading(self._slot, None)
        service.on_room()
        data = await body.read_whole(limit)
        return body, data

    async def _drain(self, body):
        """Whether the next request begins where the wire stands, if need be after the rest."""
        if body is None or body.is_whole:
            return True
        self._service.table.reading(self._slot, None)
        return await body.drain(self._service.max_body_len)

    async def _send(self, head, response, keeps):
        if response is Response.already_handled:  # a WebSocket that has ended
            return False
        try:
            return await self._service.sender.send(self._wire, head, response, keeps)
        except ValueError as error:
            self._service.log.exception("response refused", error)
            raise HTTPError(500)

    # Ending.

    async def _reject(self, status):
        """Answers a request that is not served, and lingers until the answer has been read."""
        wire = self._wire
        if wire.is_answered:
            return
        table = self._service.table
        table.busy(self._slot)
        self._service.log.debug("rejected with %d", status)
        await wire.send(encode_error(status))
        end = ticks_add(ticks_ms(), _LINGER_MS)
        table.idle(self._slot, end)
        self._service.on_room()
        wire.received = b""
        while True:
            left_ms = ticks_diff(end, ticks_ms())
            wire.set_deadline(min(_QUIET_MS, left_ms))
            if not await wire.receive(_LINGER_BLOCK_LEN):
                return

    def _say_last_word(self):
        """What a cut client is still told, if it goes out at once."""
        slot = self._slot
        if self._wire is None or self._wire.is_answered:
            return
        if slot.reason == TIMED_OUT and (slot.state == READING or slot.state == BUSY):
            self._wire.send_now(encode_error(408))
        elif slot.reason == NOT_CUT and slot.state == BUSY:
            # The handler was cancelled by something of its own.
            self._wire.send_now(encode_error(500))

    def _hang_up(self):
        if self._wire:
            self._wire.close()
        self._wire = self._address = None
        self._arrived.clear()
        self._service.table.release(self._slot)
        self._service.on_room()
