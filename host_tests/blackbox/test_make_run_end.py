"""However `make run` ends, nothing of it is left running."""

import os
import signal
import subprocess
import sys

import pytest

from host_tests.blackbox.made_run import MAIN
from tools.checkout import ROOT

# What stands behind it runs in the background of a terminal: reading there would stop it.
BACKGROUND = """
import fcntl, os, pty, sys, termios
terminal, ours = pty.openpty()
fcntl.ioctl(ours, termios.TIOCSCTTY, 0)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.dup2(ours, 0)
    os.execvp(sys.argv[1], sys.argv[1:])
sys.stdin.readline()
os.tcsetpgrp(ours, child)
os.write(terminal, b"down\\n")
os.wait()
"""
# A signal comes while the board is about to be started.
EARLY = """
import os, signal, sys
from pathlib import Path
from tools.simulator.session import Session

def line(cause):
    os.kill(os.getpid(), signal.SIGTERM)
    return [sys.executable, "-c", "import signal; signal.pause()"]

sys.exit(Session(line, Path(), Path(sys.argv[1])).run())
"""
HANGS = "print('HANGS')\nwhile True:\n    pass\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it_in_order(start, number):
    board = start().wait_up()
    board.process.send_signal(number)
    assert board.wait_end() == 0
    board.wait_gone()
    assert "Stopping webserver" in board.lines[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_application_that_hangs_is_killed(start, number):
    board = start().wait_up()
    board.hang()
    board.process.send_signal(number)
    board.wait_gone()
    assert "The application does not end by itself: killed" in board.lines


def test_an_application_that_hangs_at_its_start_is_killed(start):
    board = start(HANGS)
    board.wait_line("HANGS")
    os.killpg(board.process.pid, signal.SIGINT)  # as a terminal does it
    board.wait_gone()


def test_a_second_ctrl_c_does_not_wait(start):
    board = start(HANGS)
    board.wait_line("HANGS")
    board.process.send_signal(signal.SIGINT)
    board.process.send_signal(signal.SIGINT)
    board.wait_gone()


def test_it_goes_with_the_tool_even_if_that_is_killed(start):
    board = start().wait_up()
    board.hang()
    board.process.kill()
    board.wait_gone()


@pytest.mark.parametrize("main", [MAIN, HANGS])
def test_it_goes_with_the_parent_of_the_tool(start, main):
    board = start(main, before=("sh", "-c", '"$@"; true', "sh"))
    board.wait_line("HANGS" if main == HANGS else "Registering URI handlers")
    board.process.kill()
    board.wait_gone()


def test_a_reset_starts_it_again_and_only_a_reset_keeps_what_the_clock_holds(start):
    main = "import machine\nheld = machine.RTC().memory()\n"
    main += "print('HELD', held, machine.reset_cause())\nmachine.RTC().memory(b'kept')\n"
    main += MAIN.replace("run(app)", "") + '\n@app.get("/reset")\nasync def reset(request):\n'
    main += "    machine.reset()\n\nrun(app)\n"
    with start(main) as board:
        board.wait_line("HELD b'' 1")
        board.wait_up()
        with board.connect() as client:
            client.send("GET", "/reset")
            board.wait_line("HELD b'kept' 2")
        mark = board.lines.index("HELD b'kept' 2")
        board.wait_line("Registering URI handlers", mark)
        board.process.send_signal(signal.SIGINT)
        board.wait_gone()
    start(main).wait_line("HELD b'' 1")


def test_in_the_background_of_a_terminal_it_serves_and_in_front_it_hears_and_goes_with_it(start):
    board = start(before=(sys.executable, "-c", BACKGROUND)).wait_up()
    assert board.get("/quick").status == 200
    board.process.stdin.write("\n")
    board.process.stdin.flush()
    board.wait_line("Stopping webserver")
    board.process.kill()
    board.wait_end()


def test_a_signal_before_the_board_has_begun_is_not_lost(tmp_path):
    line = [sys.executable, "-c", EARLY, str(tmp_path / "watchdog")]
    assert subprocess.run(line, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=20).returncode == 0
