"""What an application may give to `run()`, and how it ends that."""

import time

import pytest

APPLICATION = """
import asyncio
from microdot import Microdot
from firmware import run, WorkerPool
app = Microdot()
pool = WorkerPool()

@app.get("/quick")
async def quick(request):
    return "quick"

@app.get("/shutdown")
async def shutdown(request):
    request.app.shutdown()
    return "bye"

@app.get("/slow")
@pool.long
async def slow(request):
    await asyncio.sleep(0.5)
    return "slow"

@app.get("/endless")
@pool.long
async def endless(request):
    await asyncio.sleep(3600)

"""
ASYNC = """
async def hello(address):
    print("HELLO", address)
    while True:
        await asyncio.sleep(0.01)
        print("STILL")

async def bye():
    await asyncio.sleep(0)
    print("BYE")

print("STATUS", run(app, pool, on_connect=hello, on_disconnect=bye))
"""
KEEPS_ALL = """
import sys
kept = bytes(2048)
try:
    while True:
        sys.modules["kept"] = (sys.modules.get("kept"),)
except MemoryError:
    kept = None
    raise
"""
LEFT = """
import gc
import sys
from microdot import Microdot
from microdot.multipart import with_form_data
from microdot.websocket import with_websocket
from firmware import run

app = Microdot()

@app.get("/echo")
@with_websocket
async def echo(request, ws):
    await ws.send(await ws.receive())

@app.post("/form")
@with_form_data
async def form(request):
    return "form"

@app.get("/left")
async def left(request):
    gc.collect()
    functions = [each for each in gc.get_objects() if type(each) is type(run)]
    owners = {each.__globals__.get("__name__", "") for each in functions}
    return sorted(each for each in owners if each[:9] == "firmware." and each not in sys.modules)

run(app)
"""
PLAIN = 'print("STATUS", run(app, pool))\n'


def test_shutdown_ends_run_after_its_own_response(start_board):
    board = start_board(main=APPLICATION + PLAIN)
    assert board.get("/shutdown").text == "bye"
    board.wait_line("STATUS 0")
    assert board.process.wait(10) == 0


def test_shutdown_lets_the_requests_at_work_finish(start_board):
    board = start_board(main=APPLICATION + PLAIN)
    with board.connect() as client:
        client.send("GET", "/slow")
        board.wait_line("invoking /slow")
        assert board.get("/shutdown").text == "bye"
        assert client.receive().text == "slow"
    assert board.process.wait(10) == 0


def test_shutdown_does_not_wait_for_ever(start_board):
    board = start_board(main=APPLICATION + PLAIN)
    with board.connect() as client:
        client.send("GET", "/endless")
        board.wait_line("invoking /endless")
        assert board.get("/shutdown").text == "bye"
        assert board.process.wait(10) == 0
    assert board.count_lines("Traceback") == 0


def test_a_second_shutdown_and_one_before_the_link_is_up_do_no_harm(start_board):
    board = start_board(main=APPLICATION + PLAIN)
    with board.connect() as client:
        for _ in range(2):
            client.send("GET", "/shutdown")
    assert board.process.wait(10) == 0


def test_an_async_on_connect_runs_beside_the_server_until_the_link_is_lost(start_board):
    board = start_board(main=APPLICATION + ASYNC)
    board.wait_line("HELLO 127.0.0.1")
    board.wait_line("STILL")
    assert board.get("/quick").text == "quick"
    board.drop_link()
    board.wait_line("BYE")
    mark = len(board.lines)
    board.restore_link()
    board.wait_line("HELLO", mark)
    assert board.stop() == 0
    assert board.count_lines("Traceback") == 0


@pytest.mark.parametrize("kind", ["async def", "def"])
def test_an_exception_in_on_connect_is_told_and_the_server_goes_on(start_board, kind):
    hook = f"{kind} hello(address):\n    raise ValueError('mine')\n\nrun(app, on_connect=hello)\n"
    board = start_board(main=APPLICATION + hook)
    board.wait_line("ValueError: mine")
    assert board.get("/quick").text == "quick"


def test_one_that_leaves_no_memory_to_say_how_it_ended_is_restarted_by_the_watchdog(
    start_board, runtime
):
    if runtime == "cpython":
        pytest.skip("CPython's memory has no end")
    board = start_board(main=KEEPS_ALL, waits=False)
    assert board.process.wait(20) == 1
    assert int(board.flash.watchdog.read_text()) < (time.time() + 120) * 1000


def test_nothing_that_runs_holds_a_module_that_was_dropped_when_all_was_made(start_board, runtime):
    """A function keeps all that its module has: on a board, kilobytes that nobody uses."""
    if runtime != "cpython":
        pytest.skip("its collector does not tell what is there")
    with start_board(main=LEFT).connect() as client:
        assert client.request("GET", "/left").body == b"[]"
