"""The console: the log lines and their order, configuration errors, and the ways to end."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from urllib.parse import quote

import pytest

from host_tests.blackbox.board import Board, RemoteBoard
from host_tests.ports import reserve_port
from tools.simulator import harness

START = [
    "IPv4 address: 127.0.0.1,",
    "starting async req task worker",
    "starting async req task worker",
    "Starting webserver",
    "Starting server on port: '%d'",
    "Registering URI handlers",
]


def test_the_start_is_logged_in_this_order(start_board):
    board = start_board()
    texts = [line.split(": ", 1)[1] for line in board.lines if line.startswith("I (")]
    assert texts[-len(START) :] == [line.replace("%d", str(board.port)) for line in START]


def test_a_request_is_logged_as_in_the_example(start_board):
    board = start_board()
    board.get("/quick?a=b")
    board.get("/")
    with board.connect() as client:
        client.send("GET", "/long?a=b")
        client.begin()
        mark = board.wait_line("httpd32: uri: /quick")
        for text in (
            "httpd32: uri: /",
            "httpd32: uri: /long",
            "httpd32: invoking /long",
            "httpd32: Found header => Host: test",
            "httpd32: Found query string => a=b",
        ):
            mark = board.wait_line(text, mark + 1)
            assert board.lines[mark].endswith(text)


ATTACKED = """
from firmware.app import run
from microdot import Microdot
from microdot.websocket import with_websocket

app = Microdot()

@app.get("/raise")
async def fail(request):
    raise ValueError(request.args["text"])

@app.get("/socket")
@with_websocket
async def socket(request, ws):
    raise ValueError(request.args["text"])

@app.get("/head")
async def head(request):
    return "x", 200, {request.args["text"]: "x"}

@app.get("/lost")
async def lost(request):
    import asyncio
    asyncio.create_task(fail(request))
    return ""

@app.get("/type")
async def kind(request):
    return "x", request.args["text"]

@app.get("/body")
async def body(request):
    def pieces():
        yield "x"
        raise ValueError(request.args["text"])
    return pieces()

run(app)
"""
# A terminal's escape as 7-bit and 8-bit code, a line of the log, what turns a text.
UNSAFE = "\x1b[2J\x9b2J\r\nI (1) httpd32: uri: /forged\x00\x07\u202e\u2066\u2028\ufeff"


@pytest.mark.parametrize("path", ["/raise", "/socket", "/head", "/lost", "/type", "/body", "/none"])
def test_nothing_that_a_client_sends_controls_the_console(start_board, path):
    board = start_board(main=ATTACKED, log={"level": "debug"})
    target = "/n\x85\u202e" if path == "/none" else f"{path}?text={quote(UNSAFE)}"
    upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: AAAA"]
    with board.connect() as client:
        client.send("GET", target, headers=upgrade)
        client.sock.recv(1)
        board.get("/quick")
    text = "\n".join(board.lines)
    assert not re.search("[^\n -~\xa0-\u200a\u2010-\u2027\u2070-\ufefe]", text)
    assert "\nI (1) httpd32: uri: /forged" not in text


SHOW_HEAP = """
import gc, micropython
from firmware.app import run

def show(address):
    gc.collect()
    micropython.mem_info()

run(on_connect=show)
"""


def test_the_free_heap_is_in_one_piece_when_the_server_has_started(start_board, runtime):
    if runtime != "micropython":
        pytest.skip("CPython has no such heap")
    board = start_board(main=SHOW_HEAP)
    end = board.wait_line("max free sz:")
    free = int(board.lines[end - 1].split("free: ")[1].split()[0].rstrip(","))
    largest = int(board.lines[end].split("max free sz: ")[1]) * (sys.maxsize.bit_length() + 1) // 2
    assert largest > free * 0.75  # half, if garbage lies between what lasts


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {"server": {"max_async_requests": 4, "max_open_sockets": 4}},
            "config.json: server.max_async_requests: 4 is not allowed; "
            "less than server.max_open_sockets, which is 4",
        ),
        ({"log": {"level": 1}}, "config.json: log.level: 1 is not allowed; one of debug, info, "),
        ({"serve": {}}, "config.json: serve: no such section; demo, log, network, server"),
    ],
)
def test_a_wrong_configuration_is_one_line_and_status_1(runtime, tmp_path, given, line):
    board = Board(runtime, tmp_path, waits=False, **given)
    assert board.process.wait(20) == 1
    board.stop()
    assert len(board.lines) == 1
    assert board.lines[0].startswith(line)


def test_a_cable_that_plays_no_part_is_a_line(start_board):
    board = start_board()
    board.say("unplug")
    board.wait_line("no cable: network.interface is wifi")
    assert board.get("/quick").status == 200


def test_quit_ends_it_with_status_0(start_board):
    board = start_board()
    with board.start_long():
        assert board.stop() == 0
    assert "Stopping webserver" in board.lines[-1]


def test_a_taken_port_is_a_line_and_is_tried_again_until_it_is_free(start_board):
    first = start_board()
    second = start_board(port=first.port, waits=False)
    mark = second.wait_line("Error starting server!", timeout_s=20)
    assert first.get("/quick").status == 200
    first.stop()
    second.wait_line("Registering URI handlers", mark)
    assert second.get("/quick").status == 200


@pytest.fixture(params=["closed", "null", "file", "pipe"])
def run_process(request, runtime, tmp_path):
    """`make run` with one or another standard input: its process, and the board it plays."""
    port = reserve_port()
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"log": {"level": "info"}}))
    program = [sys.executable, "-m", "tools", "run", "--runtime", runtime]
    with open(config if request.param == "file" else os.devnull) as source:
        process = subprocess.Popen(
            [*program, "--port", str(port), "--config", str(config)],
            cwd=harness.ROOT,
            stdin=subprocess.PIPE if request.param == "pipe" else source,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=(lambda: os.close(0)) if request.param == "closed" else None,
        )
    yield process, RemoteBoard(f"127.0.0.1:{port}")
    process.kill()
    process.communicate()


def test_it_serves_without_a_terminal_until_ctrl_c(run_process):
    process, board = run_process
    line = process.stdout.readline()
    while "Registering URI handlers" not in line:
        assert line
        line = process.stdout.readline()
    assert board.get("/quick").status == 200
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert "Stopping webserver" in process.stdout.read()


def test_the_end_comes_in_the_middle_of_anything(start_board):
    for _ in range(5):
        board = start_board()
        with ExitStack() as stack:
            for _ in range(5):
                client = stack.enter_context(board.connect())
                client.sock.sendall(b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            board.wait_line("uri: /quick")
            assert board.stop() == 0
        assert board.count_lines("Traceback") == 0
