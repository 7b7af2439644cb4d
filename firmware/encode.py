"""HTTP/1.1 as it goes out, purely: a status, header fields and pieces of a body as bytes."""

# RFC 9110, 15, and what else is usual; 503 has the words of ESP-IDF's async_handlers example.
_REASONS = (
    b"200 OK\n404 Not Found\n503 Busy\n101 Switching Protocols\n201 Created\n202 Accepted\n"
    b"204 No Content\n206 Partial Content\n301 Moved Permanently\n302 Found\n303 See Other\n"
    b"304 Not Modified\n307 Temporary Redirect\n308 Permanent Redirect\n400 Bad Request\n"
    b"401 Unauthorized\n403 Forbidden\n405 Method Not Allowed\n408 Request Timeout\n"
    b"409 Conflict\n413 Content Too Large\n414 URI Too Long\n415 Unsupported Media Type\n"
    b"422 Unprocessable Content\n429 Too Many Requests\n431 Request Header Fields Too Large\n"
    b"500 Internal Server Error\n501 Not Implemented\n505 HTTP Version Not Supported\n"
)
# Said by the server, whatever the handler says; the first only when there is no body.
_SERVERS_OWN = (b"content-length", b"connection", b"transfer-encoding")
_ERROR = (
    b"HTTP/1.1 %s\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: %d\r\n"
    b"%sConnection: close\r\n\r\n%s"
)


def encode_head(status: int, reason, headers, has_body: bool) -> bytes:
    """The head of a response, without the empty line at its end.

    headers  name to value or to a list of values; `Connection`, `Transfer-Encoding` and, without a
             body, `Content-Length` (RFC 9110, 8.6) are left out: they are the server's to say
    Raises ValueError if a value would end its line (RFC 9110, 5.5).
    """
    if status == 200 and not reason and not headers:
        return b"HTTP/1.1 200 OK\r\n"  # the most frequent one
    text = b"HTTP/1.1 %d %s\r\n" % (status, reason.encode() if reason else reason_of(status))
    lines = 1
    left_out = _SERVERS_OWN[has_body:]
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


def encode_chunk(piece: bytes) -> bytes:
    """One chunk of a chunked body (RFC 9112, 7.1).  An empty one would end it: never pass b""."""
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def encode_error(status: int) -> bytes:
    """A response that refuses a request, says so in one line, and closes."""
    text = b"%d %s\n" % (status, reason_of(status))
    fields = b"Retry-After: 1\r\n" if status == 503 else b""
    return _ERROR % (text[:-1], len(text), fields, text)


def reason_of(status: int) -> bytes:
    """The reason phrase of a status, b"" for an unusual one (it is optional: RFC 9112, 4)."""
    at = _REASONS.find(b"%d " % status)
    return _REASONS[at + 4 : _REASONS.find(b"\n", at)] if at >= 0 else b""


def format_date(time) -> bytes:
    """A time tuple of `time.gmtime()` as the value of `Date` (RFC 9110, 5.6.7)."""
    day = b"MonTueWedThuFriSatSun"[time[6] * 3 :][:3]
    month = b"JanFebMarAprMayJunJulAugSepOctNovDec"[time[1] * 3 - 3 :][:3]
    return b"%s, %02d %s %d %02d:%02d:%02d GMT" % ((day, time[2], month, time[0]) + time[3:6])
