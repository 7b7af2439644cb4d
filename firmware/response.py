"""A Microdot response on the wire: one write for a head and a short body, or a piece at a time."""

import time

from micropython import const

from firmware.encode import encode_chunk, encode_head, format_date, reason_of

_ONE_WRITE_LEN = const(2048)  # a body up to this is sent with its head in one piece
_CLOCK_IS_SET_FROM = const(2024)  # a board without the time is in the year 2000, or in 1970


class Sender:
    """Sends responses; one for the whole server."""

    def __init__(self, log):
        self._log = log
        self._second = 0
        self._date = ""

    async def send(self, wire, head, response, keeps: bool) -> bool:
        """Sends `response` to the request of `head`; whether the connection may go on.

        keeps  whether it may as far as the request and the server are concerned
        Raises ValueError, before anything is sent, when a header of the response breaks its line;
        EOFError when only closing the connection tells the client that the body is not whole.
        """
        response.complete()
        headers = response.headers
        status = response.status_code
        has_body = not (response.is_head or status < 200 or status == 204 or status == 304)
        if not has_body and not response.is_head and "Content-Length" in headers:
            del headers["Content-Length"]  # RFC 9110, 8.6
        if str(headers.get("Connection", "")).lower() == "close":
            keeps = False
        if isinstance(response.body, bytes):
            await self._send_short(wire, head, response, has_body, keeps)
            return keeps
        return await self._send_stream(wire, head, response, has_body, keeps)

    async def _send_short(self, wire, head, response, has_body, keeps):
        data = self._encode_head(head, response, keeps, "")
        body = response.body if has_body else b""
        is_short = len(body) <= _ONE_WRITE_LEN
        wire.is_answered = True
        await wire.send(data + body if is_short else data)
        if not is_short:
            await wire.send(body)

    async def _send_stream(self, wire, head, response, has_body, keeps):
        is_sized = "Content-Length" in response.headers
        is_chunked = head.minor == 1 and not is_sized
        keeps = keeps and (is_chunked or is_sized or not has_body)
        body = response.body_iter()
        try:
            body = body.__aiter__()
            extra = "Transfer-Encoding: chunked\r\n" if is_chunked else ""
            data = self._encode_head(head, response, keeps, extra)
            wire.is_answered = True
            await wire.send(data)
            if has_body and is_sized:
                await self._send_sized(wire, body, int(response.headers["Content-Length"]))
            elif has_body:
                await self._send_pieces(wire, body, is_chunked)
        finally:
            if hasattr(body, "aclose"):
                await body.aclose()
        return keeps

    async def _send_pieces(self, wire, body, is_chunked):
        piece = await self._next_piece(body)
        while piece is not None:
            if piece:
                await wire.send(encode_chunk(piece) if is_chunked else piece)
            piece = await self._next_piece(body)
        if is_chunked:
            await wire.send(b"0\r\n\r\n")

    async def _send_sized(self, wire, body, left):
        """A streamed body whose handler has said how long it is, and must keep to it."""
        piece = await self._next_piece(body)
        while piece is not None and len(piece) <= left:
            left -= len(piece)
            await wire.send(piece)
            piece = await self._next_piece(body)
        if piece is not None or left:
            self._log.error("response body has not the length it said")
            raise EOFError

    async def _next_piece(self, body):
        """The next piece as bytes, None at the end."""
        try:
            piece = await body.__anext__()
            return piece.encode() if isinstance(piece, str) else piece
        except StopAsyncIteration:
            return None
        except Exception as error:
            self._log.exception("response body failed", error)
            raise EOFError

    def _encode_head(self, head, response, keeps, extra):
        if keeps and head.minor == 0:
            extra += "Connection: keep-alive\r\n"
        if "Date" not in response.headers:
            extra += self._date_field()
        return encode_head(
            response.status_code, response.reason, response.headers, not keeps, extra
        )

    def _date_field(self):
        """The field `Date` of this second, "" while nobody has set the clock (RFC 9110, 6.6.1)."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            now = time.gmtime(second)
            is_set = now[0] >= _CLOCK_IS_SET_FROM
            self._date = "Date: %s\r\n" % format_date(now) if is_set else ""
        return self._date


def encode_error(status: int) -> bytes:
    """A response that refuses a request, says so in one line, and closes."""
    text = "%d %s\n" % (status, reason_of(status))
    headers = {"Content-Type": "text/plain; charset=UTF-8", "Content-Length": str(len(text))}
    if status == 503:
        headers["Retry-After"] = "1"
    return encode_head(status, None, headers, True) + text.encode()
