"""The life of one connection: requests in, responses out, on the slot it was given.

A `Connection` is made once for each slot, with one task that lives as long as the server.  That
task alone owns the socket: it serves it, and it alone closes it.  Whoever wants it closed writes
the reason on the slot and cancels the task (`cut`).  A connection ends in one of these ways:

1. the client closes, between two requests or in the middle of one (OSError, EOFError, "");
2. the response was the last one: `Connection: close`, HTTP/1.0, a stop, an error of the client;
3. it was cut: purged, timed out (408 if part of a request had come), stopped, client gone;
4. something that nobody foresaw: a traceback in the log, and the connection is closed.

Microdot is the application: a `Request` is built, dispatched, and its response written here.
"""

import asyncio
import errno
from time import ticks_add, ticks_diff, ticks_ms

from microdot import Request, Response
from micropython import const

from firmware.http1 import Head, HTTPError, encode_chunk, encode_head, head_length, reason_of
from firmware.slots import BUSY, GONE, NOT_CUT, READING, TIMED_OUT

_BLOCK_LEN = const(1024)  # received at a time
_ONE_WRITE_LEN = const(2048)  # a body up to this is sent with its head in one piece
# After an answer that the client may not expect yet, what he still sends is read and thrown away,
# because closing a socket with unread bytes resets it, and the reset can overtake the answer.
_LINGER_MS = const(1000)
_QUIET_MS = const(200)


class Service:
    """What all connections of a server share: collaborators and limits.

    app       a Microdot application
    workers   its `release(request)` is called at the end of each request
    table     the `SlotTable`
    on_room   called when a slot is released or becomes purgeable
    is_draining  the server stops: no connection is kept alive
    is_closing   the tasks are to end
    """

    def __init__(self, app, workers, table, log, on_room, limits):
        self.app = app
        self.workers = workers
        self.table = table
        self.log = log
        self.on_room = on_room
        self.is_draining = False
        self.is_closing = False
        self.max_req_hdr_len = limits["max_req_hdr_len"]
        self.max_uri_len = limits["max_uri_len"]
        self.max_body_len = limits["max_body_len"]
        self.recv_wait_timeout_ms = limits["recv_wait_timeout_ms"]
        self.send_wait_timeout_ms = limits["send_wait_timeout_ms"]
        self.keep_alive_timeout_ms = limits["keep_alive_timeout_ms"]


