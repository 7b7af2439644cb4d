"""What the connections of a server share: the application, other collaborators, and the limits."""

from microdot import Request
from micropython import const

from firmware.encode import encode_error
from firmware.http1 import HTTPError
from firmware.response import Sender

_MICRODOT_MAX_LEN = const(16384)  # Microdot's own limit, which nobody has chosen


class Service:
    """What all connections of a server share: collaborators and limits.

    app       a Microdot application
    workers   its `release(request)` is called at the end of each request
    table     the `SlotTable`
    on_room   called when a slot is released or becomes purgeable
    last_head    the `Head` that was parsed last
    is_draining  the server stops: no connection is kept alive
    is_closing   the tasks are to end
    """

    def __init__(self, app, workers, table, log, on_room, limits):
        self.app = app
        self.workers = workers
        self.table = table
        self.log = log
        self.on_room = on_room
        self.sender = Sender(log)
        self.busy_response = encode_error(503)  # made while there is memory
        self.last_head = None
        self.is_draining = False
        self.is_closing = False
        self.max_req_hdr_len = limits["max_req_hdr_len"]
        self.max_uri_len = limits["max_uri_len"]
        self.max_body_len = limits["max_body_len"]
        self.recv_wait_timeout_ms = limits["recv_wait_timeout_ms"]
        self.send_wait_timeout_ms = limits["send_wait_timeout_ms"]
        self.keep_alive_timeout_ms = limits["keep_alive_timeout_ms"]

    def max_content_len(self) -> int:
        """Bytes a body may have; what is more than `max_body_len` is read from `request.stream`.

        An application that wants that sets `Request.max_content_length`, as Microdot documents it.
        """
        chosen = Request.max_content_length
        return self.max_body_len if chosen == _MICRODOT_MAX_LEN else chosen

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
                # Microdot looks up three fields in each request; few requests have one of them.
                {} if head.is_plain else head,
                data or b"",
                body if body and data is None else None,
                (wire, wire),
            )
        except (ValueError, UnicodeError):  # a query that can't be decoded
            raise HTTPError(400)
        request.headers = head
        if body:
            request.max_content_length = body.max_len
            if data:
                request.content_length = len(data)  # of a chunked one, too
        return request

    def allow(self, request, response):
        """A 405 names what is allowed instead (RFC 9110, 15.5.6)."""
        if "Allow" not in response.headers:
            response.headers["Allow"] = self.app.default_options_handler(request)["Allow"]
