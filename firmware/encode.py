"""What goes out, purely: status lines, fields, heads and error answers as bytes."""

from micropython import const

from firmware.http1 import TOKEN_CHARS

_CLOCK_IS_SET_FROM = const(2024)  # a board without the time is in the year 2000, or in 1970

# What the server says itself, and the usual; 503 has the words of ESP-IDF's async_handlers.
_REASONS = (
    b"200 OK\n404 Not Found\n503 Busy\n201 Created\n204 No Content\n206 Partial Content\n"
    b"301 Moved Permanently\n302 Found\n304 Not Modified\n307 Temporary Redirect\n"
    b"400 Bad Request\n401 Unauthorized\n403 Forbidden\n405 Method Not Allowed\n"
    b"408 Request Timeout\n413 Content Too Large\n414 URI Too Long\n416 Range Not Satisfiable\n"
    b"431 Request Header Fields Too Large\n500 Internal Server Error\n501 Not Implemented\n"
    b"505 HTTP Version Not Supported\n"
)
# Said by the server, whatever the handler says; the first unless only the handler knows.
_SERVERS_OWN = (b"content-length", b"connection", b"transfer-encoding")
_ERROR = (
    b"HTTP/1.1 %s\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: %d\r\n"
    b"%s%sConnection: close\r\n\r\n%s"
)
STATUS_OK = b"HTTP/1.1 200 OK\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n%sConnection: close\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CLOSE = b"Connection: close\r\n"


class ResponseError(Exception):
    """What a handler has returned is no response; the text says why."""


def encode_fields(status: int, reason: str | None, headers: dict, may_say_length: bool) -> bytes:
    """The status line of a response and the fields that its handler has set.

    reason   the handler's own reason phrase, or None
    headers  name to value or to a list of values; `Connection` and `Transfer-Encoding` are left
             out: they are the server's to say
    may_say_length  whether `Content-Length` is the handler's to say: not without a body (RFC 9110,
             8.6), and not of one in one piece, behind which a wrong one would hide the next head
    Raises ResponseError if a name is no token, or a value would end its line (RFC 9110, 5.1, 5.5).
    """
    if not headers and not reason and status == 200:
        return STATUS_OK
    line = b"HTTP/1.1 %d %s\r\n" % (status, reason.encode() if reason else reason_of(status))
    lines = [line]
    left_out = _SERVERS_OWN[may_say_length:]
    for name, value in headers.items():
        name = name.encode()
        if not name or name.strip(TOKEN_CHARS):
            raise ResponseError("%r is no name of a response header" % name)
        if name.lower() in left_out:
            continue
        for each in value if isinstance(value, list) else (value,):
            lines.append(b"%s: %s\r\n" % (name, str(each).encode()))
    text = b"".join(lines)
    breaks = len(lines)
    if text.count(b"\n") != breaks or text.count(b"\r") != breaks or b"\0" in text:
        raise ResponseError("line break in a response header")
    return text


def encode_error(status: int, date: bytes = b"", has_body: bool = True) -> bytes:
    """A response that refuses a request, says so in one line, and closes.

    date      the field `Date`, with its line end
    has_body  False for a HEAD, which gets the length alone (RFC 9110, 9.3.2)
    """
    text = error_text(status)
    fields = b"Retry-After: 1\r\n" if status == 503 else b""
    return _ERROR % (text[:-1], len(text), date, fields, text if has_body else b"")


def error_text(status: int) -> bytes:
    """The one line that a refusal says."""
    return b"%d %s\n" % (status, reason_of(status))


def reason_of(status: int) -> bytes:
    """The reason phrase of a status, b"" for an unusual one (it is optional: RFC 9112, 4)."""
    at = _REASONS.find(b"%d " % status)
    return _REASONS[at + 4 : _REASONS.find(b"\n", at)] if at >= 0 else b""


def encode_type(kind: str) -> bytes:
    """The field `Content-Type` of a response whose handler has not said it."""
    charset = "" if "charset=" in kind else "; charset=UTF-8"
    return b"Content-Type: %s%s\r\n" % (kind.encode(), charset.encode())


def encode_length(length: int) -> bytes:
    return b"Content-Length: %d\r\n" % length


def encode_size(length: int) -> bytes:
    """The line before a chunk of `length` bytes (RFC 9112, 7.1).  Never 0, which would end it."""
    return b"%x\r\n" % length


def encode_keep_alive(timeout_ms: int) -> bytes:
    """How long an idle connection is kept, one second less than it is: a client that sends its
    next request just then would meet the closing.  b"" if that leaves nothing."""
    timeout_s = timeout_ms // 1000 - 1
    return b"Keep-Alive: timeout=%d\r\n" % timeout_s if timeout_s > 0 else b""


def encode_date(now: tuple) -> bytes:
    """The field `Date` (RFC 9110, 5.6.7, 6.6.1), b"" while nobody has set the clock.

    now  a time tuple of `time.gmtime()`
    """
    if now[0] < _CLOCK_IS_SET_FROM:
        return b""
    day = b"MonTueWedThuFriSatSun"[now[6] * 3 :][:3]
    month = b"JanFebMarAprMayJunJulAugSepOctNovDec"[now[1] * 3 - 3 :][:3]
    date: tuple = (day, now[2], month, now[0]) + now[3:6]
    return b"Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n" % date
