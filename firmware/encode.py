"""HTTP/1.1 as it goes out, purely: a status, header fields and pieces of a body as bytes."""

# RFC 9110, 15, and the registry.  One string and not a dictionary: a tenth of the heap.  503 has
# the words of ESP-IDF's async_handlers example.
_REASONS = (
    "200 OK\n404 Not Found\n503 Busy\n100 Continue\n101 Switching Protocols\n201 Created\n"
    "202 Accepted\n203 Non-Authoritative Information\n204 No Content\n205 Reset Content\n"
    "206 Partial Content\n207 Multi-Status\n300 Multiple Choices\n301 Moved Permanently\n"
    "302 Found\n303 See Other\n"
    "304 Not Modified\n307 Temporary Redirect\n308 Permanent Redirect\n400 Bad Request\n"
    "401 Unauthorized\n402 Payment Required\n403 Forbidden\n405 Method Not Allowed\n"
    "406 Not Acceptable\n407 Proxy Authentication Required\n408 Request Timeout\n409 Conflict\n"
    "410 Gone\n411 Length Required\n412 Precondition Failed\n413 Content Too Large\n"
    "414 URI Too Long\n415 Unsupported Media Type\n416 Range Not Satisfiable\n"
    "417 Expectation Failed\n418 I'm a Teapot\n421 Misdirected Request\n"
    "422 Unprocessable Content\n423 Locked\n424 Failed Dependency\n425 Too Early\n"
    "426 Upgrade Required\n428 Precondition Required\n429 Too Many Requests\n"
    "431 Request Header Fields Too Large\n451 Unavailable For Legal Reasons\n"
    "500 Internal Server Error\n501 Not Implemented\n502 Bad Gateway\n504 Gateway Timeout\n"
    "505 HTTP Version Not Supported\n507 Insufficient Storage\n"
)


def encode_head(status: int, reason, headers, closing: bool, extra: str = "") -> bytes:
    """The head of a response, ready to be sent.

    headers  name to value or to a list of values; `Connection` and `Transfer-Encoding` in it are
             left out, since they are the server's to say
    extra    a complete line, "Name: value\\r\\n", or ""
    Raises ValueError if a value would end its line (RFC 9110, 5.5).
    """
    lines = ["HTTP/1.1 %d %s" % (status, reason or reason_of(status))]
    for name, value in headers.items():
        if name.lower() in ("connection", "transfer-encoding"):
            continue
        for each in value if isinstance(value, list) else (value,):
            lines.append("%s: %s" % (name, each))
    if closing:
        lines.append("Connection: close")
    text = "\r\n".join(lines)
    breaks = len(lines) - 1
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        raise ValueError("line break in a response header")
    return (text + "\r\n" + extra + "\r\n").encode()


def encode_chunk(piece: bytes) -> bytes:
    """One chunk of a chunked body (RFC 9112, 7.1).  An empty one would end it: never pass b""."""
    return b"%x\r\n" % len(piece) + piece + b"\r\n"


def reason_of(status: int) -> str:
    """The reason phrase of a status, "" for one that nobody registered."""
    at = _REASONS.find("%d " % status)
    return _REASONS[at + 4 : _REASONS.find("\n", at)] if at >= 0 else ""


def format_date(time: tuple) -> str:
    """A UTC time tuple of `time.gmtime()` as the value of `Date` (RFC 9110, 5.6.7)."""
    day = "MonTueWedThuFriSatSun"[time[6] * 3 : time[6] * 3 + 3]
    month = "JanFebMarAprMayJunJulAugSepOctNovDec"[time[1] * 3 - 3 : time[1] * 3]
    return "%s, %02d %s %d %02d:%02d:%02d GMT" % (
        day,
        time[2],
        month,
        time[0],
        time[3],
        time[4],
        time[5],
    )
