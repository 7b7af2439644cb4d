"""What is set in an application before it is served; dropped when that is done.

Nothing that stays may be of this module: a function keeps all that its module has.
"""

import sys

from microdot import Request
from micropython import const

from firmware.refusal import refuse_exhausted, refuse_malformed, trace_to
from firmware.request import note_body

_MICRODOT_MAX_LINE_LEN = const(2048)  # Microdot's own limit, which nobody has chosen
_WITH_BODY = ("POST", "PUT", "PATCH")


def prepare(app: "Microdot", log: "Log", limits: dict) -> None:
    """Makes handlers of errors and of responses those that the server needs.

    limits  the settings of section "server"; a limit that the application sets counts
    Adds to them, as "request_len", what the largest request takes while it is received.
    """
    if Request.max_readline != _MICRODOT_MAX_LINE_LEN:  # chosen by the application
        limits["max_uri_len"] = Request.max_readline
        limits["max_req_hdr_len"] = max(limits["max_req_hdr_len"], 2 * Request.max_readline)
    _limit_bodies(sys.modules.get("microdot.websocket"), limits)
    words_all = False  # a handler of the application's own takes any exception
    for each in [app] + [route[4] for route in app.url_map]:
        handlers = each and each.after_request_handlers
        if handlers and handlers[0] is not note_body:
            handlers.insert(0, note_body)  # type: ignore[arg-type]
        words_all = words_all or bool(each and Exception in each.error_handlers)
    # Microdot takes exceptions here, too, which its types do not say.
    app.error_handlers.setdefault(MemoryError, refuse_exhausted)  # type: ignore[arg-type]
    if not words_all:
        app.error_handlers.setdefault(ValueError, refuse_malformed)  # type: ignore[arg-type]

    trace = trace_to(log)
    for name, module in sys.modules.items():
        if name.startswith("microdot") and hasattr(module, "print_exception"):
            # A client's text may be in it.
            module.print_exception = trace  # type: ignore[attr-defined]
    if any(method in route[0] for route in app.url_map for method in _WITH_BODY):
        # Now, instead of in the first request, where what stays would lie in the way.
        import firmware.body
        import firmware.stream  # noqa: F401


def _limit_bodies(websocket: "Anything", limits: dict) -> None:
    """A message of a WebSocket may be as long as a body, if the application does not say more."""
    span = Request.max_body_length
    if span == getattr(Request, "unchosen_len", 0):
        span = limits["max_body_len"]
        if span and websocket and websocket.WebSocket.max_message_length == -1:
            websocket.WebSocket.max_message_length = span  # 0 would be no limit
    head_len = limits["max_req_hdr_len"]
    limits["request_len"] = head_len + max(head_len, 2 * span)  # each is joined once
