"""A board that fails again and again, and one that hangs: what it says, and what ends it."""

import json
import time
import urllib.request

import pytest

from host_tests.ports import reserve_port
from host_tests.serial.board import SOCKET
from tools.commands import deploy
from tools.simulator import harness
from tools.terminal import CommandError
from tools.version import build

pytestmark = SOCKET  # a pseudo-terminal stays locked while the board, our child, starts
FAILED = b"main.py has failed: starting again in 10 s"
UP = b"Registering URI handlers"
WORKS = "from firmware import run\n\nrun()\n"
HANGS = """
from microdot import Microdot
from firmware import run
app = Microdot()

@app.get("/hang")
async def hang(request):
    while True:
        pass

run(app)
"""


@pytest.fixture
def sources(tmp_path):
    """A version with all of the firmware, which serves on a port that is free."""
    files = build.files(build.build())
    files["main.py"] = tmp_path / "main.py"
    files["config.json"] = tmp_path / "config.json"
    harness.write_config(tmp_path, {"watchdog": {"timeout_s": 10}}, str(reserve_port()))
    files["main.py"].write_text(WORKS)
    return files


def restart(board, start):
    """Restarts it from its prompt; where what it says then begins."""
    board._type(b"\x03")
    start = board.wait_text(b">>> ", start)
    board._type(b"import machine; machine.reset()\r")
    return board.wait_text(b"rst:0xc", start)


def test_an_application_that_fails_is_left_out_at_the_sixth_start_until_a_deploy(
    serial_board, sources
):
    sources["main.py"].write_text("1/0\n")
    with pytest.raises(CommandError, match="main.py fails on the board: ZeroDivisionError"):
        deploy.deploy(serial_board.port, sources)
    # The deploy has seen one start fail, and has left the board with the next.
    start = serial_board.wait_text(FAILED, serial_board.console.index(FAILED) + 1)
    while serial_board.console.count(FAILED) < 5:
        start = serial_board.wait_text(FAILED, restart(serial_board, start))
    start = serial_board.wait_text(UP, restart(serial_board, start))
    said = serial_board.console[serial_board.console.rindex(b"rst:0xc") :]
    assert b"Last time: ZeroDivisionError: divide by zero, main.py:1" in said
    assert b"safe mode: the application is left out" in said and FAILED not in said
    sources["main.py"].write_text(WORKS)
    deploy.deploy(serial_board.port, sources)
    said = serial_board.console[serial_board.console.rindex(b"rst:0xc") :]
    assert UP in said and b"safe mode" not in said


def test_a_board_that_hangs_is_restarted_by_its_watchdog_and_says_so(serial_board, sources):
    sources["main.py"].write_text(HANGS)
    deploy.deploy(serial_board.port, sources)
    start = serial_board.console.index(UP)
    port = json.loads(sources["config.json"].read_text())["server"]["port"]
    with pytest.raises(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/hang"):
        pass
    start = serial_board.wait_text(b"rst:0x8", start)
    serial_board.wait_text(b"Last time: watchdog: ", start)
    serial_board.wait_text(UP, start)


def test_a_board_at_its_prompt_is_not_disturbed_by_the_watchdog(serial_board, sources):
    deploy.deploy(serial_board.port, sources)
    serial_board._type(b"\x03")
    serial_board.wait_text(b">>> ", serial_board.console.index(UP))
    kept = serial_board._processor._kept / "watchdog"
    assert int(kept.read_text()) / 1000 - time.time() > 1000000
