"""Handlers that compute or block: they run on a thread, and the rest stays quick."""

import statistics
import time
from contextlib import ExitStack

import pytest

from tools.checkout import ROOT

APP = """
import time
from microdot import Microdot
from firmware import WorkerPool, run

app = Microdot()
pool = WorkerPool()

@app.get("/quick")
async def quick(request):
    return "quick"

@app.get("/calculate/<int:seconds>")
@pool.long
def calculate(request, seconds):
    end = time.time() + seconds
    count = 0
    while time.time() < end and not pool.is_cancelled():
        count += 1
    return "%d\\n" % count

@app.get("/block/<int:seconds>")
@pool.long
def block(request, seconds):
    time.sleep(seconds)
    return "awake\\n"

@app.get("/stall")
async def stall(request):
    time.sleep(1)
    return "awake\\n"

def lines(count):
    yield "<div>req: 1</div>\\n"
    for number in range(count):
        time.sleep(1)
        yield "<div>%d</div>\\n" % number

@app.get("/lines/<int:count>")
@pool.long
def ticks(request, count):
    return lines(count), 200, {"Content-Type": "text/html; charset=UTF-8"}

@app.get("/echo/<text>")
@pool.long
def echo(request, text):
    return text + request.headers["Host"] + request.query_string

@app.get("/fail")
@pool.long
def fail(request):
    raise ValueError("on the thread")

@app.get("/exhaust")
@pool.long
def exhaust(request):
    raise MemoryError

@app.get("/call/<int:number>")
async def call(request, number):
    return "%d" % await pool.to_thread(abs, -number)

run(app, pool)
"""
ROUNDS = 50


@pytest.fixture(scope="module")
def site(make_board, tmp_path_factory):
    return make_board(tmp_path_factory.mktemp("site"), main=APP)


@pytest.mark.parametrize("path", ["/calculate/3", "/block/3"])
def test_quick_stays_quick_beside_a_handler_that_computes_or_blocks(site, path):
    with site.connect() as client:
        client.send("GET", path)
        mark = site.wait_line("invoking " + path)
        times = []
        for _ in range(100):
            start = time.monotonic()
            assert site.get("/quick").text == "quick"
            times.append(time.monotonic() - start)
        assert statistics.median(times) < 0.05
        assert max(times) < 0.2
        assert site.count_lines("Traceback") == 0
        assert client.receive().status == 200
        assert mark


def test_a_generator_that_sleeps_has_its_lines_one_a_second(site):
    with site.connect() as client:
        client.send("GET", "/lines/60")
        response = client.begin()
        assert response.headers["content-type"].startswith("text/html")
        assert response.headers["transfer-encoding"] == "chunked"
        assert client.read_piece() == b"<div>req: 1</div>\n"
        start = time.monotonic()
        for number in range(60):
            assert client.read_piece() == b"<div>%d</div>\n" % number
            # Unlike the demo's lines, these drift: each sleeps a second more than it needs.
            assert abs(time.monotonic() - start - number - 1) < 2
        assert client.finish(response).pieces == []
        assert client.request("GET", "/quick").status == 200


def test_a_second_calculation_is_503_at_once(site):
    with site.connect() as first, site.connect() as second:
        first.send("GET", "/calculate/30")
        site.wait_line("invoking /calculate/30")
        assert second.request("GET", "/echo/x?q").status == 503
        assert second.request("GET", "/quick").text == "quick"
    wait_thread(site)


