"""HTTP/1.1 as it comes in, purely: bytes in, a request or an `HTTPError` out.

Nothing here reads, writes, waits or looks at a clock.  A head is checked where it was received, and
its fields stay there: see `headers`.

Rules are those of RFC 9112 (framing) and RFC 9110 (meaning).  A line may end in a bare LF
(RFC 9112, 2.2); a bare CR, a NUL or another control character makes the request a 400.
Not handled: trailers are skipped, `Upgrade` is the application's, HTTP/2 is not spoken.
"""

import re

from micropython import const

from firmware.headers import Headers

# The longest method and version around a target: "OPTIONS " and " HTTP/1.1\r".
_LINE_OVERHEAD_LEN = const(18)
# A Content-Length of more digits than this is beyond any limit a board can have.
_MAX_LENGTH_DIGITS = const(9)

_CONTROL_OCTETS = re.compile(b"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_METHODS = (b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"QUERY")


class HTTPError(Exception):
    """A request that gets `status` for an answer.  Raised to be sent."""

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status


class Head:
    """What a request says before its body.

    method   "GET", …
    target   path and query, as sent: "/long?a=b"
    minor    of HTTP/1.minor: 0 or 1
    headers  `Headers`
    content_length  bytes of body to come, 0 when none; None when the body is chunked
    keep_alive      the client wants the connection to go on (RFC 9112, 9.3)
    expects_continue  it waits for a 100 before it sends the body (RFC 9110, 10.1.1)
    """

    def __init__(self, raw: bytes, max_uri_len: int):
        if _CONTROL_OCTETS.search(raw) or b"\0" in raw or raw.count(b"\r") != raw.count(b"\r\n"):
            raise HTTPError(400)
        self.method, self.target, self.minor = _parse_request_line(raw, max_uri_len)
        _check_fields(raw)
        self.headers = Headers(raw)
        hosts = self.headers.count(b"\nhost:")
        if hosts > 1 or (self.minor and not hosts):
            raise HTTPError(400)
        self.content_length = _body_length(self.headers, self.minor)
        self.keep_alive = _keep_alive(self.headers.get("Connection"), self.minor)
        self.expects_continue = self.minor and self.headers.first(b"\nexpect:") == b"100-continue"


def head_length(received: bytes, max_uri_len: int, max_req_hdr_len: int) -> int:
    """Bytes of the complete head that `received` begins with, 0 while more is to come.

    Raises 414 and 431 as soon as it is sure, long before the head is complete.
    """
    end = received.find(b"\n\r\n") + 3
    bare = received.find(b"\n\n") + 2
    if end < 3 or 2 <= bare < end:
        end = bare if bare >= 2 else 0
    if 0 < end <= max_req_hdr_len:
        return end
    line_len = received.find(b"\n")
    if line_len < 0:
        line_len = len(received)
    if line_len > max_uri_len + _LINE_OVERHEAD_LEN:
        raise HTTPError(414)
    if end or len(received) >= max_req_hdr_len:
        raise HTTPError(431)
    return 0


def _parse_request_line(raw, max_uri_len):
    parts = raw[: raw.find(b"\n")].rstrip(b"\r").split(b" ")
    if len(parts) != 3:
        raise HTTPError(400)
    method, target, version = parts
    if version != b"HTTP/1.1" and version != b"HTTP/1.0":
        is_other = version.startswith(b"HTTP/") and version[5:6].isdigit()
        raise HTTPError(505 if is_other else 400)
    if method not in _METHODS:
        raise HTTPError(501 if method.isalpha() else 400)
    if len(target) > max_uri_len:
        raise HTTPError(414)
    try:
        return method.decode(), _origin_form(target).decode(), version[7] - 48
    except UnicodeError:
        raise HTTPError(400) from None


def _origin_form(target):
    """The path and query of any form of target (RFC 9112, 3.2)."""
    if target.startswith(b"/") or target == b"*":
        return target
    if not target.lower().startswith(b"http://"):
        raise HTTPError(400)
    target = target[7:]
    path, query = target.find(b"/"), target.find(b"?")
    if query >= 0 and not 0 <= path < query:
        return b"/" + target[query:]
    return target[path:] if path >= 0 else b"/"


def _check_fields(raw):
    start = raw.find(b"\n") + 1
    while True:
        end = raw.find(b"\n", start)
        if end == start or raw[start] == 13:
            return
        colon = raw.find(b":", start, end)
        # No name, white space in or behind it, or a folded line, which begins with white space.
        if (
            colon <= start
            or raw.find(b" ", start, colon) >= 0
            or raw.find(b"\t", start, colon) >= 0
        ):
            raise HTTPError(400)
        start = end + 1


def _body_length(headers, minor):
    """`Head.content_length`; RFC 9112, 6.3."""
    coding = headers.first(b"\ntransfer-encoding:")
    length = headers.first(b"\ncontent-length:")
    if coding is not None:
        if length is not None or minor == 0:
            raise HTTPError(400)
        if coding != b"chunked" or headers.count(b"\ntransfer-encoding:") > 1:
            raise HTTPError(501)
        return None
    if length is None:
        return 0
    if headers.count(b"\ncontent-length:") > 1 or not length.isdigit():
        raise HTTPError(400)
    if len(length) > _MAX_LENGTH_DIGITS:
        raise HTTPError(413)
    return int(length)


def _keep_alive(connection, minor):
    if connection is None:
        return minor == 1
    options = [option.strip() for option in connection.lower().split(",")]
    return "close" not in options and (minor == 1 or "keep-alive" in options)
