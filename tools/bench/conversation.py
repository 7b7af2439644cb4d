"""One client that asks and waits, with as much of TCP as the system tells about its connection."""

import socket
import struct

from tools.bench.generator import has_ended, numbered, response_length
from tools.bench.servers import HOST

_TIMEOUT_S = 30
# Linux, struct tcp_info: tcpi_segs_out and tcpi_segs_in
_SEGMENTS_AT = 136
_SEGMENTS = struct.Struct("=II")


class Conversation:
    """Requests one after the other, on one connection for as long as the server keeps it.

    request  what is asked, see `generator.numbered`
    """

    def __init__(self, port: int, request: str) -> None:
        self._port = port
        self._requests = numbered(request)
        self.sock = self._connect()

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def ask(self) -> bytes:
        """The whole response; OSError without one."""
        self.sock.sendall(next(self._requests))
        received = b""
        while (length := response_length(received)) is None or len(received) < length:
            block = self.sock.recv(4096)
            if not block:
                if has_ended(received):
                    break
                raise ConnectionError("cut in the middle of a response")
            received += block
        if received.startswith(b"HTTP/1.0") or b"connection: close" in received.lower():
            self.sock.close()
            self.sock = self._connect()
        return received

    def count_segments(self) -> int:
        """TCP segments in both directions so far.  On Linux only."""
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return sum(_SEGMENTS.unpack_from(info, _SEGMENTS_AT))

    def _connect(self) -> socket.socket:
        sock = socket.create_connection((HOST, self._port), _TIMEOUT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
