"""Heads as they arrive, purely: in one block or in several, within the limits of the server."""

from micropython import const

from firmware.http1 import TOKEN_CHARS, Head, HTTPError, parse_request_line

# The longest usual method and the version around a target: "OPTIONS " and " HTTP/1.1\r".
_LINE_OVERHEAD_LEN = const(18)
_BLOCK_LEN = const(1024)  # what is received in small pieces is one block up to this
_KEPT_LEN = const(1024)  # a longer head is not kept


class HeadParser:
    """Parses the heads of all connections, and keeps the last: who polls sends the same again.

    max_uri_len, max_req_hdr_len   the limits, in bytes
    """

    def __init__(self, max_uri_len: int, max_req_hdr_len: int) -> None:
        self.max_uri_len = max_uri_len
        self.max_req_hdr_len = max_req_hdr_len
        self._last: Head | None = None

    def forget(self) -> None:
        """The last head: it may be what lies where the heap has grown."""
        self._last = None

    def parse(self, received: bytes) -> tuple[Head, bytes] | None:
        """(Head, what was received behind it); None while it is not complete.

        Raises HTTPError.
        """
        head = self._last
        if head:
            if received == head.raw:
                return head, b""
            if received.startswith(head.raw):
                return head, received[len(head.raw) :]
        received = received.lstrip(b"\r\n")  # empty lines are skipped (RFC 9112, 2.2)
        length = head_length(received, self.max_uri_len, self.max_req_hdr_len)
        if not length:
            return None
        rest = b""
        if len(received) > length:
            rest = received[length:]
            received = received[:length]
        head = Head(received, self.max_uri_len, head.raw if head else b"")
        if length <= _KEPT_LEN:
            self._last = head
        return head, rest


class PartialHead:
    """A head that comes in several blocks, which are joined once, when it is complete.

    rest  what has come behind it
    """

    rest = b""

    def __init__(self, block: bytes) -> None:
        self._blocks = [block]
        self._len = len(block)
        self._has_line = b"\n" in block

    def add(self, block: bytes, max_uri_len: int, max_req_hdr_len: int) -> bool:
        """Whether the head is complete with `block`.  Raises HTTPError as `head_length` does."""
        blocks = self._blocks
        ended = blocks[-1][-3:]
        if len(ended) < 3 and len(blocks) > 1:
            ended = blocks[-2][-3:] + ended
        end = find_end(ended + block[:3]) - len(ended)
        if end <= 0:
            end = find_end(block)
        if end:
            self.rest = block[end:]
            block = block[:end]
        self._len += add_block(blocks, block)
        if end:
            return True
        if not self._has_line:
            self._has_line = b"\n" in block
            if self._has_line or self._len > max_uri_len + _LINE_OVERHEAD_LEN:
                head_length(self.join(), max_uri_len, max_req_hdr_len)
        if self._len >= max_req_hdr_len:
            raise HTTPError(431)
        return False

    def join(self) -> bytes:
        """All that has come."""
        return b"".join(self._blocks)


def add_block(blocks: list, block: bytes) -> int:
    """Adds what was received to what is joined in the end; how much that was.

    A client that sends an octet at a time must not get one more block for each.
    """
    if blocks and len(blocks[-1]) + len(block) <= _BLOCK_LEN:
        blocks[-1] += block
    else:
        blocks.append(block)
    return len(block)


def head_length(received: bytes, max_uri_len: int, max_req_hdr_len: int) -> int:
    """Bytes of the complete head that `received` begins with, 0 while more is to come.

    Raises HTTPError as soon as it is sure, long before the head is complete: 414 and 431, and 400,
    501 or 505 for a first line that is none of HTTP's (TLS, SSH, MQTT on this port).
    """
    end = find_end(received)
    if 0 < end <= max_req_hdr_len:
        return end
    line_len = received.find(b"\n")
    if line_len >= 0:
        parse_request_line(received, max_uri_len)
    else:
        line_len = len(received)
        if received and received[:1].strip(TOKEN_CHARS):
            raise HTTPError(400)
    if line_len > max_uri_len + _LINE_OVERHEAD_LEN:
        raise HTTPError(414)
    if end or len(received) >= max_req_hdr_len:
        raise HTTPError(431)
    return 0


def find_end(received: bytes) -> int:
    """Where the first empty line ends, 0 without one."""
    end = received.find(b"\n\r\n") + 3
    has_end = end > 2
    bare = received.find(b"\n\n", 0, end if has_end else len(received)) + 2
    return bare if bare > 1 else end if has_end else 0
