"""What Microdot's multipart parser lacks; loaded with an application that has it."""

import os


def mend(multipart: "Anything", pool: "WorkerPool") -> None:
    """Makes the parser find each boundary, however it is said and wherever it lies, lose no
    temporary file, and say what is malformed.

    multipart  Microdot's module
    pool       which is told of the end of each request
    """
    # It misses a boundary across the end of its buffer, when more than that is asked for at once,
    # as `with_form_data` does.
    parser = multipart.FormDataIter
    parser.buffer_size = max(parser.buffer_size, multipart.FileUpload.max_memory_size)
    files = TemporaryFiles()
    multipart.open = files.open
    begin = parser.__init__
    following = parser.__anext__
    read = parser._read_buffer
    release = pool.release

    def begin_of(parts: "Anything", request: "Request") -> None:
        kind = request.content_type
        request.content_type = spell_boundary(kind or "")
        begin(parts, request)
        request.content_type = kind

    async def following_of(parts: "Anything") -> "Anything":
        try:
            return await following(parts)
        except ValueError:  # that of a handler is a failure of its own
            parts.request.is_malformed = True
            raise

    async def read_of(parts: "Anything", n: int = -1) -> bytes:
        data = await read(parts, n)
        files.body = parts.request._incoming  # who reads next opens a file before others run
        return data

    def release_all(wire: object) -> None:
        release(wire)
        files.sweep()

    parser.__init__ = begin_of
    parser.__anext__ = following_of
    parser._read_buffer = read_of
    pool.release = release_all  # type: ignore[method-assign]


def spell_boundary(content_type: str) -> str:
    """A content type as the parser reads it: with no parameter but `boundary`, which is bare.

    A client may put it between others, or in quotes (RFC 2046, 5.1.1; RFC 9110, 5.6.6).
    """
    kind, _, parameters = content_type.partition(";")
    for each in parameters.split(";"):  # which no boundary has in it
        name, _, value = each.partition("=")
        if name.strip().lower() == "boundary":
            return kind + "; boundary=" + value.strip().strip('"')
    return content_type


class TemporaryFiles:
    """Those that are open.

    `with_form_data` removes what it has parsed when all of a form has come: nothing of an upload
    that breaks off, and of two files of one name only the second.
    body  the `Body` that was read last: a file that is opened now is of its request.  The task
          that opens it may be another than the request's, as within `asyncio.wait_for`.
    """

    body: "Body | None" = None

    def __init__(self) -> None:
        self._open: list = []  # (the body of its request, the file, its path)

    def open(self, path: str, mode: str = "r") -> "Anything":
        """As the function; a file that is written and read again is a temporary one."""
        file = open(path, mode)  # noqa: SIM115
        if "+" in mode and self.body:
            self._open.append((self.body, file, path))
        return file

    def sweep(self) -> None:
        """Removes those whose request is over."""
        self.body = None  # it holds its connection
        if not self._open:
            return
        kept = []
        for each in self._open:
            body, file, path = each
            if not body.is_closed:
                kept.append(each)
                continue
            try:
                file.close()
            except OSError:  # the flash is full
                pass
            try:
                os.remove(path)
            except OSError:  # as nearly always: it is gone already
                pass
        self._open = kept
