"""The counterparts of ESP-IDF's examples do for a client what those do, with the same log lines."""

import http.client
import re
import string

import pytest
import requests

from host_tests.blackbox.test_examples import EXAMPLES, upgrade

FOLDER = EXAMPLES / "esp-idf"
NAMES = ("file_serving", "persistent_sockets", "simple", "ws_echo_server")
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FINAL = 0x80


class Console:
    """The lines of a board, each of them read once and in order."""

    def __init__(self, board):
        self._board = board
        self._next = 0

    def expect(self, *texts):
        for text in texts:
            self._next = self._board.wait_line(text, self._next) + 1

    def has(self, text):
        return any(text in line for line in self._board.lines[self._next :])


class Session:
    """One connection that `http.client` must not open anew."""

    def __init__(self, board):
        self._http = http.client.HTTPConnection(board.host, board.port, timeout=10)
        self._http.connect()
        self._http.auto_open = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._http.close()

    def ask(self, method, path, body=None, headers=None):
        """(Status, body) of a response."""
        self._http.request(method, path, body, headers or {})
        answer = self._http.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture
def start(start_board):
    """Starts an example by its name: the board and its console."""

    def begin(name):
        board = start_board(app=FOLDER / name / "main.py")
        return board, Console(board)

    return begin


def test_each_counterpart_is_in_the_list():
    listed = re.findall(r"\]\(esp-idf/(\w+)/main\.py\)", (EXAMPLES / "README.md").read_text())
    assert sorted(listed) == sorted(NAMES)
    assert sorted(path.parent.name for path in FOLDER.glob("*/main.py")) == sorted(NAMES)


def test_simple_finds_headers_and_query_fields(start):
    board, console = start("simple")
    with board.connect() as client:
        query = "query1=value1&query2=Esp%21%40%20%23%2471&query3=abcd%2B1234%20xyz&flag"
        headers = ("Test-Header-1: Test-Value-1", "Test-Header-2: Test-Value-2")
        answer = client.request("GET", f"/hello?{query}", headers=headers)
    assert (answer.status, answer.text) == (200, "Hello World!")
    assert answer.headers["custom-header-1"] == "Custom-Value-1"
    assert answer.headers["custom-header-2"] == "Custom-Value-2"
    console.expect(
        "Found header => Host: test",
        "Found header => Test-Header-2: Test-Value-2",
        "Found header => Test-Header-1: Test-Value-1",
        f"Found URL query => {query}",
        "Found URL query parameter => query1=value1",
        "Found URL query parameter => query3=abcd%2B1234%20xyz",
        "Decoded query parameter => abcd+1234 xyz",
        "Found URL query parameter => query2=Esp%21%40%20%23%2471",
        "Decoded query parameter => Esp!@ #$71",
        "Request headers lost",
    )


def test_simple_takes_its_handlers_away_and_brings_them_back(start):
    board, console = start("simple")
    with Session(board) as session:
        assert session.ask("PUT", "/ctrl", "0") == (200, "")
        console.expect("Unregistering /hello and /echo URIs")
        assert session.ask("GET", "/hello") == (404, "/hello URI is not available")
        assert session.ask("POST", "/echo", "x") == (404, "/echo URI is not available")
        with pytest.raises((http.client.HTTPException, OSError)):  # it was closed, unannounced
            session.ask("POST", "/hello", "x")
    with board.connect() as client:
        answer = client.request("GET", "/other")
        assert (answer.status, answer.text) == (404, "Some 404 error message")
        assert client.is_closed()
    with Session(board) as session:
        assert session.ask("PUT", "/ctrl", "1") == (200, "")
        console.expect("Registering /hello and /echo URIs")
        assert session.ask("GET", "/hello") == (200, "Hello World!")
        assert session.ask("GET", "/other") == (404, "Nothing matches the given URI")
        assert session.ask("POST", "/echo", "again") == (200, "again")


def test_simple_echoes_whatever_its_length(start):
    board, console = start("simple")
    for length in (1, 100, 101, 4097, 10240):
        text = (string.printable * 110)[:length]
        with Session(board) as session:  # one whose body is not read yet closes behind its answer
            assert session.ask("POST", "/echo", text) == (200, text)
        console.expect("=========== RECEIVED DATA ==========")
    with Session(board) as session:
        for method in ("GET", "POST", "PUT", "DELETE"):
            assert session.ask(method, "/any") == (200, "Hello World!")


