"""Connection and power are lost at moments of an update: the board runs the old or the new."""

import os

import pytest

from host_tests.serial.board import SerialBoard, format_flash
from host_tests.tools.cutting import CutLine
from host_tests.tools.network_board import Flash, Version, bring
from tools.commands import deploy
from tools.simulator import harness
from tools.terminal import Refused

MOMENTS = int(os.environ.get("MOMENTS", "20"))
UP = b"Registering URI handlers"

# pyserial does not close its socket if the other end has gone before.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_an_update_that_is_cut_leaves_a_whole_version_and_the_next_one_completes(tmp_path):
    port = harness.find_port()
    host = f"127.0.0.1:{port}"
    found = []
    with SerialBoard(format_flash(tmp_path / "flash"), is_pty=True) as board:
        deploy.deploy(board.port, make(tmp_path / "first", port, "first").files)
        new = make(tmp_path / "uncut", port, "uncut")
        with CutLine(host) as line:
            bring(line.host, new)
        total = line.count
        for number in range(MOMENTS):
            old, new = new, make(tmp_path / str(number), port, f"version {number}")
            is_power = number % 2 == 1
            start = len(board.console)
            moment = total * (number + 1) // (MOMENTS + 1)
            cut_update(board, host, new, moment, board.press_reset if is_power else None)
            if is_power:
                board.wait_text(UP, start)
            runs = Flash(tmp_path / "flash", tmp_path / f"unpacked-{number}").files
            assert runs in (old.contents(), new.contents()), moment
            found.append("new" if runs == new.contents() else "old")
            board.wait_text(UP)
            bring(host, new)
            flash = Flash(tmp_path / "flash", tmp_path / f"completed-{number}")
            assert flash.files == new.contents()
            assert flash.versions() == sorted([flash.current, flash.previous])
            assert not list(flash.root.rglob("*.new"))
    assert "old" in found, found


def make(folder, port, name):
    version = Version(folder, port, name)
    version.write("large.txt", f"{name:20}\n" * 600)
    return version


def cut_update(board, host, version, moment, on_cut):
    with CutLine(host, moment, on_cut or (lambda: None)) as line:
        try:
            bring(line.host, version, starts=False)
        except Refused as refused:
            assert "\n" not in str(refused)