class Connection:
    """Serves the connections that are put on `slot`, one after the other."""

    def __init__(self, service: Service, slot):
        self.task: asyncio.Task | None = None
        self._service = service
        self._slot = slot
        self._arrived = asyncio.Event()
        self._sock = None
        self._stream = None
        self._address = None
        self._received = b""  # and not yet used: part of a head, or what was pipelined
        self._is_head_sent = False
        self._is_watching = False
        slot.owner = self

    def take(self, sock, address):
        """A freshly accepted socket, for the task to serve.  The slot must be free."""
        self._sock = sock
        self._stream = asyncio.StreamReader(sock)
        self._address = address
        service = self._service
        service.table.open(self._slot, ticks_ms(), service.recv_wait_timeout_ms)
        self._arrived.set()

    def cut(self, reason: int):
        """Ends the connection from outside, for a reason of `slots`.  Only the first one counts."""
        if self._slot.reason == NOT_CUT:
            self._slot.reason = reason
        if self.task:
            self.task.cancel()

    def look(self):
        """Finds out whether the client has gone while his request is at work; the reaper calls it.

        The task is busy and does not read.  A client that closes, or only closes his sending half,
        counts as gone, as with nginx and uvicorn.  What is pipelined is kept, up to the limit.
        """
        room = self._service.max_req_hdr_len - len(self._received)
        if not self._is_watching or self._slot.reason or room <= 0:
            return
        try:
            block = self._sock.recv(min(_BLOCK_LEN, room))
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return
            block = b""
        if block:
            self._received += block
        else:
            self.cut(GONE)

    async def run(self):
        """The task: serves for ever, until it is cancelled with `is_closing` set."""
        while True:
            try:
                await self._arrived.wait()
                await self._converse()
            except asyncio.CancelledError:
                self._say_last_word()
                if self._service.is_closing:
                    raise
            except (OSError, EOFError):
                pass  # the client is gone
            except Exception as error:
                self._service.log.exception("connection failed", error)
            finally:
                self._hang_up()

    async def _converse(self):
        service = self._service
        while True:
            self._is_head_sent = False
            try:
                head = await self._receive_head()
                if head is None or not await self._exchange(head):
                    return
            except HTTPError as error:
                await self._reject(error.status)
                return
            service.table.idle(self._slot, ticks_add(ticks_ms(), service.keep_alive_timeout_ms))
            service.on_room()
            if self._received:
                await asyncio.sleep(0)  # one with many requests in a row lets the others in

    # Receiving.

    async def _receive_head(self):
        """The next `Head`, None when the client closes instead."""
        service = self._service
        while True:
            if self._received:
                self._received = self._received.lstrip(b"\r\n")  # RFC 9112, 2.2
                length = head_length(self._received, service.max_uri_len, service.max_req_hdr_len)
                if length:
                    raw = self._received[:length]
                    self._received = self._received[length:]
                    return Head(raw, service.max_uri_len)
                self._await_rest()
            block = await self._receive(service.max_req_hdr_len - len(self._received))
            if not block:
                return None
            self._received += block
            self._await_rest()

    async def _receive(self, limit):
        """Up to `limit` bytes; b"" when the client has closed."""
        # read(0) waits; reading itself is left to recv(), since the stream's read() asks the
        # socket a second time, for what is missing to `limit`.
        await self._stream.read(0)
        block = self._sock.recv(min(_BLOCK_LEN, limit))
        self._service.table.touch(self._slot)
        return block

    def _await_rest(self):
        """Part of a request is there: one deadline for the whole rest, however it drips."""
        if self._slot.state != READING:
            service = self._service
            deadline = ticks_add(ticks_ms(), service.recv_wait_timeout_ms)
            service.table.reading(self._slot, deadline)
            service.on_room()

    async def _receive_body(self, head):
        """The whole body."""
        length = head.content_length
        if length == 0:
            return b""
        service = self._service
        if length is None:
            raise HTTPError(501)
        if length > service.max_body_len:
            raise HTTPError(413)
        service.table.reading(self._slot, ticks_add(ticks_ms(), service.recv_wait_timeout_ms))
        body = bytearray(length)
        received = self._received[:length]
        self._received = self._received[length:]
        body[: len(received)] = received
        at = len(received)
        if head.expects_continue and at == 0:
            await self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        while at < length:
            block = await self._receive(length - at)
            if not block:
                raise EOFError
            body[at : at + len(block)] = block
            at += len(block)
        return bytes(body)

    # A request at work.

    async def _exchange(self, head):
        """One request and its response; whether the connection may go on."""
        service = self._service
        body = await self._receive_body(head)
        service.table.busy(self._slot)
        request = self._build_request(head, body)
        service.log.info("uri: %s", request.path)
        self._is_watching = True
        try:
            response = await self._dispatch(request)
            return await self._respond(head, response)
        finally:
            self._is_watching = False
            service.workers.release(request)

    def _build_request(self, head, body):
        try:
            return Request(
                self._service.app,
                self._address,
                head.method,
                head.target,
                "1.%d" % head.minor,
                head.headers,
                body=body,
                sock=(self._stream, self._stream),
            )
        except (ValueError, UnicodeError):  # a query that can't be decoded
            raise HTTPError(400) from None

    async def _dispatch(self, request):
        try:
            return await self._service.app.dispatch_request(request)
        except Exception as error:  # Microdot has caught the handler's: an error handler's
            self._service.log.exception("dispatch failed", error)
            raise HTTPError(500) from None

    # Sending.

    async def _respond(self, head, response):
        if response is Response.already_handled:
            return False
        response.complete()
        status = response.status_code
        has_body = not (response.is_head or status < 200 or status == 204 or status == 304)
        if not has_body and not response.is_head and "Content-Length" in response.headers:
            del response.headers["Content-Length"]  # RFC 9110, 8.6
        wants_close = response.headers.get("Connection", "").lower() == "close"
        keeps = head.keep_alive and not wants_close and not self._service.is_draining
        if isinstance(response.body, bytes):
            await self._send_short(head, response, has_body, keeps)
            return keeps
        return await self._send_stream(head, response, has_body, keeps)

    async def _send_short(self, head, response, has_body, keeps):
        data = self._encode_head(head, response, keeps)
        if has_body and len(response.body) <= _ONE_WRITE_LEN:
            data += response.body
        await self._send(data)
        if has_body and len(response.body) > _ONE_WRITE_LEN:
            await self._send(response.body)

    async def _send_stream(self, head, response, has_body, keeps):
        """Whether the connection may go on: not if its end is the end of the body."""
        is_sized = "Content-Length" in response.headers
        is_chunked = head.minor == 1 and not is_sized
        body = response.body_iter()
        try:
            body = body.__aiter__()
            extra = "Transfer-Encoding: chunked\r\n" if is_chunked else ""
            keeps = keeps and (is_chunked or is_sized or not has_body)
            await self._send(self._encode_head(head, response, keeps, extra))
            if has_body:
                await self._send_pieces(body, is_chunked)
        finally:
            if hasattr(body, "aclose"):
                await body.aclose()
        return keeps

    async def _send_pieces(self, body, is_chunked):
        while True:
            try:
                piece = await body.__anext__()
            except StopAsyncIteration:
                break
            except Exception as error:  # the head is sent: only a cut tells the client
                self._service.log.exception("response body failed", error)
                raise EOFError from None
            if isinstance(piece, str):
                piece = piece.encode()
            if piece:
                await self._send(encode_chunk(piece) if is_chunked else piece)
        if is_chunked:
            await self._send(b"0\r\n\r\n")

    def _encode_head(self, head, response, keeps, extra=""):
        if keeps and head.minor == 0:
            extra += "Connection: keep-alive\r\n"
        try:
            data = encode_head(
                response.status_code, response.reason, response.headers, not keeps, extra
            )
        except ValueError as error:
            self._service.log.exception("response refused", error)
            raise HTTPError(500) from None
        self._is_head_sent = True
        return data

    async def _send(self, data):
        """Sends all of it, within one deadline for the whole."""
        stream = self._stream
        stream.write(data)
        if not stream.out_buf:
            return  # all went out; drain() would give up the processor for nothing
        before = self._slot.deadline
        self._slot.deadline = ticks_add(ticks_ms(), self._service.send_wait_timeout_ms)
        await stream.drain()
        self._slot.deadline = before

    # Ending.

    async def _reject(self, status):
        """Answers a request that is not served, and lingers until the answer has been read."""
        if self._is_head_sent:
            return
        table = self._service.table
        table.busy(self._slot)
        await self._send(_error_response(status))
        end = ticks_add(ticks_ms(), _LINGER_MS)
        table.idle(self._slot, end)
        self._service.on_room()
        while True:
            quiet = ticks_add(ticks_ms(), _QUIET_MS)
            self._slot.deadline = quiet if ticks_diff(end, quiet) > 0 else end
            if not await self._receive(_BLOCK_LEN):
                return

    def _say_last_word(self):
        """What a cut client is still told, if it goes out at once."""
        slot = self._slot
        if slot.reason == TIMED_OUT and slot.state == READING:
            status = 408
        elif slot.reason == NOT_CUT and slot.state == BUSY and not self._is_head_sent:
            status = 500  # the handler was cancelled by something of its own
        else:
            return
        try:
            self._stream.write(_error_response(status))
        except OSError:
            pass

    def _hang_up(self):
        if self._sock:
            self._sock.close()
        self._sock = self._stream = self._address = None
        self._received = b""
        self._arrived.clear()
        self._service.table.release(self._slot)
        self._service.on_room()


def _error_response(status):
    text = "%d %s\n" % (status, reason_of(status))
    headers = {"Content-Type": "text/plain; charset=UTF-8", "Content-Length": str(len(text))}
    return encode_head(status, None, headers, True) + text.encode()
