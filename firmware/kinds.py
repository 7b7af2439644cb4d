"""What kind a response is of, and what that asks for before it leaves."""

from microdot import Response
from microdot.microdot import NoCaseDict

import firmware
from firmware.response import OK


def is_plain(response: "Response") -> bool:
    """Whether it is sent as it is: nearly all of those to what is quick."""
    if response.headers or response.status_code is not OK or response is Response.already_handled:
        return False
    return isinstance(response.body, bytes)


def adapt(wire: "Wire", response: "Response") -> bool:
    """A 405 says what is allowed, and a file is read in parts.

    Whether the response is an event stream.
    """
    request = wire.request
    headers = response.headers
    if not isinstance(headers, NoCaseDict):
        headers = response.headers = NoCaseDict(headers)
    if response.status_code == 405 and "Allow" not in headers:  # RFC 9110, 15.5.6
        headers["Allow"] = request.app.default_options_handler(request)["Allow"]
    if hasattr(response.body, "seek"):
        firmware.collect_before("static")
        from firmware.static import prepare

        if wire.made is response.body:
            wire.made = None  # a part of a file closes it
        prepare(request.head, response)
    return str(headers.get("Content-Type")).startswith("text/event-stream")
