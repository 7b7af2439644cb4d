"""Microdot's extensions on httpd32, unchanged, and what an application may ask of the server."""

import base64
import hashlib
import json

import pytest

STREAMS = """
import asyncio
from microdot import Microdot, Response, send_file
from microdot.sse import with_sse
from microdot.websocket import with_websocket
from firmware.app import run

app = Microdot()

@app.get("/events")
@with_sse
async def events(request, sse):
    for number in range(3):
        await sse.send({"number": number}, event="tick")
        await asyncio.sleep(0.01)

@app.get("/silent")
@with_sse
async def silent(request, sse):
    await asyncio.sleep(3600)

@app.get("/held")
async def held(request):
    try:
        await asyncio.sleep(3600)
    finally:
        print("/held ends")

@app.get("/echo")
@with_websocket
async def echo(request, ws):
    while True:
        await ws.send(await ws.receive())

@app.get("/file")
async def file(request):
    return send_file("file.html")

@app.get("/cookies")
async def cookies(request):
    response = Response("two")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response

run(app)
"""
ACCESS = """
from microdot import Microdot
from microdot.auth import BasicAuth
from microdot.cors import CORS
from microdot.session import Session, with_session
from firmware.app import run

app = Microdot()
auth = BasicAuth()
Session(app, secret_key="top secret")
CORS(app, allowed_origins=["http://friend"], allow_credentials=True)

@app.get("/quick")
async def quick(request):
    return "quick"

@auth.authenticate
async def check(request, name, password):
    return name if password == "secret" else None

@app.get("/count")
@with_session
async def count(request, session):
    session["count"] = session.get("count", 0) + 1
    session.save()
    return str(session["count"])

@app.get("/secret")
@auth
async def secret(request):
    return request.g.current_user

run(app)
"""
FORM = """
from microdot import Microdot, Request
from microdot.multipart import with_form_data
from firmware.app import run

app = Microdot()
Request.max_content_length = 10000

@app.get("/quick")
async def quick(request):
    return "quick"

@app.post("/form")
@with_form_data
async def form(request):
    length = 0
    while block := await request.files["file"].read(512):
        length += len(block)
    return {"name": request.form["name"], "file": length}

run(app)
"""
APP = """
from microdot import Microdot, Request, Response
from firmware.app import run
from firmware.workers import WorkerPool

app = Microdot()
pool = WorkerPool()
Request.max_content_length = 100000

@app.get("/quick")
async def quick(request):
    return "quick"

@app.get("/sized")
async def sized(request):
    return open("file.html", "rb"), 200, {"Content-Length": request.args["length"]}

@app.post("/json")
async def json(request):
    return request.json

@app.post("/echo")
@pool.long
async def echo_long(request):
    return request.body

@app.post("/stream")
async def stream(request):
    length = 0
    while True:
        block = await request.stream.read(512)
        if not block:
            return "%d of %d" % (length, len(request.body))
        length += len(block)

@app.post("/ignore")
async def ignore(request):
    return "ignored"

@app.get("/inject")
async def inject(request):
    return "x", 200, {"A": "b" + chr(13) + chr(10) + "Evil: yes"}

@app.get("/status/<int:status>")
async def status(request, status):
    return "text", status

@app.get("/incomplete")
async def incomplete(request):
    return iter(["x" * 1500, 2])  # too long to be gathered: it is sent at once

@app.get("/large")
async def large(request):
    return "x" * 5000

run(app, pool)
"""
FILE = b"<p>file</p>\n" * 300


@pytest.fixture(scope="module")
def site(make_board, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "file.html").write_bytes(FILE)
    return make_board(folder, main=APP)


