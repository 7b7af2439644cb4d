"""Updates over the network: who has no business there is refused, and nothing is written."""

import socket

import pytest

from host_tests.blackbox.updating import (
    OWN,
    PASSWORD,
    Updater,
    digest,
    make_version,
    plan_of,
    read_flash,
)
from host_tests.waiting import wait_for


@pytest.fixture(scope="module")
def updating(make_board, tmp_path_factory):
    return make_board(tmp_path_factory.mktemp("board"), update={"password": PASSWORD})


@pytest.fixture
def updater(updating):
    """Of a board on which nothing may have changed at the end but for a plan and its version."""
    before = read_flash(updating)
    mark = len(updating.lines)
    yield Updater(updating)
    assert updating.get("/quick").status == 200
    assert read_flash(updating) == before
    assert not any("Traceback" in line for line in list(updating.lines)[mark:])


def assert_refused(updater, status, answer, line):
    """With this status, and a line of the log that says why."""
    assert answer[0] == status, answer
    assert line in answer[1]
    updater.board.wait_line(f"update refused with {status}: {line}")
    assert updater.board.count_lines(PASSWORD) == 0


def test_without_a_password_the_application_has_the_path(start_board):
    assert start_board().get(OWN + "nonce").status == 404


def test_without_a_password_the_path_has_the_limit_of_any_other(start_board):
    board = start_board(server={"max_body_len": 2000})
    for path in (OWN + "update", "/other"):
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2001\r\n\r\n"
        with board.connect() as client:
            client.sock.sendall(head.encode())
            assert client.begin("POST").status == 413


def test_a_wrong_password_is_refused(updater):
    folder = updater.read_running()
    for command in ("inventory", "manifest", "update", "activate"):
        answer = updater.order(command, f"remove {folder}\n".encode(), password="wrong")
        assert_refused(updater, 403, answer, "wrong password")


def test_no_proof_is_refused(updater):
    for given in ({}, {"Authorization": ""}, {"Authorization": "Basic YWRtaW46"}):
        assert_refused(updater, 401, updater.ask("POST", OWN + "inventory", b"", given), "no proof")


def test_a_replay_is_refused(updater):
    headers = updater.sign("inventory", b"")
    assert updater.ask("POST", OWN + "inventory", b"", headers)[0] == 200
    answer = updater.ask("POST", OWN + "inventory", b"", headers)
    assert_refused(updater, 403, answer, "the nonce was used before")


def test_a_proof_is_for_one_path_and_one_body(updater):
    headers = updater.sign("manifest", b"")
    answer = updater.ask("POST", OWN + "inventory", b"", headers)
    assert_refused(updater, 403, answer, "wrong password")
    headers = updater.sign("inventory", b"")
    answer = updater.ask("POST", OWN + "inventory", b"os", headers)
    assert_refused(updater, 400, answer, "the body is not what was announced")


def test_a_nonce_that_the_board_has_not_made_is_refused(updater):
    nonce = updater.read_nonce()
    for other in ("0" * 32, nonce[:8] + "0" * 24, "x" * 32, "%08x" % 5 + nonce[8:]):
        answer = updater.order("inventory", nonce=other)
        assert_refused(updater, 403, answer, "the nonce is none of this board")


def test_a_foreign_host_is_refused(updater):
    for host in ("evil.example", f"evil.example:{updater.board.port}", "127.0.0.1.example", "x"):
        answer = updater.ask("GET", OWN + "nonce", host=host)
        assert_refused(updater, 421, answer, "a foreign Host field")
        answer = updater.order("inventory", host=host)
        assert_refused(updater, 421, answer, "a foreign Host field")
    for host in ("httpd32", "httpd32.local", "HTTPD32.local:80", "127.0.0.1"):
        assert updater.ask("GET", OWN + "nonce", host=host)[0] == 200


@pytest.mark.parametrize(
    "line",
    [
        "folder {folder}/../httpd32-11111111",
        "folder /other",
        "folder {running}/other",
        "send {digest} {folder}/../main.py",
        "send {digest} {folder}/./main.py",
        "send {digest} {folder}//main.py",
        "send {digest} {folder}x/main.py",
        "send {digest} {folder}",
        "send {digest} /main.py",
        "send {digest} /boot.py",
        "send {digest} main.py.new",
        "send {digest} {running}/main.py",
        "seal {digest} /main.py.new",
        "copy {running}/main.py\t/boot.py",
        "copy {running}/main.py\t{folder}/../x",
        "copy {running}/main.py\t/main-/x",
        "copy {running}/../boot.py\t{folder}/x",
        "copy /secret\t{folder}/x",
        "remove /main.py",
        "remove /",
        "remove {running}",
        "remove {running}/main.py",
        "remove /httpd32-11111111/../main.py",
        "finally /boot.py",
    ],
)
def test_a_path_that_leaves_its_folder_is_refused(updater, line):
    folder, wanted, _ = make_version(main="1")
    line = line.format(folder=folder, running=updater.read_running(), digest=digest(b""))
    answer = updater.order("update", f"target {folder} {wanted}\n{line}\n".encode())
    assert answer[0] == 403, answer
    updater.board.wait_line("update refused with 403: ")


def test_what_is_no_plan_is_refused(updater):
    running = updater.read_running()
    for text in (
        "format /",
        f"target {running} {digest(b'')}",
        f"target /boot.py {digest(b'')}",
        "target /httpd32-11111111 22222222",
    ):
        assert updater.order("update", f"{text}\n".encode())[0] == 400


