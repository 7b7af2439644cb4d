"""An HTTP client for tests: raw bytes out, and every byte that comes back is judged by h11."""

import select
import socket
import struct
import time

import h11

_RECEIVE_LEN = 65536


def drop_closed(socks, timeout_s: float = 0):
    """Closes those of silent clients that the server has closed or answered; the others.

    Waits up to `timeout_s` for the first.
    """
    closed = select.select(socks, [], [], timeout_s)[0]
    for sock in closed:
        sock.close()
    return [sock for sock in socks if sock not in closed]


class Response:
    """status, reason, headers (lower-case name to value), body, pieces [(seconds, bytes)]."""

    def __init__(self, head):
        self.status = head.status_code
        self.reason = head.reason.decode()
        self.headers = {name.decode(): value.decode() for name, value in head.headers}
        self.http_version = head.http_version
        self.body = b""
        self.pieces = []

    @property
    def text(self):
        return self.body.decode()


class Client:
    """One connection."""

    def __init__(self, host: str, port: int, timeout_s: float = 10, source_port: int = 0):
        source = ("", source_port) if source_port else None
        self.sock = socket.create_connection((host, port), timeout_s, source)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser = h11.Connection(h11.CLIENT)
        self.first_line = b""
        self._rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def request(self, method: str, target: str, body=b"", headers=(), version="1.1"):
        """Sends a request and returns the whole response."""
        self.send(method, target, body, headers, version)
        return self.receive(method)

    def send(self, method: str, target: str, body=b"", headers=(), version="1.1"):
        lines = [f"{method} {target} HTTP/{version}", "Host: test", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def begin(self, method: str = "GET") -> Response:
        """The head of the next response; its body is read by `read_piece` or `finish`."""
        self._parser = h11.Connection(h11.CLIENT)
        self._parser.send(h11.Request(method=method, target="/", headers=[("Host", "test")]))
        self._parser.send(h11.EndOfMessage())
        self._parser.receive_data(self._rest) if self._rest else None
        event = self._next_event()
        while isinstance(event, h11.InformationalResponse):
            event = self._next_event()
        return Response(event)

    def read_piece(self) -> bytes:
        """The next piece of the body, b"" at its end."""
        event = self._next_event()
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    def finish(self, response: Response) -> Response:
        start = time.monotonic()
        piece = self.read_piece()
        while piece:
            response.pieces.append((time.monotonic() - start, piece))
            piece = self.read_piece()
        response.body = b"".join(piece for _, piece in response.pieces)
        self._rest = self._parser.trailing_data[0]
        return response

    def receive(self, method: str = "GET") -> Response:
        return self.finish(self.begin(method))

    def is_closed(self) -> bool:
        """Waits for the server's next move: True if it closes, False if it sends something."""
        try:
            return not self.sock.recv(1)
        except ConnectionError:
            return True

    def reset(self):
        """Vanishes with a RST instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _next_event(self):
        while True:
            event = self._parser.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._parser.receive_data(self.sock.recv(_RECEIVE_LEN))
