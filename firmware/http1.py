"""HTTP/1.1 as it comes in, purely: bytes in, a request's `Head` or an `HTTPError` out.

Nothing here reads, writes, waits or looks at a clock.  A head is checked where it was received, and
its fields stay there until they are asked for: a browser's fifteen cost neither fifteen strings nor
a dictionary.

Rules are those of RFC 9112 (framing) and RFC 9110 (meaning).  A line may end in a bare LF
(RFC 9112, 2.2); a bare CR, a NUL or another control character makes the request a 400.
Not handled: trailers are skipped, `Upgrade` is the application's, HTTP/2 is not spoken.
"""

import re

from micropython import const

# The longest method and version around a target: "OPTIONS " and " HTTP/1.1\r".
_LINE_OVERHEAD_LEN = const(18)
# A Content-Length of more digits than this is beyond any limit a board can have.
_MAX_LENGTH_DIGITS = const(9)

_CONTROL_OCTETS = re.compile(b"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_METHODS = (b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"QUERY")
# Fields that the server looks at, and those that Microdot looks up in each request.
_NOTED = (b"host", b"connection", b"transfer-encoding", b"expect")
_EARLY = {
    b"cookie": "Cookie",
    b"content-type": "Content-Type",
    b"content-length": "Content-Length",
}


class HTTPError(Exception):
    """A request that gets `status` for an answer.  Raised to be sent."""

    def __init__(self, status: int):
        self.status = status


class Head:
    """What a request says before its body; and its fields, as Microdot's `request.headers`.

    method   "GET", …
    target   path and query, as sent: "/long?a=b"
    minor    of HTTP/1.minor: 0 or 1
    content_length  bytes of body to come, 0 when none; None when the body is chunked
    keep_alive      the client wants the connection to go on (RFC 9112, 9.3)
    expects_continue  it waits for a 100 before it sends the body (RFC 9110, 10.1.1)
    raw       itself, as it came
    early     those of its fields that Microdot looks up in each request, by name

    Names are in any case.  Several fields of one name are one value, joined by ", " (RFC 9110,
    5.3); cookies by "; ".
    """

    def __init__(self, raw: bytes, max_uri_len: int):
        if _CONTROL_OCTETS.search(raw) or b"\0" in raw or raw.count(b"\r") != raw.count(b"\r\n"):
            raise HTTPError(400)
        self.raw = raw
        self._lower = raw.lower()
        self.method, self.target, self.minor = _parse_request_line(raw, max_uri_len)
        noted = self._note_fields()
        # Exactly one is needed in HTTP/1.1.
        if b"," in noted.get(b"host", b"," if self.minor else b""):
            raise HTTPError(400)
        self.content_length = _body_length(noted, self.minor)
        options = noted.get(b"connection", b"").replace(b" ", b"").replace(b"\t", b"").split(b",")
        self.keep_alive = b"close" not in options and (self.minor or b"keep-alive" in options)
        self.expects_continue = self.minor and noted.get(b"expect") == b"100-continue"
        self.early = {name: self.get(name) for key, name in _EARLY.items() if key in noted}

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self):
        return (name for name, _ in self.items())

    keys = __iter__

    def get(self, name: str, default=None):
        needle = b"\n" + name.lower().encode() + b":"
        at = self._lower.find(needle)
        if at < 0:
            return default
        values = []
        while at >= 0:
            at += len(needle)
            values.append(self.raw[at : self.raw.find(b"\n", at)].strip())
            at = self._lower.find(needle, at)
        return _text((b"; " if needle == b"\ncookie:" else b", ").join(values))

    def items(self):
        """Every field as (name, value), in the order and with the capitals they came in."""
        for line in self.raw.strip().split(b"\n")[1:]:
            name, value = line.split(b":", 1)
            yield _text(name), _text(value.strip())

    def _note_fields(self):
        """The values of what is noted, in lower case; those of one name are joined by ",".

        So a second Host or Content-Length is a malformed one.
        """
        raw = self.raw
        noted = {}
        start = raw.find(b"\n") + 1
        while raw[start] != 10 and raw[start] != 13:
            end = raw.find(b"\n", start)
            colon = raw.find(b":", start, end)
            name = self._lower[start:colon]
            # No name, white space in or behind it, or a folded line, which begins with white space.
            if colon <= start or b" " in name or b"\t" in name:
                raise HTTPError(400)
            if name in _NOTED or name in _EARLY:
                value = self._lower[colon + 1 : end].strip()
                noted[name] = noted[name] + b"," + value if name in noted else value
            start = end + 1
        return noted


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


def _body_length(noted, minor):
    """`Head.content_length`; RFC 9112, 6.3."""
    coding = noted.get(b"transfer-encoding")
    length = noted.get(b"content-length")
    if coding is not None:
        if length is not None or not minor:
            raise HTTPError(400)
        if coding != b"chunked":
            raise HTTPError(501)
        return None
    if length is None:
        return 0
    if not length.isdigit():
        raise HTTPError(400)
    if len(length) > _MAX_LENGTH_DIGITS:
        raise HTTPError(413)
    return int(length)


def _text(octets):
    try:
        return octets.decode()
    except UnicodeError:
        return _transcode(octets).decode()


def _transcode(octets):
    """ISO 8859-1, which fields were in before RFC 7230, as UTF-8.

    Not with chr(): MicroPython keeps every character that it has made, for ever.
    """
    text = bytearray()
    for octet in octets:
        if octet < 0x80:
            text.append(octet)
        else:
            text.append(0xC0 | octet >> 6)
            text.append(0x80 | octet & 0x3F)
    return bytes(text)
