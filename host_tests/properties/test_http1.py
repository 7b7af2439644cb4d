"""The pure parser on any bytes: a request, a status or "more", the same in any split."""

import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.heads import HeadParser, PartialHead, head_length
from firmware.http1 import Head, HTTPError

MAX_URI_LEN = 60
MAX_REQ_HDR_LEN = 200
REFUSALS = {400, 413, 414, 431, 501, 505}

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
        b"%2",
        b"[::1]",
    ]
)
LIKELY = st.lists(TOKENS, max_size=30).map(b"".join)
FIELDS = st.lists(st.sampled_from([b"A: b", b"Connection: close", b"B:", b"Cookie: a=1", b"A"]))
NEARLY = FIELDS.map(lambda fields: b"\r\n".join([b"GET / HTTP/1.1", b"Host: x", *fields, b"", b""]))
ANY = st.one_of(st.binary(max_size=300), LIKELY, NEARLY)
STEPS = st.lists(st.integers(1, 60), min_size=1, max_size=20)


def parse(received):
    """(length, what the head says) or a status or "more", for all that has come at a time."""
    try:
        length = head_length(received, MAX_URI_LEN, MAX_REQ_HDR_LEN)
        if not length:
            return "more"
        return describe(Head(received[:length], MAX_URI_LEN))
    except HTTPError as error:
        return error.status


def receive(received, steps):
    """The same, for what comes in blocks, as a connection does it."""
    parser = HeadParser(MAX_URI_LEN, MAX_REQ_HDR_LEN)
    at = steps[0]
    block = received[:at]
    try:
        parsed = parser.parse(block)
        block = block.lstrip(b"\r\n")
        left = steps[1:] + [MAX_REQ_HDR_LEN] * 2
        while not (parsed or block) and at < len(received):  # empty lines are no request
            block = received[at : at + left[0]]
            left = left[1:] or left
            at += len(block)
            block = block.lstrip(b"\r\n")
            parsed = parser.parse(block) if block else None
        length = len(block)
        partial = PartialHead(block)
        for step in left + [MAX_REQ_HDR_LEN] * 2:
            block = received[at : at + min(step, MAX_REQ_HDR_LEN - length)]
            if parsed or not block:
                break
            at += len(block)
            length += len(block)
            is_complete = partial.add(block, MAX_URI_LEN, MAX_REQ_HDR_LEN)
            parsed = parser.parse(partial.join()) if is_complete else None
    except HTTPError as error:
        return error.status
    return describe(parsed[0]) if parsed else "more"


def describe(head):
    fields = list(head.items())
    for name, value in fields:
        assert value in head.get(name) and head.get(name) == head.get(name.upper())
    assert head.content_length is None or head.content_length >= 0
    return len(head.raw), head.method, head.target, head.minor, bool(head.keep_alive), fields


@given(ANY)
@settings(max_examples=1000, deadline=None)
def test_any_bytes_give_a_request_a_status_or_more(received):
    answer = parse(received)
    if answer == "more":
        assert len(received) < MAX_REQ_HDR_LEN
    elif isinstance(answer, tuple):
        assert answer[0] <= MAX_REQ_HDR_LEN and len(answer[2]) <= MAX_URI_LEN
    else:
        assert answer in REFUSALS


@given(ANY, STEPS)
@settings(max_examples=2000, deadline=None)
def test_the_answer_is_the_same_however_the_bytes_come(received, steps):
    """Which refusal it is, or that it comes before the end, may differ, and nothing else."""
    whole = parse(received.lstrip(b"\r\n")[:MAX_REQ_HDR_LEN])
    answer = receive(received, steps)
    assert answer == whole or {answer, whole} <= REFUSALS


@given(NEARLY, ANY)
@settings(max_examples=1000, deadline=None)
def test_the_answer_is_the_same_whatever_head_came_before(before, received):
    """Lines that are known are not checked again."""
    parser = HeadParser(MAX_URI_LEN, MAX_REQ_HDR_LEN)
    ask(parser, before)
    more = before[:-2] + received
    for each in (received, before.replace(b"GET /", b"GET /?").replace(b"b", b"", 1), more):
        assert ask(parser, each) == ask(HeadParser(MAX_URI_LEN, MAX_REQ_HDR_LEN), each)


def ask(parser, received):
    """What a parser says to what comes in one piece."""
    try:
        parsed = parser.parse(received)
    except HTTPError as error:
        return error.status
    return (describe(parsed[0]), parsed[1]) if parsed else "more"


@given(st.binary(min_size=MAX_REQ_HDR_LEN, max_size=MAX_REQ_HDR_LEN))
@settings(max_examples=200, deadline=None)
def test_a_head_never_asks_for_more_than_its_limit(received):
    assert parse(b"a" + received[1:].replace(b"\n", b"x")) in (414, 431)


def test_a_head_holds_itself_and_little_more():
    raw = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"a" * 4000 + b"\r\n\r\n"
    head = Head(raw, MAX_URI_LEN)
    held = sum(sys.getsizeof(value) for value in vars(head).values() if value is not raw)
    assert held < 600
