"""Chunked framing of what comes in, purely (RFC 9112, 7.1): lines in, sizes or an `HTTPError` out.

A line ends in CR LF, here alone: a bare LF is what request smuggling is made of (CVE-2025-22871).
"""

from micropython import const

from firmware.http1 import TOKEN_CHARS, HTTPError

LINE_LEN = const(256)  # the most of a size line with its extensions, and of all trailers together
_MAX_SIZE_DIGITS = const(7)
_HEX_DIGITS = b"0123456789abcdefABCDEF"


def parse_size(line: bytes) -> int:
    """The size in the line before a chunk; extensions are skipped.

    line  with its CR LF
    """
    text = _text_of(line)
    size, _, extension = text.partition(b";")
    # White space may stand before the ";" of an extension, and nowhere else.
    digits = size.rstrip(b" \t") if len(size) < len(text) else size
    if not digits or digits.strip(_HEX_DIGITS) or _has_control(extension):
        raise HTTPError(400)
    if len(digits.lstrip(b"0")) > _MAX_SIZE_DIGITS:
        raise HTTPError(413)
    return int(digits, 16)


def check_end(line: bytes) -> None:
    """The line behind a chunk's data is empty, or the chunk was longer than it said."""
    if line != b"\r\n":
        raise HTTPError(400)


def is_last_trailer(line: bytes) -> bool:
    """Whether the line is the empty one behind the trailers; HTTPError if it is no field."""
    text = _text_of(line)
    if not text:
        return True
    name, colon, value = text.partition(b":")
    if not colon or not name or name.strip(TOKEN_CHARS) or _has_control(value):
        raise HTTPError(400)
    return False


def _text_of(line: bytes) -> bytes:
    if not line.endswith(b"\r\n"):
        raise HTTPError(400)
    return line[:-2]


def _has_control(octets: bytes) -> bool:
    """Whether there is a control character but TAB (RFC 9110, 5.5)."""
    return any((octet < 32 and octet != 9) or octet == 127 for octet in octets)
