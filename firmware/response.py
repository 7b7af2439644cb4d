"""Sends Microdot's responses: one write for a head and a short body.

What is streamed goes out piece by piece, see `pieces`.
"""

import asyncio
import time

from micropython import const

import firmware
from firmware.encode import (
    CHUNKED,
    CLOSE,
    STATUS_OK,
    ResponseError,
    encode_date,
    encode_fields,
    encode_keep_alive,
    encode_length,
    encode_type,
)
from firmware.pieces import PACKET_LEN, StreamedBody
from firmware.slots import SENDING

_RETRY_MS = const(50)  # until a socket that was full is tried again
OK = 200
_WITHOUT_BODY = (204, 205, 304)  # RFC 9110, 15.3.5, 15.3.6 and 15.4.5


class Sender:
    """Sends responses; one for the whole server.

    memory   asked before a large response
    keep_alive_timeout_ms  said to clients whose connection is kept
    """

    _date: int | None
    _kind: str | None
    _connection: bytes | None

    def __init__(self, memory: "Memory", log: "Log", keep_alive_timeout_ms: int) -> None:
        self._memory = memory
        self._log = log
        self._keep_alive = encode_keep_alive(keep_alive_timeout_ms)
        self._keep_alive_1_0 = self._keep_alive + b"Connection: keep-alive\r\n"
        self._date = self._kind = self._connection = None
        self._fields = b""
        self._streams: list = []  # those with pieces that were gathered
        self._gathered = asyncio.Event()

    async def run(self) -> None:
        """The task that sends what was gathered, as soon as whoever makes the pieces waits."""
        while True:
            try:
                await self._gathered.wait()
                self._gathered.clear()
                await asyncio.sleep(0)  # an event stream that fails at once is told by its status
                self._flush()
            except MemoryError:
                await asyncio.sleep_ms(_RETRY_MS)  # which takes none
            if self._streams:  # whose sockets are full
                self._gathered.set()
                await asyncio.sleep_ms(_RETRY_MS)

    def _gather(self, out: "StreamedBody") -> None:
        """Its pieces are sent by `run`, if not before."""
        if out not in self._streams:
            self._streams.append(out)
            self._gathered.set()

    def _flush(self) -> None:
        """Not in `run`, which would keep the last of them in memory while it waits."""
        streams = self._streams
        for at in range(len(streams) - 1, -1, -1):
            if streams[at].flush_now():
                del streams[at]

    def send(
        self, wire: "Wire", head: "RequestLine", response: "Response", keep_alive: bool
    ) -> "Anything":
        """Sends `response` to the request of `head`; whether the connection may go on.

        keep_alive  whether the request and the server allow that
        Returns a coroutine of that when there is more than the socket takes at once.
        The caller closes its body.  Raises ResponseError, before anything is sent, when it can't be
        sent; EOFError when only closing the connection tells the client that the body is
        incomplete.
        """
        body = response.body
        status = response.status_code
        if status is not OK or not isinstance(body, bytes):  # 200.0 is equal to it
            check(response)
            body = response.body
        if not isinstance(body, bytes):
            return self._send_stream(wire, head, response, keep_alive)
        keep_alive = keep_alive and not (response.headers and _wants_close(response.headers))
        data, rest = self._encode(head, response, keep_alive)
        if rest and not self._memory.can_send():
            raise MemoryError("a large response")
        wire.begin(status)
        sent = wire.send_now(data)
        if rest or sent < len(data):
            return self._send_rest(wire, memoryview(data)[sent:], rest, keep_alive)
        return keep_alive

    def send_plain(
        self, wire: "Wire", head: "RequestLine", response: "Response", keep_alive: bool
    ) -> "Anything":
        """As `send`, a 200 with bytes for a body to which the handler has added no field."""
        body: Anything = response.body
        if head.method == "HEAD" or response.reason or len(body) > PACKET_LEN:
            return self.send(wire, head, response, keep_alive)
        common = self._common(head, response, b"", keep_alive)
        data = b"".join((STATUS_OK, encode_length(len(body)), common, body))
        slot = wire.slot
        slot.state = SENDING  # the rest of `Slot.enter` is for who waits
        slot.count(OK)
        sent = wire.send_now(data)
        if sent < len(data):
            return self._send_rest(wire, memoryview(data)[sent:], None, keep_alive)
        return keep_alive

    async def _send_rest(
        self, wire: "Wire", data: memoryview, rest: memoryview | None, keep_alive: bool
    ) -> bool:
        if data:
            await wire.send_rest(data)
        if rest:
            await wire.send(rest)
        return keep_alive

    def _encode(self, head: "RequestLine", response: "Response", keep_alive: bool) -> tuple:
        """(The head and the beginning of a body that is bytes, the rest of it or None)."""
        body = response.body
        status = response.status_code
        has_body = status not in _WITHOUT_BODY
        is_head = head.method == "HEAD"
        text = encode_fields(status, response.reason, response.headers, has_body and is_head)
        length = b""
        if not has_body:
            length = _framing_without_body(status)
        elif not (is_head and b"\ncontent-length:" in text.lower()):
            length = encode_length(len(body))
        if is_head or not has_body:
            body = b""
        rest = None
        if len(body) > PACKET_LEN:
            rest = memoryview(body)[PACKET_LEN:]
            body = body[:PACKET_LEN]
        return b"".join((text, length, self._common(head, response, text, keep_alive), body)), rest

    async def _send_stream(
        self, wire: "Wire", head: "RequestLine", response: "Response", keep_alive: bool
    ) -> bool:
        headers = response.headers
        status = response.status_code
        has_body = status not in _WITHOUT_BODY
        text = encode_fields(status, response.reason, headers, has_body)
        fields = text.lower()
        has_length = b"\ncontent-length:" in fields
        length = _length_of(headers) if has_length and has_body else None
        framing = b"" if has_length else CHUNKED if head.minor else None
        if not has_body:
            framing = _framing_without_body(status)
        keep_alive = keep_alive and framing is not None and not _wants_close(headers)
        has_body = has_body and head.method != "HEAD"
        is_chunked = has_body and framing == CHUNKED
        out = StreamedBody(wire, response, is_chunked, self._gather, self._log)
        piece: Anything = b""
        # A body that fails before the head has left is a 500.  An event stream may be silent first.
        if not has_body:
            piece = length = None
        elif b"\ncontent-type: text/event-stream" not in fields:
            piece = await out.next()
        common = self._common(head, response, text, keep_alive)
        out.framed = b"".join((text, framing or b"", common))
        try:
            await out.send(piece, length)
        finally:
            if out.status and out in self._streams:  # something else is sent in its place
                self._streams.remove(out)
            if wire.heart:
                wire.heart = None
        return keep_alive

    def _common(
        self, head: "RequestLine", response: "Response", text: bytes, keep_alive: bool
    ) -> bytes:
        """The fields that the server adds to every response, and the empty line at the end."""
        connection = CLOSE
        if keep_alive:
            connection = self._keep_alive if head.minor else self._keep_alive_1_0
        kind = response.default_content_type
        date = int(time.time()) if firmware.is_clock_set else 0
        if response.headers:
            fields = text.lower()
            if b"\ncontent-type:" in fields:
                kind = ""
            if b"\ndate:" in fields:
                date = 0
        # Nearly always they are those of the response before.
        if date != self._date or kind != self._kind or connection != self._connection:
            self._fields = b"".join(  # first: there may be no memory for it
                (
                    encode_type(kind) if kind else b"",
                    encode_date(time.gmtime(date)) if date else b"",
                    connection,
                    b"\r\n",
                )
            )
            self._date = date
            self._kind = kind
            self._connection = connection
        return self._fields


def check(response: "Response") -> None:
    """Raises ResponseError for what can't be sent; text, buffers and None become bytes."""
    status = response.status_code
    if not isinstance(status, int) or not 200 <= status <= 999:
        raise ResponseError("its status is %r; 200 to 999" % (status,))
    body = response.body
    if isinstance(body, str):
        response.body = body.encode()
    elif body is None or isinstance(body, (bytearray, memoryview)):
        response.body = bytes(body or b"")
    elif not isinstance(body, bytes) and not (
        hasattr(body, "__anext__") or hasattr(body, "__next__") or hasattr(body, "read")
    ):
        text = "its body is %s; text, bytes, a dictionary, a list, an iterator or a file"
        raise ResponseError(text % type(body).__name__)


def _framing_without_body(status: int) -> bytes:
    """A client takes 204 and 304 for empty without a word, and nothing else (RFC 9112, 6.3)."""
    return encode_length(0) if status == 205 else b""


def _length_of(headers: dict) -> int:
    """The length that a handler has said."""
    length = str(headers["Content-Length"])
    if not length.isdigit():
        raise ResponseError("its Content-Length is %r; a number" % length)
    return int(length)


def _wants_close(headers: dict) -> bool:
    return str(headers.get("Connection")).lower() == "close"
