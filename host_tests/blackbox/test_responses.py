"""What a handler's response says of itself is kept to; what it leaves open, the server says."""

import json

import pytest

APP = """
import asyncio
from microdot import Microdot
from firmware.app import run

app = Microdot()
LINE = "x" * 1000

class Pieces:
    def __init__(self, pieces):
        self.pieces = iter(pieces)

    def __aiter__(self):
        return self

    async def __anext__(self):
        piece = next(self.pieces, None)
        if piece is None:
            raise StopAsyncIteration
        if isinstance(piece, float):
            await asyncio.sleep(piece)
            return ""
        return piece

    async def aclose(self):
        print("closed")

@app.get("/last")
async def last(request):
    return "x", 200, {"Connection": "close"}

@app.get("/dated")
async def dated(request):
    return "x", 200, {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"}

@app.get("/sized")
async def sized(request):
    return Pieces(["four" * 500, "four"]), 200, {"Content-Length": request.args["length"]}

@app.get("/pieces")
async def pieces(request):
    return Pieces(["one", "two"])

def flood():
    for _ in range(20000):
        yield LINE
    yield 0.6
    yield "end"

@app.get("/pause")
async def pause(request):
    return Pieces(flood())

@app.errorhandler(405)
async def refuse(request):
    return "no", 405, {"Allow": "BREW"}

@app.post("/length")
async def length(request):
    return str(request.content_length)

@app.get("/wait")
async def wait(request):
    print("waits")
    try:
        await asyncio.sleep(60)
    finally:
        print("cancelled")

run(app)
"""


@pytest.fixture(scope="module")
def site(make_board, tmp_path_factory):
    # What is to be closed is not closed because it idles.
    server = {"send_wait_timeout_ms": 300, "keep_alive_timeout_ms": 600000}
    return make_board(tmp_path_factory.mktemp("site"), main=APP, server=server)


def test_a_handler_may_close_the_connection(site):
    with site.connect() as client:
        assert client.request("GET", "/last").headers["connection"] == "close"
        assert client.is_closed()


def test_a_handlers_own_date_is_the_only_one(site):
    with site.connect() as client:
        client.send("GET", "/dated", headers=["Connection: close"])
        received = read_all(client)
    assert received.count(b"\nDate:") == 1
    assert b"1970" in received


@pytest.mark.parametrize(("length", "body"), [(2001, b"four" * 500), (2005, b"four" * 501)])
def test_a_stream_that_does_not_keep_to_its_length_is_cut(site, length, body):
    with site.connect() as client:
        client.send("GET", f"/sized?length={length}")
        assert read_all(client).split(b"\r\n\r\n", 1)[1] == body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_streamed_body_is_closed_at_its_end(site, method):
    mark = len(site.lines)
    with site.connect() as client:
        client.request(method, "/pieces")
        site.wait_line("closed", mark)


def test_a_streamed_body_is_closed_when_its_client_is_gone(site):
    mark = len(site.lines)
    client = site.connect()
    client.send("GET", "/pause")
    client.begin()
    client.reset()
    site.wait_line("closed", mark)


def test_a_pause_after_a_large_piece_is_not_held_against_its_client(site):
    with site.connect() as client:
        assert client.request("GET", "/pause").body.endswith(b"xend")


def test_a_405_with_an_allow_of_its_own_keeps_it(site):
    with site.connect() as client:
        assert client.request("POST", "/last").headers["allow"] == "BREW"


def test_a_chunked_body_has_its_length_in_the_handler(site):
    with site.connect() as client:
        client.sock.sendall(
            b"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        assert json.loads(client.receive().text) == 5


def test_a_handler_whose_client_is_reset_is_cancelled(site):
    mark = len(site.lines)
    client = site.connect()
    client.send("GET", "/wait")
    mark = site.wait_line("waits", mark)
    client.reset()
    site.wait_line("cancelled", mark)


def read_all(client):
    """Everything up to the end of the connection, however it ends."""
    received = b""
    try:
        while block := client.sock.recv(65536):
            received += block
    except ConnectionError:
        pass
    return received