def test_all_kinds_of_calls_leave_everything_as_it_was(start_board):
    board = start_board(main=APP)
    sockets = heap = 0
    for number in range(ROUNDS + 1):
        with board.connect() as client:
            for call in range(10):
                text = f"{number}-{call}"
                assert client.request("GET", f"/echo/{text}?q").text == text + "testq"
                assert client.request("GET", f"/call/{call}").text == str(call)
            for _ in range(4):
                assert client.request("GET", "/fail").status == 500
            assert client.request("GET", "/exhaust").status in (500, 503)
        with board.connect() as client:  # which vanishes
            client.send("GET", "/calculate/30")
            assert board.get("/quick").status == 200
        wait_thread(board)
        if number == 0:
            heap, sockets = board.heap_level(), board.count_sockets()
            threads = count_threads(board)
    assert board.heap_level() < heap * 1.01
    assert board.count_sockets() == sockets
    assert count_threads(board) == threads


def test_fifty_link_losses_in_the_middle_of_a_calculation_lose_nothing(start_board):
    board = start_board(main=APP)
    sockets = heap = 0
    for cycle in range(ROUNDS + 1):
        with ExitStack() as stack:
            mark = len(board.lines)
            client = stack.enter_context(board.connect())
            client.send("GET", "/lines/9" if cycle % 2 else "/calculate/30")
            board.wait_line("invoking", mark)
            board.drop_link()
            while client.sock.recv(1000):  # what was sent before
                pass
            board.restore_link()
        wait_thread(board)
        if cycle == 0:
            heap, sockets = board.heap_level(), board.count_sockets()
            threads = count_threads(board)
    assert board.heap_level() < heap * 1.01
    assert board.count_sockets() == sockets
    assert count_threads(board) == threads
    assert board.count_lines("Traceback") == 0


def test_past_its_deadline_the_client_gets_503_and_one_line_names_what_does_not_end(start_board):
    board = start_board(main=APP, server={"async_request_timeout_ms": 500})
    with board.connect() as client:
        start = time.monotonic()
        response = client.request("GET", "/block/4")
        assert (response.status, response.text) == (503, "The request took too long.\n")
        assert response.headers["content-type"].startswith("text/plain")
        assert time.monotonic() - start < 2
        board.wait_line("/block/4: its thread stays taken")
        assert client.request("GET", "/echo/x?q").status == 503
        assert client.request("GET", "/call/1").status == 503
        wait_thread(board)
    assert board.count_lines("its thread stays taken") == 1


def test_a_loop_that_stood_still_is_a_line_that_names_the_request(site):
    assert site.get("/stall").status == 200
    line = site.lines[site.wait_line("the loop stood still for")]
    assert line.endswith(" ms: /stall")
    mark = len(site.lines)
    assert site.get("/block/1").status == 200
    assert not [line for line in site.lines[mark:] if "stood still" in line]


def test_the_end_does_not_wait_for_a_calculation(start_board):
    board = start_board(main=APP)
    with board.connect() as client:
        client.send("GET", "/block/60")
        board.wait_line("invoking /block/60")
        start = time.monotonic()
        assert board.stop() == 0
        assert time.monotonic() - start < 5


def test_a_plain_handler_without_threads_stops_the_start_with_one_line(start_board):
    board = start_board(main=APP, waits=False, server={"max_threads": 0})
    board.wait_line("server.max_threads: 0, but exhaust is a plain function")
    assert board.process.wait(10) == 1


def test_the_example_counts_primes_line_by_line_beside_quick_requests(start_board):
    main = (ROOT / "docs" / "examples" / "calculation" / "main.py").read_text()
    board = start_board(main=main)
    with board.connect() as client:
        client.send("GET", "/primes/5000")
        response = client.begin()
        assert board.get("/quick").text == "quick\n"
        assert client.read_piece() == b"303 primes up to 2000\n"
        assert client.finish(response).body.endswith(b"669 primes up to 5000\n")
    assert "config.json" in board.get("/files").text


def wait_thread(board):
    """Returns when a thread is free."""
    deadline = time.monotonic() + 10
    while board.get("/echo/probe?q").status == 503:
        assert time.monotonic() < deadline


def count_threads(board):
    with open(f"/proc/{board.process.pid}/status") as file:
        return next(line for line in file if line.startswith("Threads:"))
