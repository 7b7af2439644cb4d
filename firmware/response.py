"""A Microdot response on the wire: one write for a head and a short body, or a piece at a time."""

import time

from micropython import const

from firmware.slots import ANSWERING

_ONE_WRITE_LEN = const(2048)  # a body up to this is sent with its head in one piece
_CLOCK_IS_SET_FROM = const(2024)  # a board without the time is in the year 2000, or in 1970
_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_TYPE = b"Content-Type: %s\r\n"
_TYPE_OF_TEXT = b"Content-Type: %s; charset=UTF-8\r\n"

# What the server says itself, and the usual; 503 has the words of ESP-IDF's async_handlers.
_REASONS = (
    b"200 OK\n404 Not Found\n503 Busy\n201 Created\n204 No Content\n301 Moved Permanently\n"
    b"302 Found\n304 Not Modified\n307 Temporary Redirect\n400 Bad Request\n401 Unauthorized\n"
    b"403 Forbidden\n405 Method Not Allowed\n408 Request Timeout\n413 Content Too Large\n"
    b"414 URI Too Long\n431 Request Header Fields Too Large\n500 Internal Server Error\n"
    b"501 Not Implemented\n505 HTTP Version Not Supported\n"
)
# Said by the server, whatever the handler says; the first unless only the handler knows.
_SERVERS_OWN = (b"content-length", b"connection", b"transfer-encoding")
_ERROR = (
    b"HTTP/1.1 %s\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: %d\r\n"
    b"%sConnection: close\r\n\r\n%s"
)