def test_a_plan_that_is_too_large_is_refused(updater):
    answer = updater.order("update", b"folder /httpd32-11111111\n" * 1000)
    assert_refused(updater, 413, answer, "the plan is too large")


def test_a_body_in_chunks_is_refused(updater):
    body = b"remove /httpd32-11111111\n"
    headers = updater.sign("update", body) | {"Transfer-Encoding": "chunked"}
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert_refused(
        updater, 411, updater.ask("POST", OWN + "update", chunk, headers), "no Content-Length"
    )


def send_raw(board, head, body):
    """Sends a request as it is and no more; what comes back."""
    with socket.create_connection((board.host, board.port), 10) as sock:
        sock.sendall(head.encode() + body)
        sock.shutdown(socket.SHUT_WR)
        received = b""
        while block := sock.recv(4096):
            received += block
        return received


def head_of(updater, method, command, headers, length):
    lines = [f"{method} {OWN}{command} HTTP/1.1", f"Host: {updater.host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""])


def test_a_body_that_has_not_the_length_it_says_changes_nothing(updater):
    body = b"remove /httpd32-11111111\n" * 100
    for length in (len(body) + 1, len(body) + 5000):
        head = head_of(updater, "POST", "update", updater.sign("update", body), length)
        assert b" 200 " not in send_raw(updater.board, head, body)
    headers = updater.sign("update", body) | {"Content-Length": str(len(body) - 25)}
    assert updater.ask("POST", OWN + "update", body, headers)[0] == 400


def begin_version(updater):
    """A plan is carried out, and its files are to come: (folder, contents, nonce)."""
    folder, wanted, contents = make_version(main="print('x')\n", part="NAME = 1\n" * 500)
    return folder, contents, updater.begin(*plan_of(folder, wanted, contents))


def test_what_is_not_in_the_plan_is_not_taken_and_what_differs_is_not_activated(start_board):
    board = start_board(update={"password": PASSWORD})
    updater = Updater(board)
    folder, contents, nonce = begin_version(updater)
    part = contents["part.py"]
    place = board.flash.root / folder[1:]

    def put(command, body, **signing):
        return updater.order(command, body, "PUT", **{"nonce": nonce, **signing})

    assert put("file/3", part, password="wrong")[0] == 403
    assert put("file/3", b"NAME = 2\n" * 500)[0] == 400
    assert put("file/3", part[:-1])[0] == 400
    head = head_of(updater, "PUT", "file/3", updater.sign("file/3", part, nonce), len(part))
    assert b" 200 " not in send_raw(board, head, part[:-9])
    for command in ("file/0", "file/1", "file/99", "file/-1", "file/../../main.py", "file/", "f"):
        assert put(command, part)[0] == 404
    wait_for(lambda: not [path for path in place.iterdir() if path.suffix == ".new"])
    assert list(place.iterdir()) == []
    status, text = updater.order("activate")
    assert (status, text.splitlines()[-1].split()[0]) == (200, "failed")
    assert put("file/3", part)[0] == 200
    assert put("file/4", contents["manifest"])[0] == 200
    assert put("file/2", contents["main.py"])[0] == 200
    (place / "part.py").write_bytes(b"NAME = 2\n")
    assert updater.order("activate")[1].splitlines()[-1] == "differs part.py"
    assert not (board.flash.root / "main.py").exists()
    assert updater.read_running() != folder


def test_a_second_update_at_the_same_time_is_refused(start_board):
    updater = Updater(start_board(update={"password": PASSWORD}))
    begin_version(updater)
    answer = updater.order("update", b"remove /httpd32-11111111\n")
    assert_refused(updater, 409, answer, "another update is running")


def test_a_file_for_which_there_is_no_room_is_refused(start_board, runtime):
    if runtime == "cpython":
        pytest.skip("its flash is as large as this computer's disk")
    updater = Updater(start_board(update={"password": PASSWORD}))
    folder, wanted, contents = make_version(main="1")
    assert updater.order("inventory")[0] == 200
    nonce = updater.begin(*plan_of(folder, wanted, contents))
    headers = updater.sign("file/2", b"", nonce) | {"Content-Length": str(1 << 20)}
    answer = updater.ask("PUT", OWN + "file/2", b"x" * 5000, headers)
    assert_refused(updater, 507, answer, "the flash is full")


def test_quick_requests_are_answered_while_a_file_comes(start_board):
    board = start_board(update={"password": PASSWORD})
    updater = Updater(board)
    _, contents, nonce = begin_version(updater)
    part = contents["part.py"]
    head = head_of(updater, "PUT", "file/3", updater.sign("file/3", part, nonce), len(part))
    with socket.create_connection((board.host, board.port), 10) as sock:
        sock.sendall(head.encode() + part[:2000])
        for _ in range(20):
            assert board.get("/quick").status == 200
        sock.sendall(part[2000:])
        assert b" 200 " in sock.recv(4096)[:20]


def test_an_update_takes_the_place_of_the_status(start_board):
    board = start_board(update={"password": PASSWORD})
    assert board.get("/status.json").status == 200
    updater = Updater(board)
    assert updater.order("inventory")[0] == 200
    assert board.get("/status.json").status == 503
    assert updater.order("inventory")[0] == 200