def test_simple_sends_events(start):
    board, _ = start("simple")
    with requests.get(f"http://{board.host}:{board.port}/sse", stream=True, timeout=10) as answer:
        lines = answer.iter_lines()
        for _ in range(2):
            assert re.fullmatch(rb"data: Time since boot: \d+ seconds", next(lines))
            assert next(lines) == b""


def test_persistent_sockets_keep_a_sum_for_each_connection(start):
    board, console = start("persistent_sockets")
    with Session(board) as one, Session(board) as other:
        assert one.ask("GET", "/login") == (200, "1")
        console.expect("/login visitor count = 1", "/login GET handler send 1")
        assert one.ask("GET", "/logout") == (200, "1")
        console.expect("Logging out")
        assert one.ask("PUT", "/adder", "7") == (200, "7")
        console.expect("/adder visitor count = 2", "/adder PUT handler read 7")
        console.expect("/adder PUT allocating new session")
        assert one.ask("PUT", "/adder", "40") == (200, "40")
        assert not console.has("allocating new session")
        assert other.ask("POST", "/adder", "5") == (200, "5")
        assert one.ask("POST", "/adder", "2") == (200, "42")
        console.expect("/adder handler read 2")
        assert one.ask("GET", "/adder") == (200, "42")
        console.expect("/adder visitor count = 6", "/adder GET handler send 42")
        assert other.ask("GET", "/adder") == (200, "5")
        assert one.ask("POST", "/adder", "x")[0] == 400
        assert not console.has("Free Context")
    console.expect("/adder Free Context function called", "/adder Free Context function called")


def mask(first, data):
    """A frame of a client."""
    head = bytes((first, 0x80 | len(data))) if len(data) < 126 else bytes((first, 0xFE))
    if len(data) > 125:
        head += len(data).to_bytes(2, "big")
    return head + b"mask" + bytes(octet ^ b"mask"[n % 4] for n, octet in enumerate(data))


def read_frame(client):
    """(First octet, data) of a frame of the server."""
    first, length = receive(client, 2)
    if length == 126:
        length = int.from_bytes(receive(client, 2), "big")
    return first, receive(client, length)


def receive(client, length):
    data = b""
    while len(data) < length:
        block = client.sock.recv(length - len(data))
        assert block
        data += block
    return data


def test_ws_echo_server_echoes_answers_pings_and_closes(start):
    board, console = start("ws_echo_server")
    console.expect("Returned from app_main()")
    with board.connect() as client:
        upgrade(client, b"/ws")
        for kind, data in ((TEXT, b"Espressif"), (BINARY, b"Espressif"), (TEXT, b"x" * 300)):
            client.sock.sendall(mask(FINAL | kind, data))
            assert read_frame(client) == (FINAL | kind, data)
            console.expect(
                f"frame len is {len(data)}", f"Got packet with message: {data[:9].decode()}"
            )
            console.expect(f"Packet type: {kind}")
        client.sock.sendall(mask(FINAL | PING, b"there?"))
        assert read_frame(client) == (FINAL | PONG, b"there?")
        client.sock.sendall(mask(FINAL | CLOSE, b""))
        assert read_frame(client) == (FINAL | CLOSE, b"")
        assert client.is_closed()


def test_ws_echo_server_sends_of_itself(start):
    board, console = start("ws_echo_server")
    with board.connect() as client:
        upgrade(client, b"/ws")
        client.sock.sendall(mask(FINAL | TEXT, b"Trigger async"))
        assert read_frame(client) == (FINAL | TEXT, b"Async data")
        for _ in range(2):
            client.sock.sendall(mask(FINAL | TEXT, b"Ping"))
            console.expect("Got packet with message: Ping")
            assert read_frame(client) == (FINAL | PING, b"")
            client.sock.sendall(mask(FINAL | PONG, b""))
            assert read_frame(client) == (FINAL | PONG, b"")


def test_ws_echo_server_echoes_a_frame_in_parts(start):
    board, console = start("ws_echo_server")
    with board.connect() as client:
        upgrade(client, b"/ws_partial")
        client.sock.sendall(mask(FINAL | TEXT, b"A" * 200))
        assert [read_frame(client) for _ in range(4)] == [
            (TEXT, b"A" * 64),
            (0, b"A" * 64),
            (0, b"A" * 64),
            (FINAL, b"A" * 8),
        ]
        console.expect("Frame len is 200")
        for left, length, final in ((200, 64, 0), (136, 64, 0), (72, 64, 0), (8, 8, 1)):
            console.expect(f"Reading chunk: left_len={left}")
            console.expect(f"Sent fragmented chunk: len={length}, final={final}")
        console.expect("Packet type: 1")


