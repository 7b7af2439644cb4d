"""HTTP/1.1 as it comes in, purely: bytes in, a request's `Head` or an `HTTPError` out.

Nothing here reads, writes, waits or looks at a clock.  A head is checked where it was received, and
its fields stay there until they are asked for: a browser's fifteen cost neither fifteen strings nor
a dictionary.

Rules are those of RFC 9112 (framing) and RFC 9110 (meaning).  A line may end in a bare LF
(RFC 9112, 2.2); a bare CR, a NUL or another control character makes the request a 400.
Not handled: `Upgrade` is the application's, HTTP/2 is not spoken.
"""

import re

from micropython import const

# A Content-Length of more digits than this is beyond any limit a board can have.
_MAX_LENGTH_DIGITS = const(9)

# Anything but what a head consists of; the most frequent first, as each octet is held against it.
_FOREIGN_OCTETS = re.compile(b"[^ -~\r\n\t\x80-\xff]")
_LONG_LEN = const(192)  # a line of more is not copied
# RFC 9110, 5.6.2; the most frequent first, because `strip` looks for each octet in this order.
TOKEN_CHARS = b"eationsrhcdlup-gfmvwykbxqjzACEHSTUDFLOIPRMGKNVWXYBJQZ0123456789!#$%&'*+.^_`|~"
# RFC 3986, 3.2.2: unreserved characters, sub-delimiters and "%"; in lower case; addresses first.
_NAME_CHARS = b".0123456789-abcdefghijklmnopqrstuvwxyz_~!$&'()*+,;=%"
_HEX_DIGITS = b"0123456789abcdef"
# Fields that the server looks at, and that of each JSON, which alone has a value with capitals.
_CONTENT_TYPE = b"content-type"
_NOTED = (
    b"host",
    b"connection",
    b"content-length",
    _CONTENT_TYPE,
    b"transfer-encoding",
    b"expect",
)
_NOTED_INITIALS = b"hHcCtTeE"


class HTTPError(Exception):
    """A request that gets `status` for an answer.  Raised to be sent."""

    def __init__(self, status: int) -> None:
        self.status = status


class RequestLine:
    """What a response depends on of a head, when the rest of that is not needed any more."""

    def __init__(self, method: str, minor: int) -> None:
        self.method = method
        self.minor = minor


