"""However `make run` ends, nothing of it is left running."""

import os
import signal

import pytest

from host_tests.blackbox.made_run import MAIN

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
