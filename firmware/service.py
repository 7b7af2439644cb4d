"""What the connections of a server share: the application, other collaborators, and the limits."""

from microdot import Request
from micropython import const

from firmware.body import Body
from firmware.http1 import Head, HTTPError, head_length
from firmware.response import Sender, encode_error

_KEPT_HEAD_LEN = const(1024)  # a longer one is not kept
_MICRODOT_MAX_LEN = const(16384)  # Microdot's own limit, which nobody has chosen


class Service:
    """What all connections of a server share: collaborators, and the limits by their names.

    app        a Microdot application
    workers    its `release(request)` is called at the end of each request
    sender     of responses
    last_head  the `Head` that was parsed last
    busy_response  a 503, made while there is memory
    is_draining    the server stops: no connection is kept alive
    is_closing     the tasks are to end
    """

    max_req_hdr_len: int
    max_uri_len: int
    max_body_len: int
    recv_wait_timeout_ms: int
    send_wait_timeout_ms: int
    keep_alive_timeout_ms: int

    def __init__(self, app, workers, log, limits: dict):
        self.app = app
        self.workers = workers
        self.log = log
        self.sender = Sender(log)
        self.last_head = None
        self.busy_response = encode_error(503)
        self.is_draining = False
        self.is_closing = False
        for name in limits:
            setattr(self, name, limits[name])

    def parse_head(self, wire):
        """The `Head` that the wire has received, None while it is not complete.

        Raises HTTPError.
        """
        head = self.last_head
        if head and wire.received == head.raw:  # a client who polls sends the same again and again
            wire.received = b""
            return head
        wire.received = wire.received.lstrip(b"\r\n")  # RFC 9112, 2.2
        length = head_length(wire.received, self.max_uri_len, self.max_req_hdr_len)
        if not length:
            return None
        head = Head(wire.use(length), self.max_uri_len)
        if length <= _KEPT_HEAD_LEN:
            self.last_head = head
        return head

    async def receive_body(self, wire, head):
        """(Body, its bytes); None for the bytes of one that is left to be streamed.

        One longer than `max_body_len` is: an application that wants that sets
        `Request.max_content_length`, as Microdot documents it.  Raises HTTPError.
        """
        limit = max_len = self.max_body_len
        if Request.max_content_length != _MICRODOT_MAX_LEN:
            max_len = max(limit, Request.max_content_length)
        if head.content_length is not None and head.content_length > max_len:
            raise HTTPError(413)
        body = Body(wire, head, max_len, limit, self.recv_wait_timeout_ms)
        return body, await body.read_whole(limit)

    def keeps(self, head, body) -> bool:
        """Whether the connection may go on as far as the request and the server are concerned.

        Raises HTTPError when the client broke the rules while the handler read the body.
        """
        if body and body.failure:
            raise HTTPError(body.failure)
        if not head.keep_alive or self.is_draining:
            return False
        return not body or body.is_drainable(self.max_body_len)

    def build_request(self, head, address, wire, body, data):
        """Microdot's request.

        body  the `Body`, None when there is none
        data  its bytes; None when it is left to be streamed
        Raises HTTPError when it can't be decoded.
        """
        try:
            request = Request(
                self.app,
                address,
                head.method,
                head.target,
                "1.1" if head.minor else "1.0",
                head.early,
                data or b"",
                body if body and data is None else None,
                (wire, wire),
            )
        except (ValueError, UnicodeError):  # a query that can't be decoded
            raise HTTPError(400)
        request.headers = head  # all of them, now that those which Microdot wanted are found
        if body:
            request.max_content_length = body.max_len
            if data:
                request.content_length = len(data)  # of a chunked one, too
        return request

    def allow(self, request, response):
        """A 405 names what is allowed instead (RFC 9110, 15.5.6)."""
        if "Allow" not in response.headers:
            response.headers["Allow"] = self.app.default_options_handler(request)["Allow"]
