"""What a handler gets: Microdot's `Request`, made of a head and of what was read of the body."""

from microdot import Request, Response
from microdot.microdot import NoCaseDict


class ServedRequest(Request):
    """Microdot's request, of which most is made when it is asked for.

    To set each of its attributes takes half of the time that a quick request takes.  Those that
    every request needs are set here; the others are those of a `Request` as Microdot makes it.
    head  what it was made of
    body  what is still to come of it, or None
    data  what was received in advance
    wire  the client's
    is_malformed  Microdot's parser of a form in several parts says so
    """

    after_request_handlers: "Anything" = ()
    content_length = 0
    route: "Anything" = None
    subapp: "Anything" = None
    body_used = is_malformed = False
    _body = b""
    _stream: "Anything" = None
    _json = _form = _files = None
    _incoming: "Body | None" = None
    _plain: Request | None = None

    def __init__(
        self,
        app: "Microdot",
        head: "Head",
        wire: "Wire",
        body: "Body | None",
        data: bytes | None,
    ) -> None:
        self.app = app
        self.method = head.method
        self.path = target = head.target
        self.g = Request.G()
        self.head = head
        self.wire = wire
        at = target.find("?")
        if at >= 0:
            self.path = target[:at]
        if body:
            self._incoming = body
            self.max_content_length = body.max_len
            self.content_length = head.content_length or 0
        if data:
            self._body = data
            self.content_length = len(data)  # of a chunked one, too

    def __getattr__(self, name: str) -> "Anything":
        """Of what was not set; it is set then."""
        value: Anything
        if name == "headers":
            value = _fields_of(self.head)
        elif name == "client_addr":
            value = self.wire.address
        elif name == "sock":
            from firmware.sock import Sock

            sock = Sock(self.wire)
            value = (sock, sock)
        elif name == "query_string":
            _, mark, query = self.head.target.partition("?")
            value = query if mark else None
        elif name == "content_type":  # of each JSON
            value = _spell_type(self.head.content_type)
        elif name == "cookies":  # which are copied for that
            cookie = self.head.get("Cookie")
            value = self._make_plain({} if cookie is None else {"Cookie": cookie}).cookies
        else:
            plain = self._plain = self._plain or self._make_plain({})
            value = getattr(plain, name)
        setattr(self, name, value)
        return value

    def _make_plain(self, fields: dict) -> Request:
        """Microdot's own, with those of the fields that it looks at."""
        head = self.head
        version = "1.1" if head.minor else "1.0"
        return Request(self.app, self.client_addr, head.method, head.target, version, fields)

    @property
    def stream(self) -> "Anything":
        if self._stream is None:
            from firmware.stream import Stream

            self._stream = Stream(self._incoming, self.body)
        return self._stream

    def prepare_file(self, result: "Anything") -> Response:
        """The response of a file that a long handler has returned: all of it, or a part."""
        from firmware.static import prepare

        if isinstance(result, tuple):  # the status may be missing
            body, *rest = result[:3]
            result = Response(body, *(rest if isinstance(rest[0], int) else [200] + rest))
        elif not isinstance(result, Response):
            result = Response(result)
        if not isinstance(result.headers, NoCaseDict):
            result.headers = NoCaseDict(result.headers)
        prepare(self.head, result)
        return result

    def after_request(self, f: "Function") -> "Function":
        """Microdot's."""
        if not self.after_request_handlers:
            self.after_request_handlers = [note_body]
        return super().after_request(f)

    @property
    def sess_ctx(self) -> "Anything":
        """An object that the application keeps with the connection (ESP-IDF's field); or None.

        If it has a plain method `close`, that is called when the connection has ended.
        """
        return self.wire.sess_ctx

    @sess_ctx.setter
    def sess_ctx(self, value: "Anything") -> None:
        self.wire.sess_ctx = value


async def note_body(request: "Anything", response: "Response") -> None:
    """The first of the handlers after a request; what a later one replaces is closed, too."""
    if request.wire.made is None:
        request.wire.made = response.body


def _spell_type(value: str | None) -> str | None:
    """A content type as Microdot's `json` and `form` know it; in a head it may have capitals, and
    white space before its parameters (RFC 9110, 8.3.1 and 5.6.6)."""
    if value is None or (value.islower() and " ;" not in value and "\t" not in value):
        return value
    kind, mark, parameters = value.partition(";")
    return kind.rstrip().lower() + mark + parameters


def _fields_of(head: "Head") -> NoCaseDict:
    """Microdot's dictionary of the fields of a head."""
    fields = NoCaseDict()
    for name, value in head.items():
        if name in fields:
            value = fields[name] + ("; " if name.lower() == "cookie" else ", ") + value
        fields[name] = value
    return fields
