"""make smoke asks a running server, and says in one line when there is none."""

import argparse
import errno
import http.server
import socket
import subprocess
import sys
import threading
from unittest import mock

import pytest

from host_tests.blackbox import board
from host_tests.blackbox.board import Board
from host_tests.tools.expect import error_line
from tools import target
from tools.board.network import NetworkBoard
from tools.checkout import ROOT
from tools.commands import smoke


@pytest.mark.parametrize(
    "host, address",
    [("192.168.1.20", ("192.168.1.20", 80)), ("board.local:8080", ("board.local", 8080))],
)
def test_an_address_has_port_80_if_none_is_given(host, address):
    assert target.parse(host) == address


@pytest.mark.parametrize(
    "host",
    [
        *("http://192.168.1.20", "board:", "board:0", "board:99999", "a b"),
        *("board..local", ".local", "x" * 64),
    ],
)
@pytest.mark.parametrize("take", [target.parse, NetworkBoard])
def test_what_is_no_address_is_refused(take, host):
    assert error_line(take, host).startswith(f"HOST={host} is not an address; 192.168.1.20")


def test_each_client_of_all_tests_has_a_port_of_its_own_that_nobody_else_has(monkeypatch):
    failures = {10000: errno.EADDRINUSE, 10002: errno.ECONNREFUSED}
    asked = []

    def connect(host, port, timeout_s, source_port):
        asked.append(source_port)
        if source_port in failures:
            raise OSError(failures[source_port], "played")

    monkeypatch.setattr(board, "Client", connect)
    monkeypatch.setattr(board.random, "randrange", lambda count: count - 1)
    monkeypatch.setattr(board.RemoteBoard, "_ports", board._count_ports())
    for _ in range(2):
        board.RemoteBoard("192.168.1.20").connect()  # that of another file
    with pytest.raises(ConnectionRefusedError):
        board.RemoteBoard("192.168.1.20").connect()
    assert asked == [19999, 10000, 10001, 10002]


def test_the_boards_of_all_files_count_on_from_one_port(monkeypatch):
    asked = []
    monkeypatch.setattr(board, "Client", lambda *arguments: asked.append(arguments[-1]))
    for _ in range(3):
        board.RemoteBoard("192.168.1.20").connect()
    assert all((each - asked[0]) % 10000 == at for at, each in enumerate(asked))


def test_on_this_computer_the_kernel_chooses_them():
    with socket.create_server(("127.0.0.1", 0)) as server:
        running = board.RemoteBoard("127.0.0.1:%d" % server.getsockname()[1])
        with mock.patch.object(board, "Client", wraps=board.Client) as made, running.connect():
            assert made.call_args.args == (running.host, running.port, running.patience_s)


def test_without_an_address_it_says_how():
    assert error_line(smoke.run, argparse.Namespace(host="")).startswith(
        "HOST is missing; make smoke HOST=192.168.1.20"
    )


def test_a_host_that_does_not_answer_is_one_line_and_no_test_runs():
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = "127.0.0.1:%d" % server.getsockname()[1]
    line = [sys.executable, "-m", "tools", "smoke", host]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"{host} does not answer (Connection refused); is it on")
    assert len(done.stderr.splitlines()) == 1


def test_another_web_server_is_told_apart(monkeypatch):
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        line = error_line(smoke.check, "127.0.0.1:%d" % server.server_address[1])
        thread.join()
    assert "answers, but not as httpd32" in line


def test_a_server_that_runs_is_tested_and_what_is_skipped_is_said(tmp_path):
    board = Board("micropython", tmp_path)
    try:
        host = "%s:%d" % (board.host, board.port)
        line = [sys.executable, "-m", "tools", "smoke", host, "-k", "else_is_404 or sixty_lines"]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120)
    finally:
        board.stop()
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout and "1 skipped" in done.stdout
    assert "Skipped are those that start, configure or stop a board of their own" in done.stdout
