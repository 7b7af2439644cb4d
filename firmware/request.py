"""What a handler gets: Microdot's `Request`, made of a head and of what was read of the body."""

from microdot import Request
from microdot.microdot import NoCaseDict

from firmware.http1 import HTTPError


class ServedRequest(Request):
    """Microdot's request; its dictionary of headers and its stream are made when asked for.

    body  what is still to come of it, or None
    data  what was received in advance
    made  the body that the handler has made, if handlers after it may put another in its place
    Raises HTTPError.
    """

    made: "Anything" = None
    _stream: "Anything"

    def __init__(
        self,
        app: "Microdot",
        address: tuple,
        head: "Head",
        wire: "Wire",
        body: "Body | None",
        data: bytes | None,
    ) -> None:
        version = "1.1" if head.minor else "1.0"
        sock: Anything = (wire, wire)
        method = head.method
        try:
            super().__init__(
                app, address, method, head.target, version, head.early, data or b"", None, sock
            )
        except (ValueError, UnicodeError):  # a query that can't be decoded
            raise HTTPError(400)
        del self.headers  # until they are asked for: those that Microdot wants are found
        self._head = head
        self._incoming = body
        if body:
            self.max_content_length = body.max_len
            if data:
                self.content_length = len(data)  # of a chunked one, too

    def __getattr__(self, name: str) -> "Anything":
        if name != "headers":
            raise AttributeError(name)
        self.headers = _fields_of(self._head)
        return self.headers

    @property
    def stream(self) -> "Anything":
        if self._stream is None:
            from firmware.stream import Stream

            self._stream = Stream(self._incoming, self.body)
        return self._stream

    def after_request(self, f: "Function") -> "Function":
        """Microdot's."""
        if not self.after_request_handlers:
            self.after_request_handlers.append(note_body)
        return super().after_request(f)

    @property
    def sess_ctx(self) -> "Anything":
        """An object that the application keeps with the connection (ESP-IDF's field); or None.

        If it has a plain method `close`, that is called when the connection has ended.
        """
        wire: Anything = self.sock
        return wire[0].sess_ctx

    @sess_ctx.setter
    def sess_ctx(self, value: "Anything") -> None:
        wire: Anything = self.sock
        wire[0].sess_ctx = value


async def note_body(request: "Anything", response: "Response") -> None:
    """The first of the handlers after a request; what a later one replaces is closed, too."""
    if request.made is None:
        request.made = response.body


def _fields_of(head: "Head") -> NoCaseDict:
    """Microdot's dictionary of the fields of a head."""
    fields = NoCaseDict()
    for name, value in head.items():
        if name in fields:
            value = fields[name] + ("; " if name.lower() == "cookie" else ", ") + value
        fields[name] = value
    return fields