def test_ws_echo_server_wants_a_token_before_the_handshake(start):
    board, console = start("ws_echo_server")
    url = f"http://{board.host}:{board.port}/auth?token=invalid"
    assert requests.get(url, headers={"Upgrade": "websocket"}, timeout=10).status_code == 401
    console.expect("No valid token found, rejecting handshake")
    with board.connect() as client:
        upgrade(client, b"/auth?token=valid")
        welcome = b"Welcome to the WebSocket Echo Server (post-handshake)!"
        assert read_frame(client) == (FINAL | TEXT, welcome)
        console.expect("ws_pre_handshake_cb called", "Valid token found, accepting handshake")
        client.sock.sendall(mask(FINAL | TEXT, b"in"))
        assert read_frame(client) == (FINAL | TEXT, b"in")


def test_file_serving_takes_lists_sends_and_deletes(start):
    board, console = start("file_serving")
    console.expect("Initializing SPIFFS", f"Starting HTTP Server on port: '{board.port}'")
    data = "Test data to be sent to the server"
    with Session(board) as session:
        answer = session.ask("POST", "/upload/example.txt", data)
        assert answer == (303, "File uploaded successfully")
        console.expect("Receiving file : /example.txt...", "File reception complete")
        status, page = session.ask("GET", "/")
        assert status == 200 and 'id="newfile"' in page
        assert '<a href="/example.txt">example.txt</a><td>file<td>34' in page
        console.expect("Found file : example.txt (34 bytes)")
        assert session.ask("GET", "/example.txt") == (200, data)
        console.expect("Sending file : /example.txt (34 bytes)...", "File sending complete")
        assert session.ask("POST", "/delete/example.txt") == (303, "File deleted successfully")
        console.expect("Deleting file : /example.txt")
        assert "example.txt" not in session.ask("GET", "/")[1]
        assert session.ask("GET", "/index.html")[0] == 307


def test_file_serving_refuses_in_the_words_of_its_model_and_closes(start):
    board, console = start("file_serving")
    (board.flash.root / "data" / "there.txt").write_text("there")
    for status, text, request, line in (
        (400, "File already exists", "POST /upload/there.txt", "already exists : /data/there.txt"),
        (500, "Invalid filename", "POST /upload/x/", "Invalid filename : /x/"),
        (500, "Invalid filename", "POST /upload/../a.py", "Invalid filename : /../a.py"),
        (500, "Failed to create file", "POST /upload/no/file", "create file : /data/no/file"),
        (400, "File does not exist", "POST /delete/gone.txt", "does not exist : /gone.txt"),
        (404, "File does not exist", "GET /gone.txt", "Failed to stat file : /data/gone.txt"),
        (404, "Directory does not exist", "GET /gone/", "Failed to stat dir : /data/gone/"),
        (500, "Invalid filename", "GET /../config.json", "Invalid filename : /../config.json"),
    ):
        with board.connect() as client:
            found = client.request(*request.split())
            assert (found.status, found.text) == (status, text)
            assert client.is_closed()
        console.expect(line)
    assert (board.flash.root / "data" / "there.txt").read_text() == "there"


def test_file_serving_has_a_limit_of_200_kb(start):
    board, console = start("file_serving")
    url = f"http://{board.host}:{board.port}/upload/"
    limit = 200 * 1024
    whole = requests.post(f"{url}whole", data=b"x" * limit, timeout=20, allow_redirects=False)
    assert whole.status_code == 303
    assert (board.flash.root / "data" / "whole").stat().st_size == limit
    refusal = (400, "File size must be less than 200KB!")
    for body in (b"x" * (limit + 1), iter([b"x" * limit, b"x"])):
        answer = requests.post(f"{url}large", data=body, timeout=20)
        assert (answer.status_code, answer.text) == refusal
        console.expect(f"File too large : {limit + 1} bytes")
    assert [each.name for each in (board.flash.root / "data").iterdir()] == ["whole"]


def test_file_serving_keeps_nothing_of_a_client_that_vanishes(start):
    board, console = start("file_serving")
    with board.connect() as client:
        head = "POST /upload/half HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n"
        client.sock.sendall(head.encode() + b"x" * 5000)
        console.expect("Receiving file : /half...")
    console.expect("File reception failed!")
    board.wait_closed()
    assert not (board.flash.root / "data" / "half").exists()