class Sender:
    """Sends responses; one for the whole server."""

    def __init__(self, log):
        self._log = log
        self._kind = ""
        self._type = b""
        self._second = 0
        self._date = b""

    async def send(self, wire, head, response, keeps) -> bool:
        """Sends `response` to the request of `head`; whether the connection may go on.

        keeps  whether it may as far as the request and the server are concerned
        Raises ValueError, before anything is sent, when a header of the response breaks its line;
        EOFError when only closing the connection tells the client that the body is not whole.
        """
        headers = response.headers
        status = response.status_code
        body = response.body
        is_streamed = not isinstance(body, bytes)
        has_body = status >= 200 and status != 204 and status != 304
        text = _OK
        if headers or response.reason or status != 200:
            may_say_length = has_body and (is_streamed or response.is_head)
            text = encode_head(status, response.reason, headers, may_say_length)
        fields = text.lower() if headers else b""
        framing = _framing(head, response, fields) if has_body else b""
        if framing is None or (headers and str(headers.get("Connection")).lower() == "close"):
            keeps = False
        connection = b"" if head.minor else b"Connection: keep-alive\r\n"
        if not keeps:
            connection = b"Connection: close\r\n"
        has_body = has_body and not response.is_head
        is_short = has_body and not is_streamed and len(body) <= _ONE_WRITE_LEN
        data = b"".join(
            (
                text,
                framing or b"",
                b""
                if b"\ncontent-type:" in fields
                else self._type_field(response.default_content_type),
                b"" if b"\ndate:" in fields else self._date_field(),
                connection,
                b"\r\n",
                body if is_short else b"",
            )
        )
        if is_streamed:
            await self._stream(wire, data, response, framing == _CHUNKED, has_body)
            return keeps
        wire.slot.state = ANSWERING
        if not wire.write(data):
            await wire.drain()
        if has_body and not is_short:
            await wire.send(body)
        return keeps

    async def _stream(self, wire, text, response, is_chunked, has_body):
        """A body piece by piece: in chunks, or as long as its handler has said, or to its end."""
        body = response.body_iter()
        try:
            body = body.__aiter__()
            wire.slot.state = ANSWERING
            await wire.send(text)
            if has_body:
                length = None if is_chunked else response.headers.get("Content-Length")
                await self._send_pieces(wire, body, is_chunked, length and int(length))
        finally:
            if hasattr(body, "aclose"):
                await body.aclose()

    async def _send_pieces(self, wire, body, is_chunked, left):
        """left  bytes that the handler has said it has, and must keep to; None if it has not"""
        while True:
            piece = await self._next_piece(body)
            if piece is None:
                break
            if left is not None:
                left -= len(piece)
                if left < 0:
                    break
            if piece:
                await wire.send(encode_chunk(piece) if is_chunked else piece)
        if left:
            self._log.error("response body has not the length it said")
            raise EOFError
        if is_chunked:
            await wire.send(b"0\r\n\r\n")

    async def _next_piece(self, body):
        """The next piece as bytes, None at the end."""
        try:
            piece = await body.__anext__()
            return piece.encode() if isinstance(piece, str) else piece
        except StopAsyncIteration:
            return None
        except Exception as error:
            self._log.exception("response body failed", error)
            raise EOFError

    def _type_field(self, kind):
        """The field `Content-Type` of a response that has none."""
        if kind != self._kind:
            self._kind = kind
            self._type = (_TYPE if "charset=" in kind else _TYPE_OF_TEXT) % kind.encode()
        return self._type

    def _date_field(self):
        """The field `Date` of this second, b"" while nobody has set the clock (RFC 9110, 6.6.1)."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            now = time.gmtime(second)
            is_set = now[0] >= _CLOCK_IS_SET_FROM
            self._date = b"Date: %s\r\n" % format_date(now) if is_set else b""
        return self._date


def _framing(head, response, fields):
    """The field that says where a body ends; b"" if the handler has; None if the closing does."""
    if b"\ncontent-length:" in fields:
        return b""
    if isinstance(response.body, bytes):
        return b"Content-Length: %d\r\n" % len(response.body)
    return _CHUNKED if head.minor else None


def encode_head(status: int, reason, headers, may_say_length: bool) -> bytes:
    """The head of a response, without the empty line at its end.

    headers  name to value or to a list of values; `Connection` and `Transfer-Encoding` are left
             out: they are the server's to say
    may_say_length  whether `Content-Length` is the handler's to say: not without a body (RFC 9110,
             8.6), and not of one in one piece, behind which a wrong one would hide the next head
    Raises ValueError if a value would end its line (RFC 9110, 5.5).
    """
    text = b"HTTP/1.1 %d %s\r\n" % (status, reason.encode() if reason else reason_of(status))
    lines = 1
    left_out = _SERVERS_OWN[may_say_length:]
    for name, value in headers.items():
        name = name.encode()
        if name.lower() in left_out:
            continue
        for each in value if isinstance(value, list) else (value,):
            text += b"%s: %s\r\n" % (name, str(each).encode())
            lines += 1
    if text.count(b"\n") != lines or text.count(b"\r") != lines or b"\0" in text:
        raise ValueError("line break in a response header")
    return text


def encode_chunk(piece) -> bytes:
    """One chunk of a chunked body (RFC 9112, 7.1).  An empty one would end it: never pass b"".

    piece  bytes, or a buffer of them, which MicroPython's % would write as its representation
    """
    return b"%x\r\n%s\r\n" % (len(piece), bytes(piece))


def encode_error(status: int, has_body: bool = True) -> bytes:
    """A response that refuses a request, says so in one line, and closes.

    has_body  False for a HEAD, which gets the length alone (RFC 9110, 9.3.2)
    """
    text = b"%d %s\n" % (status, reason_of(status))
    fields = b"Retry-After: 1\r\n" if status == 503 else b""
    return _ERROR % (text[:-1], len(text), fields, text if has_body else b"")


def reason_of(status: int) -> bytes:
    """The reason phrase of a status, b"" for an unusual one (it is optional: RFC 9112, 4)."""
    at = _REASONS.find(b"%d " % status)
    return _REASONS[at + 4 : _REASONS.find(b"\n", at)] if at >= 0 else b""


def format_date(time) -> bytes:
    """A time tuple of `time.gmtime()` as the value of `Date` (RFC 9110, 5.6.7)."""
    day = b"MonTueWedThuFriSatSun"[time[6] * 3 :][:3]
    month = b"JanFebMarAprMayJunJulAugSepOctNovDec"[time[1] * 3 - 3 :][:3]
    return b"%s, %02d %s %d %02d:%02d:%02d GMT" % ((day, time[2], month, time[0]) + time[3:6])