class Head(RequestLine):
    """What a request says before its body.

    method   "GET", …
    target   path and query, as sent: "/long?a=b"
    minor    of HTTP/1.minor: 0 or 1
    content_length  bytes of body to come, 0 when none; None when the body is chunked
    keep_alive      the client wants the connection to go on (RFC 9112, 9.3)
    expects_continue  it waits for a 100 before it sends the body (RFC 9110, 10.1.1)
    content_type    the value of that field; None without one
    raw       itself, as it came

    known  a head that was right: its lines are not checked again.  They take most of the time, and
           of a client's, one or two differ from one request to the next.
    """

    def __init__(self, raw: bytes, max_uri_len: int, known: bytes = b"") -> None:
        if raw.count(b"\r") != raw.count(b"\r\n"):
            raise HTTPError(400)
        self.raw = raw
        self.method, self.target, self.minor = parse_request_line(raw, max_uri_len)
        noted = _note_fields(raw, known)
        # Exactly one is needed in HTTP/1.1 (RFC 9112, 3.2).
        if not _is_host(noted.get(b"host", b"\0" if self.minor else b"")):
            raise HTTPError(400)
        self.content_length = _body_length(noted, self.minor)
        self.keep_alive = self.minor > 0
        options: Anything = noted.get(b"connection")
        if options:
            options = options.replace(b" ", b"").replace(b"\t", b"").split(b",")
            self.keep_alive = b"close" not in options and (
                self.minor > 0 or b"keep-alive" in options
            )
        kind = noted.get(_CONTENT_TYPE)
        self.content_type = None if kind is None else _text(kind)
        self.expects_continue = self.minor and noted.get(b"expect") == b"100-continue"

    def is_server_wide(self) -> bool:
        """Whether it asks for nothing but a sign of life: `OPTIONS *` (RFC 9110, 9.3.7)."""
        return self.target == "*" and self.method == "OPTIONS" and self.content_length == 0

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of a field, its name in any case; `default` if the head has none.

        Several fields of one name are one value, joined by ", " (RFC 9110, 5.3); cookies by "; ".
        """
        wanted = name.lower().encode()
        values = [_text(value) for each, value in self._raw_fields() if each.lower() == wanted]
        return ("; " if wanted == b"cookie" else ", ").join(values) if values else default

    def items(self) -> "Fields":
        """Every field as (name, value), in the order and with the capitals they came in."""
        for name, value in self._raw_fields():
            yield name.decode(), _text(value)

    def _raw_fields(self) -> "RawFields":
        """As octets: of each string that is made, MicroPython asks whether it is a name it has.

        The host of an absolute URI counts, and no field beside it (RFC 9112, 3.2.2).
        """
        raw = self.raw
        start = raw.find(b"\n") + 1
        host = b""
        if raw[raw.find(b" ") + 1] != 47:  # "/", as nearly always
            host = _split_target(raw[:start].split(b" ")[1])[0]
            if host:
                yield b"Host", host
        while raw[start] != 10 and raw[start] != 13:
            end = raw.find(b"\n", start)
            colon = raw.find(b":", start, end)
            name = raw[start:colon]
            if not host or name.lower() != b"host":
                yield name, raw[colon + 1 : end].strip()
            start = end + 1


def parse_request_line(raw: bytes, max_uri_len: int) -> tuple[str, str, int]:
    """(Method, path and query, minor version) of the line that `raw` begins with.

    Raises HTTPError: 400, 414, 505.
    """
    line = raw[: raw.find(b"\n")]
    parts = line.rstrip(b"\r").split(b" ")
    # A tab is white space to others (RFC 9112, 3.2).
    if len(parts) != 3 or b"\t" in line or _FOREIGN_OCTETS.search(line):
        raise HTTPError(400)
    method, target, version = parts
    if version != b"HTTP/1.1" and version != b"HTTP/1.0":
        is_other = version.startswith(b"HTTP/") and version[5:6].isdigit()
        raise HTTPError(505 if is_other else 400)
    if not method or method.strip(TOKEN_CHARS):
        raise HTTPError(400)
    if len(target) > max_uri_len:
        raise HTTPError(414)
    try:
        return method.decode(), _split_target(target)[1].decode(), version[7] - 48
    except UnicodeError:
        raise HTTPError(400) from None


def _split_target(target: bytes) -> tuple[bytes, bytes]:
    """(Host and port, path and query) of any form of target (RFC 9112, 3.2); b"" for no host."""
    if target.startswith(b"/") or target == b"*":
        return b"", target
    if not target.lower().startswith(b"http://"):
        raise HTTPError(400)
    target = target[7:]
    path, query = target.find(b"/"), target.find(b"?")
    if query >= 0 and not 0 <= path < query:
        path = query
    authority = target[:path] if path >= 0 else target
    if not authority or not _is_host(authority.lower()):
        raise HTTPError(400)
    if path < 0:
        return authority, b"/"
    return authority, (b"/" if path == query else b"") + target[path:]


def _note_fields(raw: bytes, known: bytes) -> dict:
    """The values of what is noted, all but the content type in lower case.

    Those of one name are joined by ", ", so a second Host or Content-Length is a malformed one.
    known  see `Head`
    """
    noted: dict = {}
    is_searched = False
    end = raw.find(b"\n")
    at = known.find(b"\n") + 1
    while True:
        start = end + 1
        initial = raw[start]
        if initial == 13 or initial == 10:
            return noted
        end = raw.find(b"\n", start)
        is_long = end - start > _LONG_LEN
        # With its line feed: it may not only begin as the known one.
        if not is_long and known.startswith(raw[start : end + 1], at):
            at += end + 1 - start
        else:
            at = known.find(b"\n", at) + 1 or len(known)
            is_searched = _check_field(raw, start, end, is_searched)
        if initial in _NOTED_INITIALS:
            _note_field(raw, start, end, noted)


def _check_field(raw: bytes, start: int, end: int, is_searched: bool) -> bool:
    """Raises HTTPError if the name is no token, or if there is a control character.

    A name has no white space in it or behind it, and a folded line begins with white space.
    is_searched  the whole head was searched for control characters, as it is for a long line, which
                 is not copied; returns whether it is now
    """
    name = raw[start : max(start, raw.find(b":", start, end))]
    is_usual = name.replace(b"-", b"").isalpha()  # which is quicker to tell
    if not is_usual and (not name or name.strip(TOKEN_CHARS)):
        raise HTTPError(400)
    if not is_searched:
        is_searched = end - start > _LONG_LEN
        if _FOREIGN_OCTETS.search(raw if is_searched else raw[start:end]):
            raise HTTPError(400)
    return is_searched


def _note_field(raw: bytes, start: int, end: int, noted: dict) -> None:
    colon = raw.find(b":", start, end)
    name = raw[start:colon].lower()
    if name in _NOTED:
        value = raw[colon + 1 : end].strip()
        if name != _CONTENT_TYPE:
            value = value.lower()
        noted[name] = noted[name] + b", " + value if name in noted else value


def _is_host(value: bytes) -> bool:
    """Whether a Host field, in lower case, is one (RFC 9110, 7.2); it may be empty."""
    if value.startswith(b"["):
        end = value.find(b"]")
        name, port = value[1:end], value[end + 1 :]
        is_name = end > 2 and not name.strip(b":." + _HEX_DIGITS) and b":" in name
    else:
        name, colon, port = value.partition(b":")
        port = colon + port
        is_name = b"," not in name and not name.strip(_NAME_CHARS)
        if b"%" in name:
            is_name = is_name and _is_escaped(name)
    return is_name and (not port or (port.startswith(b":") and not port[1:].strip(b"0123456789")))


def _is_escaped(name: bytes) -> bool:
    """Whether each "%" is followed by two hexadecimal digits."""
    parts = name.split(b"%")
    return all(len(part) >= 2 and not part[:2].strip(_HEX_DIGITS) for part in parts[1:])


def _body_length(noted: dict, minor: int) -> int | None:
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
    if len(length.lstrip(b"0")) > _MAX_LENGTH_DIGITS:
        raise HTTPError(413)
    return int(length)


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeError:
        return _transcode(octets).decode()


def _transcode(octets: bytes) -> bytes:
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
