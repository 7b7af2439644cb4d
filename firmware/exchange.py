"""One request and its response: the seam to Microdot.

The server asks an application as Microdot's ASGI adapter does: it builds a `Request`, awaits
`dispatch_request`, and sends the `Response`.  How an exception is answered is up to `refusal`.

What is sent at once gives a bool: whether the connection may go on.  What is not gives a coroutine
of one.  So a quick response costs no coroutine, and whoever awaits one holds no request.
"""

import asyncio
from time import ticks_ms

from microdot import Response

from firmware.http1 import HTTPError, RequestLine
from firmware.intake import UPDATES, Intake
from firmware.kinds import adapt, is_plain
from firmware.pieces import close
from firmware.refusal import Refusals
from firmware.request import ServedRequest
from firmware.response import Sender
from firmware.slots import BUSY, SENDING

# What `status` answers, unless the application has it.
_OWN = ("/status", "/status.json", "/metrics", "/log")
_GETTING = ("GET", "HEAD")
_UNSAFE = ("POST", "PUT", "DELETE", "PATCH")


class Exchange:
    """Serves the requests of an application; one for the whole server.

    app      a Microdot application
    workers  the `WorkerPool` of its long handlers
    lasting  knows the connections that last
    memory   its `Memory`
    limits   the settings of section "server", by name
    is_draining    the server stops: no connection is kept alive
    path           of the request that came last
    intake         takes in the bodies of requests
    refuse_head    see `Refusals`
    own            gives the response to a request for what the board answers itself, or a coroutine
                   of it, or None, then the application has it; or is None
    """

    def __init__(
        self,
        app: "Microdot",
        workers: "WorkerPool",
        lasting: "Lasting",
        memory: "Memory",
        log: "Log",
        limits: dict,
    ) -> None:
        self.is_draining = False
        self.path = "no request yet"
        self.own: Function | None = None
        self.intake = Intake(app, memory, limits)
        self.sender = Sender(memory, log, limits["keep_alive_timeout_ms"])
        self._refusals = Refusals(app, log, self.sender)
        self.refuse_head = self._refusals.refuse_head
        self._app = app
        self._workers = workers
        self._lasting = lasting
        self._log = log

    async def begin(self, wire: "Wire", head: "Head") -> "Anything":
        """One request and its response; whether the connection may go on.

        Of a response that may take longer it returns a coroutine for that, to be awaited by who
        holds nothing of the request: a stream may last, and its head and body are not needed.
        Raises HTTPError for a request that no handler can see; MemoryError; OSError and EOFError
        when the client is gone.
        """
        slot = wire.slot
        body: Body | None = None
        request: Anything = None
        response: Anything = None
        sent: Anything = None
        keep_alive = head.keep_alive
        try:
            try:
                data: bytes | None = b""
                if head.content_length != 0:
                    body = await self.intake.expect(wire, head)
                    data = await self.intake.receive(wire, head, body)
                slot.enter(BUSY, ticks_ms())
                request = ServedRequest(self._app, head, wire, body, data)
                answer = self._admit(request, head) or self._app.dispatch_request(request)
                response = answer if isinstance(answer, Response) else await answer
                if body and (body.is_cut or body.failure):
                    await self.intake.end(body, response)
            except Exception as error:
                keep_alive = False
                request, response = await self._refusals.refuse(
                    error, request, response, wire, head
                )
            sent = self._begin_response(wire, head, request, response, keep_alive, body)
        finally:
            # A coroutine gives back itself.  None: there is no response, or no memory to send it.
            leaving = (sent is None or isinstance(sent, bool)) and self._release(wire, body)
            if leaving:
                await leaving
            if sent is None and response:
                await close(response.body)
        return sent

    def _begin_response(
        self,
        wire: "Wire",
        head: "Head",
        request: "Request",
        response: "Response",
        keep_alive: bool,
        body: "Body | None",
    ) -> "Anything":
        """What `begin` returns.  A coroutine gives back what the request has taken."""
        self._lasting.note(wire.slot, request.route)
        keep_alive = keep_alive and not (self.is_draining or wire.is_dropped)
        if not (body or wire.is_answered or wire.made is not None) and is_plain(response):
            sent = self.sender.send_plain(wire, head, response, keep_alive)
        else:
            wire.request = request
            line = RequestLine(head.method, head.minor)
            sent = self._send(wire, line, response, keep_alive, body)
        if isinstance(sent, bool):
            return sent
        if body and body.is_whole:  # what the handler still holds, the heap itself shows
            self.intake.give_back(body)
        return self._finish(wire, sent, body)

    async def _finish(self, wire: "Wire", sending: "Anything", body: "Body | None") -> bool:
        """Sends a response, and gives back what its request has taken."""
        try:
            return await sending and not (self.is_draining or wire.is_dropped)
        finally:
            wire.request = None
            leaving = self._release(wire, body)
            if leaving:
                await leaving

    def _release(self, wire: "Wire", body: "Body | None") -> "Anything":
        """Gives back what the request has taken; what is to be awaited for that, if anything."""
        is_read = False
        if body:
            self.intake.give_back(body)
            is_read = body.close()
        self._workers.release(wire)
        made = wire.made
        if made is not None:
            wire.made = None
        return _leave(made, is_read) if is_read or made is not None else None

    async def _send(
        self,
        wire: "Wire",
        line: "RequestLine",
        response: "Response",
        keep_alive: bool,
        body: "Body | None",
    ) -> bool:
        """Sends a response, or a 500 if it can't be sent; whether the connection may go on."""
        path = wire.request.path
        if body:
            keep_alive = keep_alive and self.intake.is_drainable(body)
        try:
            if response is Response.already_handled or wire.is_answered:
                Response.already_handled.headers.clear()  # it is one for all
                return False  # a WebSocket that has ended
            if not is_plain(response) and adapt(wire, response):
                self._lasting.begin_stream(wire.slot)
            keep_alive = await _result(self.sender.send(wire, line, response, keep_alive))
        except MemoryError:
            raise
        except Exception as error:
            if wire.slot.state == SENDING:  # before that, an OSError or EOFError is the handler's
                raise
            response = await self._refusals.replace(wire.request, response, error)
            keep_alive = await _result(self.sender.send(wire, line, response, keep_alive))
        finally:
            body_made = response and response.body
            if not isinstance(body_made, bytes) and body_made is not wire.made:
                await close(body_made)
        if body and body.close():
            self._log.warning("%s: a task that still reads it is cancelled", path)
            await asyncio.sleep(0)
        if not body or body.is_whole or not keep_alive:
            return keep_alive
        return await self.intake.drain(wire, body)

    def _admit(self, request: "Request", head: "Head") -> "Anything":
        """None for a request that goes to the application; else the board's own response, or a
        coroutine of it.

        Raises HTTPError for a request that no handler is to see.
        """
        path = self.path = request.path
        if head.target.find("%", len(path)) >= 0:
            try:
                request.args  # noqa: B018
            except ValueError:  # a query that can't be decoded
                raise HTTPError(400)
        is_own = path in _OWN and head.method in _GETTING and self._find(request) == 404
        if is_own or path.startswith(UPDATES):
            own = self.own and self.own(request)
            if own:
                return own
        if head.method not in _UNSAFE and not self.intake.has_method(head):
            raise HTTPError(501)
        self._log.info("uri: %s", path)
        if not self._lasting.admits(request, head):
            raise HTTPError(503)
        return None

    def _find(self, request: "Request") -> "Anything":
        return self._app.find_route(request)[0]


async def _leave(made: "Anything", is_read: bool) -> None:
    """Closes the body of a response; whoever was still reading the request leaves before."""
    try:
        if is_read:
            await asyncio.sleep(0)
    finally:
        await close(made)


async def _result(given: "Anything") -> bool:
    """What was given, or what the coroutine that was given returns."""
    return given if isinstance(given, bool) else await given
