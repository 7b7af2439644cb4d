"""A file as the body of a response: how long it is, and a part of it (RFC 9110, 14)."""


def length_of(file: "Anything") -> int:
    """Bytes from where a file stands to its end, -1 if it can't tell, or has characters."""
    try:
        if not isinstance(file.read(0), bytes):
            return -1
        start = file.tell()
        end = file.seek(0, 2)
        file.seek(start)
    except (AttributeError, OSError, ValueError):  # a stream
        return -1
    return end - start if isinstance(end, int) else -1


def parse_range(value: str, length: int) -> tuple[int, int] | None:
    """(First byte, bytes) of the one range that a Range field asks for; None to ignore it.

    A field that is malformed, or of several ranges, may be ignored (RFC 9110, 14.2).
    Raises ValueError for a range that begins behind the end.
    """
    unit, _, text = value.partition("=")
    first, dash, last = text.strip().partition("-")
    if unit.strip().lower() != "bytes" or not dash or not (first or last):
        return None
    if not (first + last).encode().isdigit():  # of octets: CPython has more digits than ten
        return None
    if not first:  # the last bytes
        count = int(last)
        if not count:
            raise ValueError
        # Of nothing they are all of it (RFC 9110, 14.1.2), which no part can be.
        return (max(0, length - count), min(count, length)) if length else None
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= length:
        raise ValueError
    end = min(int(last), length - 1) if last else length - 1
    return start, end - start + 1


def prepare(head: "Head", response: "Anything") -> None:
    """Says the length of a file that is a response, or makes it the part that `head` asks for."""
    headers = response.headers
    length = length_of(response.body)
    if length < 0 or "Content-Length" in headers or response.status_code != 200:
        return
    if head.method != "GET" and head.method != "HEAD":
        return
    headers["Accept-Ranges"] = "bytes"
    headers["Content-Length"] = str(length)
    asked = head.get("Range") if head.method == "GET" else None
    if asked and head.get("If-Range") is not None:
        asked = None
    try:
        part = parse_range(asked, length) if asked else None
    except ValueError:
        response.body.close()
        response.status_code = 416
        response.body = b""
        headers["Content-Range"] = "bytes */%d" % length
        del headers["Content-Length"]
        return
    start, count = part or (0, length)
    if part:
        response.status_code = 206
        headers["Content-Range"] = "bytes %d-%d/%d" % (start, start + count - 1, length)
        headers["Content-Length"] = str(count)
    response.body = Part(response.body, start, count)  # the file may grow


class Part:
    """So many bytes of a file, which are read into the same memory each time."""

    def __init__(self, file: "Anything", start: int, count: int) -> None:
        file.seek(file.tell() + start)
        self._file = file
        self._left = count
        self._buffer: Anything = None

    def read(self, length: int) -> "Anything":
        """The next block, of twice the length."""
        length = min(2 * length, self._left)
        if not hasattr(self._file, "readinto"):
            data = self._file.read(length)
        else:
            if not self._buffer:
                self._buffer = memoryview(bytearray(length))  # none is longer
            data = self._buffer[: self._file.readinto(self._buffer[:length])]
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()