@pytest.fixture(scope="module")
def streams(make_board, tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams")
    (folder / "file.html").write_bytes(FILE)
    return make_board(folder, main=STREAMS)


@pytest.fixture(scope="module")
def access(make_board, tmp_path_factory):
    return make_board(tmp_path_factory.mktemp("access"), main=ACCESS)


@pytest.fixture(scope="module")
def form_site(make_board, tmp_path_factory):
    return make_board(tmp_path_factory.mktemp("form"), main=FORM)


def test_server_sent_events_arrive_as_they_are_sent(streams):
    response = streams.get("/events")
    assert response.headers["content-type"] == "text/event-stream"
    events = [piece for _, piece in response.pieces]
    assert events == [b'event: tick\ndata: {"number": %d}\n\n' % n for n in range(3)]


def test_the_head_of_a_silent_stream_is_sent_at_once(streams):
    with streams.connect() as client:
        client.send("GET", "/silent")
        assert client.begin().status == 200


KEY = base64.b64encode(b"0123456789abcdef")
HELLO = (
    b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n\r\n"
)


def test_a_websocket_echoes_whatever_comes_with_its_handshake(streams):
    accept = base64.b64encode(hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    with streams.connect() as client:
        client.sock.sendall(HELLO + frame(b"early"))
        text = receive(client, len(b"\x81\x05early"), b"\r\n\r\n")
        assert text.startswith(b"HTTP/1.1 101 ") and accept in text
        assert text.endswith(b"\x81\x05early")
        wait_reaped(streams)  # it is idle meanwhile
        for size in (1, 125, 126, 2000):
            client.sock.sendall(frame(b"x" * size))
            head = b"\x81" + (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big"))
            assert receive(client, len(head) + size) == head + b"x" * size
        client.sock.sendall(b"\x88\x80mask")
        assert client.sock.recv(10) == b"\x88\x00"
        assert client.is_closed()


def test_a_websocket_closes_on_a_client_that_does_not_mask(streams):
    """What Microdot alone would echo: RFC 6455, 5.1."""
    with streams.connect() as client:
        client.sock.sendall(HELLO + b"\x81\x05plain")
        assert receive(client, 2, b"\r\n\r\n").endswith(b"\r\n\r\n\x88\x00")


def wait_reaped(board):
    """Returns when the reaper, which looks at every connection, has found a client that is gone."""
    mark = len(board.lines)
    with board.connect() as client:
        client.send("GET", "/held")
        board.wait_line("uri: /held", mark)
    board.wait_line("/held ends", mark)


def frame(text):
    mask = b"mask"
    masked = bytes(octet ^ mask[n % 4] for n, octet in enumerate(text))
    is_short = len(text) < 126
    size = bytes([0x80 | len(text)]) if is_short else b"\xfe" + len(text).to_bytes(2, "big")
    return b"\x81" + size + mask + masked


def receive(client, length, after=b""):
    """`length` bytes, behind the first `after` if that is given."""
    data = b""
    while len(data.partition(after)[2] if after else data) < length:
        block = client.sock.recv(4096)
        assert block
        data += block
    return data


def test_a_file_is_sent_whole(streams):
    response = streams.get("/file")
    assert response.body == FILE
    assert response.headers["content-type"] == "text/html"


def test_a_stream_with_a_length_is_not_chunked_and_must_keep_to_it(site):
    with site.connect() as client:
        response = client.request("GET", f"/sized?length={len(FILE)}")
        assert response.body == FILE and "transfer-encoding" not in response.headers
        assert client.request("GET", "/quick").text == "quick"
    for length in (len(FILE) - 1, len(FILE) + 1):
        with site.connect() as client:
            client.send("GET", f"/sized?length={length}")
            response = client.begin()
            assert int(response.headers["content-length"]) == length
            received = b""
            while block := client.sock.recv(4096):
                received += block
            assert len(received) <= len(FILE)


def test_a_session_is_kept_in_its_cookie(access):
    with access.connect() as client:
        cookie = "Cookie: a=b"
        for number in ("1", "2", "3"):
            response = client.request("GET", "/count", headers=[cookie])
            assert response.text == number
            cookie = "Cookie: " + response.headers["set-cookie"].split(";")[0]


def test_cors_allows_its_friends(access):
    with access.connect() as client:
        response = client.request("GET", "/quick", headers=["Origin: http://friend"])
        assert response.headers["access-control-allow-origin"] == "http://friend"
        asks = ["Origin: http://friend", "Access-Control-Request-Method: GET"]
        assert client.request("OPTIONS", "/quick", headers=asks).status in (200, 204)
        response = client.request("GET", "/quick", headers=["Origin: http://stranger"])
        assert "access-control-allow-origin" not in response.headers


def test_basic_authentication_lets_in_who_knows_the_password(access):
    with access.connect() as client:
        assert client.request("GET", "/secret").status == 401
        token = base64.b64encode(b"me:secret").decode()
        response = client.request("GET", "/secret", headers=[f"Authorization: Basic {token}"])
        assert (response.status, response.text) == (200, "me")


def test_a_multipart_form_arrives_with_its_file(form_site):
    parts = [
        b'Content-Disposition: form-data; name="name"\r\n\r\nvalue\r\n',
        b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + b"x" * 5000
        + b"\r\n",
    ]
    body = b"".join(b"--edge\r\n" + part for part in parts) + b"--edge--\r\n"
    with form_site.connect() as client:
        kind = "Content-Type: multipart/form-data; boundary=edge"
        response = client.request("POST", "/form", body, [kind])
        assert response.status == 200, "\n".join(form_site.lines[-12:])
        assert json.loads(response.text) == {"name": "value", "file": 5000}
        assert client.request("GET", "/quick").text == "quick"


def test_json_goes_in_and_out(site):
    with site.connect() as client:
        kind = "Content-Type: application/json"
        response = client.request("POST", "/json", b'{"a": [1, 2]}', [kind])
        assert json.loads(response.text) == {"a": [1, 2]}


def test_defect_j_a_chunked_body_arrives_whole_on_the_worker(site):
    with site.connect() as client:
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.sock.sendall(head + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
        assert client.receive().text == "abcdefg"
        assert client.request("GET", "/quick").text == "quick"


def test_defect_d_a_body_sent_byte_by_byte_arrives_whole_on_the_worker(site):
    for length in (1, 100, 4096):
        with site.connect() as client:
            body = bytes(97 + n % 26 for n in range(length))
            head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length
            for octet in head + body:
                client.sock.send(bytes([octet]))
            assert client.receive().body == body


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_past_max_body_len_is_streamed_when_the_application_allows_it(site, chunked):
    body = b"x" * 50000
    head = b"POST /stream HTTP/1.1\r\nHost: x\r\n"
    if chunked:
        text = head + b"Transfer-Encoding: chunked\r\n\r\n" + b"3e8\r\n%s\r\n" % body[:1000] * 50
        text += b"0\r\n\r\n"
    else:
        text = head + b"Content-Length: 50000\r\n\r\n" + body
    with site.connect() as client:
        client.sock.sendall(text)
        assert client.receive().text == "50000 of 0"
        assert client.request("GET", "/quick").text == "quick"


def test_a_body_past_what_the_application_allows_is_413(site):
    with site.connect() as client:
        client.sock.sendall(b"POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n")
        assert client.receive().status == 413


def test_a_body_nobody_reads_is_drained_if_it_is_short_and_else_the_connection_closed(site):
    for length, goes_on in ((4096, True), (50000, False)):
        with site.connect() as client:
            head = b"POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length
            client.sock.sendall(head + b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n".ljust(length))
            response = client.receive()
            assert response.text == "ignored"
            assert (response.headers.get("connection") == "close") != goes_on
            if goes_on:
                assert client.request("GET", "/quick").text == "quick"


def test_a_client_that_breaks_its_chunks_in_the_middle_of_a_stream_is_refused(site):
    with site.connect() as client:
        head = b"POST /stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.sock.sendall(head + b"1f40\r\n" + b"x" * 8000 + b"\r\nbroken\r\n")
        assert client.receive().status == 400
        assert client.is_closed()


def test_several_cookies_are_several_fields(streams):
    with streams.connect() as client:
        client.send("GET", "/cookies")
        text = client.sock.recv(4096)
        assert b"Set-Cookie: a=1\r\n" in text and b"Set-Cookie: b=2\r\n" in text


def test_a_header_with_a_line_break_never_goes_out(site):
    with site.connect() as client:
        client.send("GET", "/inject")
        text = client.sock.recv(4096)
        assert text.startswith(b"HTTP/1.1 500 ") and b"Evil" not in text


def test_204_and_304_have_no_body(site):
    with site.connect() as client:
        for status in (204, 304):
            response = client.request("GET", f"/status/{status}")
            assert (response.status, response.body) == (status, b"")
            assert "content-length" not in response.headers
        assert client.request("GET", "/status/307").reason == "Temporary Redirect"
        assert client.request("GET", "/status/299").reason == ""


def test_a_stream_that_fails_is_cut_so_that_the_client_can_tell(site):
    with site.connect() as client:
        client.send("GET", "/incomplete")
        received = b""
        while block := client.sock.recv(4096):
            received += block
        assert b"5dc\r\nxxx" in received and not received.endswith(b"0\r\n\r\n")


def test_a_large_response_arrives_whole(site):
    with site.connect() as client:
        for _ in range(3):
            assert client.request("GET", "/large").body == b"x" * 5000
