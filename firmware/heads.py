"""Heads as they arrive, purely: in one block or in several, within the limits of the server."""

from micropython import const

from firmware.http1 import LINE_OVERHEAD_LEN, Head, find_end, head_length

_MAX_BLOCKS = const(8)
_KEPT_LEN = const(1024)  # a longer head is not kept


class HeadParser:
    """Parses the heads of all connections, and keeps the last: who polls sends the same again.

    max_uri_len, max_req_hdr_len   the limits, in bytes
    """

    def __init__(self, max_uri_len: int, max_req_hdr_len: int) -> None:
        self.max_uri_len = max_uri_len
        self.max_req_hdr_len = max_req_hdr_len
        self._last: Head | None = None

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
    """A head that comes in several blocks, which are joined once, when it is complete."""

    def __init__(self, block: bytes) -> None:
        self._blocks = [block]
        self._len = len(block)
        self._has_line = b"\n" in block

    def add(self, block: bytes, max_uri_len: int, max_req_hdr_len: int) -> bytes | None:
        """All that has come, if the head is complete with `block`; else None.

        Raises HTTPError as `head_length` does.
        """
        ended = self._blocks[-1][-3:]
        if len(ended) < 3:  # the end may stretch over several short blocks
            ended = b"".join(self._blocks)[-3:]
        self._blocks.append(block)
        self._len += len(block)
        has_end = find_end(ended + block) > 0
        is_new_line = not self._has_line and b"\n" in block
        self._has_line = self._has_line or is_new_line
        is_limit = self._len >= max_req_hdr_len or (
            not self._has_line and self._len > max_uri_len + LINE_OVERHEAD_LEN
        )
        if has_end or is_new_line or is_limit or len(self._blocks) == _MAX_BLOCKS:
            received = b"".join(self._blocks)
            self._blocks = [received]
            if has_end:
                return received
            head_length(received, max_uri_len, max_req_hdr_len)
        return None
