"""Where an exception becomes an answer: its status, and the response that tells it.

`status_of` gives the status, also to a client that the application never hears of.  Once there is
a request, `Refusals` goes through the application's own handlers of errors, so that a page of
another origin sees a 413, too.  What it can't answer it raises again, and `farewell` has the last
word.
"""

import asyncio
import json
from time import ticks_ms

from microdot import Response
from microdot.microdot import invoke_handler

from firmware.encode import ResponseError, error_text
from firmware.http1 import Head, HTTPError
from firmware.pieces import close
from firmware.request import ServedRequest
from firmware.slots import BUSY, PURGED, SENDING, TIMED_OUT

# What to raise so that a client is not refused.
_SETTINGS = {
    408: "recv_wait_timeout_ms",
    413: "max_body_len",
    414: "max_uri_len",
    431: "max_req_hdr_len",
    503: "max_open_sockets",
}
_OF_MEMORY = (MemoryError, RuntimeError)  # heap, or stack: no setting helps
_ALLOCATION = "memory alloc"  # how MicroPython's own words begin
_NO_HEAD = b"OPTIONS * HTTP/1.0\r\n\r\n"  # the request of one that was not understood


def status_of(error: BaseException, reason: int) -> int:
    """The status that an exception is answered with; 0 for none, the connection is closed.

    reason  why the connection was cut, if `error` is a cancellation
    """
    if isinstance(error, HTTPError):
        return error.status
    if isinstance(error, MemoryError):
        return 503
    if isinstance(error, asyncio.CancelledError) and reason:
        return 408 if reason == TIMED_OUT else 503 if reason == PURGED else 0
    return 500  # a handler that was cancelled by something of its own, too


def note_refusal(log: "Log", wire: "Wire", status: int, error: object = None) -> None:
    """Logs that a client is refused, with the setting to raise if there is one."""
    setting = not isinstance(error, _OF_MEMORY) and _SETTINGS.get(status)
    text = "refused with %d: %s; server.%s" if setting else "refused with %d: %s%s"
    log.info(text, status, wire.address, setting or "")


def trace_to(log: "Log") -> "Function":
    """What logs an exception that Microdot has met."""

    def trace(error: Exception) -> None:
        if isinstance(error, MemoryError) and not str(error).startswith(_ALLOCATION):
            log.error("out of memory: %s", error)  # the server's own refusal
        elif not (isinstance(error, EOFError) and error.args):  # else the client has closed
            log.exception("request failed", error)

    return trace


def _refused_with(error: Exception) -> int:
    """The status of what was refused before a handler saw it; 0 of what has failed."""
    if isinstance(error, HTTPError):
        return error.status
    # The pattern of a route takes a step of the stack for each character of a path.
    return 414 if isinstance(error, RuntimeError) and "recursion" in str(error) else 0


class Refusals:
    """Responses to what is refused, or has failed; one for the whole server.

    app     a Microdot application
    sender  of responses
    """

    def __init__(self, app: "Microdot", log: "Log", sender: "Sender") -> None:
        self._app = app
        self._log = log
        self._sender = sender

    async def refuse(
        self,
        error: Exception,
        request: "Anything",
        replaced: "Response | None",
        wire: "Wire",
        head: "Head",
    ) -> "tuple[Request, Response]":
        """The request that is refused, and the response; raises `error` again if there is none."""
        status = _refused_with(error)
        if status:
            request = request or self._begin(wire, head)
            note_refusal(self._log, wire, status, error)
        elif not request or not wire.is_read or isinstance(error, MemoryError):
            raise error  # the client is gone, or the next step may do better
        else:  # of a handler of errors
            self._log.exception("request failed", error)
        return request, await self._make_response(request, status or 500, replaced)

    async def replace(
        self, request: "Anything", response: "Response", error: Exception
    ) -> "Response":
        """The response to send in the place of one that can't be sent.

        Its status is that of an `abort()`, or of `Busy`, else 500.  Logs one line for what is no
        response, a traceback for a body that raises.
        """
        status = getattr(error, "status_code", 0)
        if isinstance(error, ResponseError):
            self._log.error("%s %s: %s", request.method, request.path, error)
        elif not status:
            self._log.exception("request failed", error)
        return await self._make_response(request, status or 500, response)

    async def refuse_head(self, wire: "Wire", status: int) -> bool:
        """Sends what the application words the refusal of a head with; whether it does.

        Its handler gets a request with the path "*": there is no other.
        """
        if status not in self._app.error_handlers:
            return False
        head = Head(_NO_HEAD, len(_NO_HEAD))
        response: Anything = None
        try:
            response = await self._make_response(self._begin(wire, head), status, None)
            sent = self._sender.send(wire, head, response, False)
            if not isinstance(sent, bool):
                await sent
        except (OSError, EOFError):
            raise
        except Exception as error:
            self._log.exception("request failed", error)
            return wire.slot.state == SENDING
        finally:
            if response:
                await close(response.body)
        return True

    def _begin(self, wire: "Wire", head: "Head") -> "Request":
        """The request of a head, or of a body, that was refused, for the application's handlers."""
        request = ServedRequest(self._app, head, wire, None, b"")
        request.content_length = head.content_length or 0
        wire.slot.enter(BUSY, ticks_ms())
        return request

    async def _make_response(
        self, request: "Anything", status: int, replaced: "Response | None"
    ) -> "Anything":
        """The response to a request that is refused, as the application words it if it does.

        replaced  what its handler has returned
        """
        if replaced and replaced.body is not request.wire.made:
            await close(replaced.body)
        try:
            result = await self._ask_application(request, status)
        except MemoryError:
            raise
        except Exception as error:
            self._log.exception("request failed", error)
            result = Response(error_text(status), status)
        if status == 503:
            result.headers["Retry-After"] = "1"
        for name in getattr(request.g, "_vary", ()):  # as Microdot does it
            vary = result.headers.get("Vary")
            result.headers["Vary"] = vary + ", " + name if vary else name
        return result

    async def _ask_application(self, request: "Request", status: int) -> "Anything":
        """What the application says to a refusal; its handlers may raise anything."""
        app = self._app
        result = await app.error_response(request, status, error_text(status).decode())
        if isinstance(result, tuple):
            result = Response(*result)
        elif not isinstance(result, Response):
            result = Response(result)
        for handler in app.get_request_handlers(request, "after_error_request", True):
            result = await invoke_handler(handler, request, result) or result
        return result


async def refuse_malformed(request: "Anything", error: Exception) -> "Anything":
    """JSON or a form that can't be read is the client's error; None for a ValueError of others."""
    kind = request.content_type or ""
    incoming = request._incoming
    if incoming and incoming.is_whole and not request.body:  # the handler has read it itself
        kind = ""
    try:  # as Microdot's `json` and `form` do it, which most applications go without
        if kind.startswith("application/json"):
            json.loads(request.body.decode())
        elif kind.startswith("application/x-www"):
            request._parse_urlencoded(request.body)
        if not request.is_malformed:
            return None
    except ValueError:
        pass
    return await request.app.error_response(request, 400, error_text(400).decode())


async def refuse_exhausted(request: "Request", error: Exception) -> tuple:
    """Memory is exhausted: the next request may find some."""
    return error_text(503).decode(), 503, {"Retry-After": "1"}
