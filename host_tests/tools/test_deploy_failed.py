"""What was seen to fail at its start is never what a rollback goes back to."""

import subprocess
import sys

import pytest

from host_tests.serial.board import SOCKET
from host_tests.tools.expect import error_line
from host_tests.tools.sample_version import contents, read_flash, versions
from tools.board import startup
from tools.board.console import Console
from tools.commands import deploy, rollback

pytestmark = SOCKET  # a pseudo-terminal stays locked while the board, our child, starts

NEEDS_FILE = "open('/needed.txt').close()\nNAME = 'needs a file'\n"
NO_NETWORK = (
    "import asyncio\nprint('I (1) httpd32: connecting to home')\n"
    "asyncio.run(asyncio.Event().wait())\n"
)


def deploy_part(board, sources, part):
    """Deploys `sources` with another part.py; what they are then."""
    sources["part.py"].write_text(part)
    deploy.deploy(board.port, sources)
    return contents(sources)


def deploy_failing(board, sources, part):
    """The same, with one that does not start; the line that says so."""
    return error_line(deploy_part, board, sources, part)


def test_after_any_number_that_fail_rollback_goes_to_the_last_version_that_started(
    serial_board, sources, tmp_path, capsys
):
    deploy_part(serial_board, sources, "NAME = 'oldest'\n")
    working = deploy_part(serial_board, sources, "NAME = 'working'\n")
    for part in ("1/0\n", "1/0  # corrected\n"):
        assert "ZeroDivisionError" in deploy_failing(serial_board, sources, part)
    rollback.rollback(serial_board.port)
    said = capsys.readouterr().out
    assert "they differ in part.py; the first has failed to start and is removed\n" in said
    assert read_flash(serial_board, tmp_path) == working
    assert len(versions(serial_board, tmp_path)) == 1
    assert "no version before this one" in error_line(rollback.rollback, serial_board.port)


def test_a_version_that_failed_and_was_corrected_is_not_rolled_back_to(
    serial_board, sources, tmp_path
):
    working = deploy_part(serial_board, sources, "NAME = 'working'\n")
    deploy_failing(serial_board, sources, "1/0\n")
    corrected = deploy_part(serial_board, sources, "NAME = 'corrected'\n")
    rollback.rollback(serial_board.port)
    assert read_flash(serial_board, tmp_path) == working
    rollback.rollback(serial_board.port)
    assert read_flash(serial_board, tmp_path) == corrected


def test_a_first_version_that_fails_is_not_rolled_back_to(serial_board, sources, tmp_path):
    deploy_failing(serial_board, sources, "1/0\n")
    assert "no version before this one" in error_line(rollback.rollback, serial_board.port)
    deploy_part(serial_board, sources, "NAME = 'corrected'\n")
    assert len(versions(serial_board, tmp_path)) == 1
    assert "no version before this one" in error_line(rollback.rollback, serial_board.port)


def test_the_working_version_deployed_over_one_that_failed_takes_its_place(
    serial_board, sources, tmp_path
):
    deploy_part(serial_board, sources, "NAME = 'working'\n")
    deploy_failing(serial_board, sources, "1/0\n")
    deploy_part(serial_board, sources, "NAME = 'working'\n")
    assert len(versions(serial_board, tmp_path)) == 1
    assert "no version before this one" in error_line(rollback.rollback, serial_board.port)


def test_a_version_that_failed_and_then_starts_is_rolled_back_to(
    serial_board, sources, tmp_path, capsys
):
    deploy_part(serial_board, sources, "NAME = 'working'\n")
    assert "OSError" in deploy_failing(serial_board, sources, NEEDS_FILE)
    line = [sys.executable, "-m", "mpremote", "connect", serial_board.port]
    subprocess.run([*line, "touch", ":needed.txt"], check=True, timeout=60)
    starts_now = deploy_part(serial_board, sources, NEEDS_FILE)
    assert "nothing to copy\n" in capsys.readouterr().out
    deploy_part(serial_board, sources, "NAME = 'next'\n")
    rollback.rollback(serial_board.port)
    assert read_flash(serial_board, tmp_path) == starts_now


def test_a_version_that_fails_after_a_rollback_is_left_for_good(serial_board, sources, tmp_path):
    deploy_part(
        serial_board, sources, "import os\nassert 'made.txt' not in os.listdir('/')\nNAME = 1\n"
    )
    later = deploy_part(serial_board, sources, "open('/made.txt', 'w').close()\nNAME = 2\n")
    assert "AssertionError" in error_line(rollback.rollback, serial_board.port)
    rollback.rollback(serial_board.port)
    assert read_flash(serial_board, tmp_path) == later
    assert len(versions(serial_board, tmp_path)) == 1


def test_a_version_that_met_no_network_has_not_failed(serial_board, sources, tmp_path, monkeypatch):
    monkeypatch.setattr(startup.run, "__defaults__", (False, 3.0))
    assert "has no network" in deploy_failing(serial_board, sources, NO_NETWORK)
    unmet = contents(sources)
    deploy_part(serial_board, sources, "NAME = 'next'\n")
    assert "has no network" in error_line(rollback.rollback, serial_board.port)
    assert read_flash(serial_board, tmp_path) == unmet


@pytest.mark.parametrize("event", ["Ctrl-C", "cut"])
def test_what_keeps_a_failure_from_being_marked_does_not_hide_it(
    serial_board, sources, tmp_path, monkeypatch, event
):
    run = startup.run

    def run_until_event(*args, **options):
        try:
            run(*args, **options)
        finally:
            if event == "cut":
                serial_board.cut()
            else:
                monkeypatch.setattr(Console, "ask", interrupt)

    monkeypatch.setattr(startup, "run", run_until_event)
    assert "ZeroDivisionError" in deploy_failing(serial_board, sources, "1/0\n")
    monkeypatch.undo()
    serial_board.power_on()
    corrected = deploy_part(serial_board, sources, "NAME = 'corrected'\n")
    assert read_flash(serial_board, tmp_path) == corrected


def interrupt(*_, **__):
    raise KeyboardInterrupt
