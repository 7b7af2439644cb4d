"""A played board has the send buffer and the window of lwIP, and what is larger arrives whole."""

import hashlib
import socket
import time

import pytest

BUFFER_LEN = 5760
APP = """
import asyncio
from microdot import Microdot, Request
from firmware.app import run

Request.max_content_length = 200000
app = Microdot()

@app.get("/send")
async def send(request):
    print("taken:", request.wire.send_now(bytes(8000)))

@app.post("/receive")
async def receive(request):
    await asyncio.sleep(0.3)
    print("waiting:", len(request.wire._sock.recv(8000)))

@app.get("/page")
async def page(request):
    return b"0123456789abcdef" * 1250

@app.get("/lines")
async def lines(request):
    return iter(["0123456789abcdef" * 8] * 320)

@app.post("/echo")
async def echo(request):
    import hashlib
    digest = hashlib.sha256()
    block = await request.stream.read(1000)
    while block:
        digest.update(block)
        await asyncio.sleep(0)
        block = await request.stream.read(1000)
    return digest.digest()

run(app)
"""


@pytest.fixture(scope="module")
def site(make_board, tmp_path_factory):
    return make_board(tmp_path_factory.mktemp("site"), main=APP)


def connect_slow(site):
    """A client whose own buffer is small."""
    client = site.connect()
    client.sock.close()
    client.sock = socket.socket()
    client.sock.settimeout(10)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.sock.connect((site.host, site.port))
    return client


def test_a_send_takes_no_more_than_a_board_does(site):
    mark = len(site.lines)
    with site.connect() as client:
        client.send("GET", "/send")
        line = site.lines[site.wait_line("taken:", mark)]
    assert 1000 < int(line.split()[1]) <= BUFFER_LEN


def test_a_client_can_send_no_more_ahead_than_a_board_takes(site):
    mark = len(site.lines)
    with site.connect() as client:
        head = b"POST /receive HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
        client.sock.sendall(head + bytes(100000))
        line = site.lines[site.wait_line("waiting:", mark)]
    assert 1000 < int(line.split()[1]) <= BUFFER_LEN


@pytest.mark.parametrize(("path", "count"), [("/page", 1250), ("/lines", 2560)])
def test_a_large_page_arrives_whole_at_a_client_that_reads_slowly(site, path, count):
    received = b""
    with connect_slow(site) as client:
        client.send("GET", path, headers=["Connection: close"])
        while block := client.sock.recv(2000):
            received += block
            time.sleep(0.005)
            assert len(received) % 5 or site.get("/nothing").status == 404
    # No piece is cut by the line of a chunk: a packet is of whole pieces.
    assert received.count(b"0123456789abcdef") == count


def test_100_kb_arrive_whole_through_the_window(site):
    data = b"".join(b"%06d" % number for number in range(17000))
    with site.connect() as client:
        client.sock.sendall(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(data)
        )
        client.sock.sendall(data)
        assert client.receive().body == hashlib.sha256(data).digest()
