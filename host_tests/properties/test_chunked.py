"""Chunked framing on any bytes: what a strict reader of RFC 9112, 7.1 says, in any split."""

import asyncio
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.body import Body
from firmware.chunked import LINE_LEN, is_last_trailer, parse_size
from firmware.encode import encode_size
from firmware.http1 import Head, HTTPError
from firmware.slots import READING
from host_tests.unit.fakes import FakeMemory, FakeSocket, open_wire

HEAD = Head(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 100)
MAX_LEN = 1000
# RFC 9112, 7.1, written a second time: the size, then its extensions without a control character.
SIZE_LINE = re.compile(rb"0*([0-9A-Fa-f]{1,7})([ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")
FIELD_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n")

PIECES = st.sampled_from(
    [b"0", b"1", b"a", b"F", b"\r\n", b"\n", b"\r", b";", b"x=y", b" ", b"\t", b"\0", b"0000000"]
    + [b"A: b", b":", b"\xff", b"10000000", b"3\r\nabc\r\n", b"0\r\n\r\n", b"1\r\nx", b"-", b"0x"]
)
LINES = st.one_of(st.binary(max_size=20), st.lists(PIECES, max_size=6).map(b"".join)).map(
    lambda text: text.split(b"\n")[0] + b"\n"
)
ANY = st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=20).map(b"".join))
EXTENSIONS = st.sampled_from([b"", b";a", b";a=b", b' ;a="b"', b"\t;c"])
CHUNKS = st.lists(st.tuples(st.binary(min_size=1, max_size=40), EXTENSIONS), max_size=8)
TRAILERS = st.lists(st.sampled_from([b"A: b\r\n", b"Digest:\r\n", b"c-d:\te\r\n"]), max_size=4)


def result_of(function, line):
    try:
        return function(line)
    except HTTPError as error:
        return "refused with %d" % error.status


def receive(data, step):
    """(body, bytes behind it), a status, or "closed", when no more than `data` comes."""

    async def read():
        sock = FakeSocket(data, step=step)
        sock.has_ended = True
        wire = open_wire(sock, READING)
        body = await Body(wire, HEAD, MAX_LEN, MAX_LEN, 5000).read_whole(MAX_LEN, FakeMemory())
        return body, wire.received + b"".join(sock.incoming)

    try:
        return asyncio.run(read())
    except HTTPError as error:
        return error.status
    except EOFError:
        return "closed"


@given(LINES)
@settings(max_examples=2000, deadline=None)
def test_a_size_line_is_what_the_grammar_says_it_is(line):
    match = SIZE_LINE.fullmatch(line)
    result = result_of(parse_size, line)
    if match:
        assert result == int(match[1], 16)
    else:
        assert result in ("refused with 400", "refused with 413")


@given(LINES)
@settings(max_examples=1000, deadline=None)
def test_a_trailer_is_what_the_grammar_says_it_is(line):
    expected = line == b"\r\n" or bool(FIELD_LINE.fullmatch(line)) and "field"
    result = result_of(is_last_trailer, line)
    assert result == {True: True, "field": False, False: "refused with 400"}[expected]


@given(st.integers(1, 0xFFFFFFF))
def test_a_size_that_we_send_is_one_that_we_read(length):
    assert parse_size(encode_size(length)) == length


@given(CHUNKS, TRAILERS, st.integers(1, 50), st.binary(max_size=10))
@settings(max_examples=300, deadline=None)
def test_a_body_in_chunks_arrives_whole_and_nothing_behind_it_is_touched(
    chunks, trailers, step, behind
):
    text = b"".join(b"%x%s\r\n%s\r\n" % (len(data), extension, data) for data, extension in chunks)
    text += b"0\r\n" + b"".join(trailers) + b"\r\n"
    body = b"".join(data for data, _ in chunks)
    assert receive(text + behind, step) == (body, behind)


@given(ANY, st.integers(1, 20))
@settings(max_examples=500, deadline=None)
def test_any_bytes_give_the_same_in_any_split(data, step):
    whole = receive(data, None)
    assert receive(data, step) == whole
    if isinstance(whole, tuple):
        assert data.endswith(whole[1]) and b"0\r\n" in data
    else:
        assert whole in (400, 413, 431, "closed")


@given(st.binary(min_size=LINE_LEN + 1, max_size=400), st.integers(1, 300))
@settings(max_examples=100, deadline=None)
def test_a_line_without_an_end_is_refused_at_its_limit(data, step):
    data = b"1;" + data.replace(b"\n", b"x")
    assert receive(data, step) == 400
