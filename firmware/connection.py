"""The life of one connection: requests in, responses out, on the slot it was given.

A `Connection` is made once for each slot, with one task that lives as long as the server.  That
task alone owns the socket: it serves it, and it alone closes it.  Whoever wants it closed writes
the reason on the slot and cancels the task (`cut`).  A connection ends in one of these ways:

1. the client closes, between two requests or in the middle of one (OSError, EOFError, None);
2. the response was the last one: `Connection: close`, HTTP/1.0, a stop, an error of the client;
3. it was cut: purged, timed out (408 if part of a request had come), stopped, client gone;
4. something that nobody foresaw: a traceback in the log, and the connection is closed.
"""

import asyncio
import gc
from time import ticks_add, ticks_diff, ticks_ms

from microdot import Response
from micropython import const

from firmware.http1 import HTTPError
from firmware.response import encode_error
from firmware.service import Service
from firmware.slots import BUSY, GONE, IDLE, NEW, NOT_CUT, READING, TIMED_OUT
from firmware.wire import Wire

# After an answer that the client may not expect yet, what he still sends is read and thrown away,
# because closing a socket with unread bytes resets it, and the reset can overtake the answer.
_LINGER_MS = const(1000)
_QUIET_MS = const(200)
_BLOCK_LEN = const(1024)  # received at a time
_RETRY_MS = const(100)


class Connection:
    """Serves the connections that are put on `slot`, one after the other."""

    def __init__(self, service: Service, slot):
        self.task: asyncio.Task | None = None
        self._service = service
        self._slot = slot
        self._wire: Wire | None = None
        self._arrived = asyncio.Event()
        self._address = None
        self._body = None  # of the present request, if it has one

    def take(self, sock, address):
        """A freshly accepted socket, for the task to serve.  The slot must be free."""
        service = self._service
        self._wire = Wire(sock, self._slot, service.send_wait_timeout_ms)
        self._address = address
        self._slot.enter(NEW, ticks_ms(), service.recv_wait_timeout_ms)
        self._arrived.set()

    def cut(self, reason: int):
        """Ends the connection from outside, for a reason of `slots`.  Only the first one counts."""
        self._slot.cut(reason, ticks_ms())
        if self.task:
            self.task.cancel()

    def look(self):
        """Finds out whether the client has gone while his request is at work; the reaper calls it.

        A client that only closes his sending half counts as gone, as with nginx and uvicorn.
        """
        if self._slot.reason or (self._body and not self._body.is_whole):
            return
        try:
            is_gone = self._wire.look(self._service.max_req_hdr_len)
        except MemoryError:
            is_gone = True  # or his next request is torn
        if is_gone:
            self.cut(GONE)

    async def run(self):
        """The task: serves for ever, until it is cancelled with `is_closing` set."""
        service = self._service
        is_short = False
        while True:
            try:
                try:
                    if is_short:  # others may give some back
                        is_short = False
                        await asyncio.sleep_ms(_RETRY_MS)  # which takes none
                    await self._arrived.wait()
                    # He has often sent his request already: that saves waiting for it.
                    if not self._wire.look(service.max_req_hdr_len, _BLOCK_LEN):
                        await self._converse()
                except asyncio.CancelledError:
                    self._say_last_word()
                    if service.is_closing:
                        raise
                except (OSError, EOFError):
                    pass  # the client is gone
                except MemoryError as error:  # even to wait, or to refuse
                    is_short = True
                    self._give_up(error)
                except Exception as error:
                    service.log.exception("connection failed", error)
                finally:
                    self._hang_up()
            except MemoryError:  # even for the way out
                is_short = True

    async def _converse(self):
        service = self._service
        slot = self._slot
        wire = self._wire
        while True:
            head = refusal = None
            try:
                head = self._parse() if wire.received else None
                while head is None:
                    if not await wire.fill(service.max_req_hdr_len):
                        return
                    head = self._parse()
                if not await self._exchange(head) or slot.reason:
                    return
            except HTTPError as error:
                service.log.debug("rejected with %d", error.status)
                refusal = encode_error(error.status, not head or head.method != "HEAD")
            except MemoryError as error:
                service.log.error("out of memory: %s", error)
                refusal = service.busy_response
            if refusal:
                if slot.state <= BUSY:
                    slot.work()
                    await self._linger(wire.write(refusal))
                return
            slot.enter(IDLE, ticks_ms(), service.keep_alive_timeout_ms)
            if wire.received:
                await asyncio.sleep(0)  # one with many requests in a row lets the others in

    def _parse(self):
        """The `Head` of the next request, None while it is not complete."""
        service = self._service
        head = service.parse_head(self._wire)
        # One deadline for the whole head, however it drips.
        if head is None and self._wire.received and self._slot.state != READING:
            self._slot.enter(READING, ticks_ms(), service.recv_wait_timeout_ms)
        return head

    async def _exchange(self, head):
        """One request and its response; whether the connection may go on."""
        service = self._service
        slot = self._slot
        wire = self._wire
        body = data = None
        if head.content_length != 0:
            slot.enter(READING)
            body, data = await service.receive_body(wire, head)
        slot.work()
        request = service.build_request(head, self._address, wire, body, data)
        service.log.info("uri: %s", request.path)
        self._body = body
        try:
            response = await service.app.dispatch_request(request)
            if response is Response.already_handled:  # a WebSocket that has ended
                return False
            if response.status_code == 405:
                service.allow(request, response)
            keeps = await service.sender.send(wire, head, response, service.keeps(head, body))
            return keeps and (not body or await self._drain(body))
        except (HTTPError, MemoryError):
            raise
        except Exception as error:
            if slot.state != BUSY:
                raise
            service.log.exception("request failed", error)
            raise HTTPError(500)
        finally:
            self._body = None
            service.workers.release(request)

    async def _drain(self, body):
        """Whether the next request begins where the wire stands, if need be after the rest."""
        self._slot.enter(IDLE, ticks_ms())
        try:
            return await body.drain(self._service.max_body_len)
        except HTTPError:  # he has his answer
            return False

    async def _linger(self, is_sent):
        """Waits until a refusal, if need be its rest that is to be sent yet, has been read."""
        wire = self._wire
        if not is_sent:
            await wire.drain()
        self._slot.enter(IDLE, ticks_ms())
        end = ticks_add(ticks_ms(), _LINGER_MS)
        wire.received = b""
        while True:
            wire.set_deadline(min(_QUIET_MS, ticks_diff(end, ticks_ms())))
            if not await wire.receive(_BLOCK_LEN):
                return

    def _give_up(self, error):
        self._service.log.error("out of memory: %s", error)
        if self._slot.state == NEW:  # else he has been told, as far as that can be
            self._wire.send_now(self._service.busy_response)
        gc.collect()

    def _say_last_word(self):
        """What a cut client is still told, if it goes out at once."""
        if not READING <= self._slot.state <= BUSY:
            return
        reason = self._slot.reason
        if reason == TIMED_OUT:
            self._wire.send_now(encode_error(408))
        elif reason == NOT_CUT:  # something of the handler's own has cancelled him
            self._wire.send_now(encode_error(500))

    def _hang_up(self):
        if self._wire:
            self._wire.close()
        self._wire = self._address = None
        self._arrived.clear()
        self._slot.release()
