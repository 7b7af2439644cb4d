"""The pure parser on any bytes: a request, a status or "more", the same in any split."""

import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.http1 import Head, HTTPError, head_length

MAX_URI_LEN = 60
MAX_REQ_HDR_LEN = 200

TOKENS = st.sampled_from(
    [b"GET ", b"/", b" HTTP/1.1", b"\r\n", b"\n", b"Host: x", b": ", b"Content-Length: 3", b"\r"]
    + [
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"a" * 50,
        b" ",
        b"\0",
        b"\xff",
        b"HEAD ",
    ]
)
LIKELY = st.lists(TOKENS, max_size=30).map(b"".join)
FIELDS = st.lists(st.sampled_from([b"A: b", b"Connection: close", b"B:", b"Cookie: a=1", b"A"]))
NEARLY = FIELDS.map(lambda fields: b"\r\n".join([b"GET / HTTP/1.1", b"Host: x", *fields, b"", b""]))
ANY = st.one_of(st.binary(max_size=300), LIKELY, NEARLY)


def parse(received):
    """(length, what the head says) or a status or "more", as a connection would do it."""
    try:
        length = head_length(received, MAX_URI_LEN, MAX_REQ_HDR_LEN)
        if not length:
            return "more"
        head = Head(received[:length], MAX_URI_LEN)
    except HTTPError as error:
        return error.status
    fields = list(head.items())
    for name, _ in fields:
        assert name in head and head[name] == head.get(name.upper())
    assert head.content_length is None or head.content_length >= 0
    return length, head.method, head.target, head.minor, head.keep_alive, fields


@given(ANY)
@settings(max_examples=1000, deadline=None)
def test_any_bytes_give_a_request_a_status_or_more(received):
    answer = parse(received)
    if answer == "more":
        assert len(received) < MAX_REQ_HDR_LEN
    elif isinstance(answer, tuple):
        assert answer[0] <= MAX_REQ_HDR_LEN and len(answer[2]) <= MAX_URI_LEN
    else:
        assert answer in (400, 413, 414, 431, 501, 505)


@given(ANY, st.lists(st.integers(1, 60), min_size=1, max_size=20))
@settings(max_examples=1000, deadline=None)
def test_the_answer_is_the_same_however_the_bytes_are_split(received, steps):
    whole = parse(received[:MAX_REQ_HDR_LEN])
    at = 0
    answer = "more"
    for step in steps + [MAX_REQ_HDR_LEN]:
        at = min(at + step, len(received), MAX_REQ_HDR_LEN)
        answer = parse(received[:at])
        if answer != "more":
            break
    assert answer == whole or {answer, whole} <= {400, 414, 431, 501, 505, "more"}


@given(st.binary(min_size=MAX_REQ_HDR_LEN, max_size=MAX_REQ_HDR_LEN))
@settings(max_examples=200, deadline=None)
def test_a_head_never_asks_for_more_than_its_limit(received):
    assert parse(received.replace(b"\n", b"x")) in (414, 431)


def test_parsing_holds_the_head_and_its_lower_case_and_no_more():
    raw = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"a" * 4000 + b"\r\n\r\n"
    head = Head(raw, MAX_URI_LEN)
    held = sum(sys.getsizeof(value) for value in vars(head).values() if value is not raw)
    assert held < len(raw) + 500
