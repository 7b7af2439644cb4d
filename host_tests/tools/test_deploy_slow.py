"""Deploying over a slow line, and to a board that takes its time."""

import re
import subprocess
import sys

import pytest

from host_tests.blackbox.deployed import bring
from host_tests.serial.board import SerialBoard, format_flash
from host_tests.tools.sample_version import contents, read_flash
from tools import terminal
from tools.board import mpremote, startup
from tools.board.console import Console
from tools.commands import deploy
from tools.terminal import CommandError


def test_a_line_that_loses_the_first_bytes_of_each_connection_does(sources, tmp_path):
    with SerialBoard(format_flash(tmp_path / "flash"), swallows=3) as board:
        deploy.deploy(board.port, sources)
        assert read_flash(board, tmp_path) == contents(sources)


def test_a_board_whose_start_takes_long_does(sources, tmp_path):
    boot = tmp_path / "boot.py"
    boot.write_text("import time\ntime.sleep(15)\n")
    with SerialBoard(format_flash(tmp_path / "flash")) as board:
        line = [sys.executable, "-m", "mpremote", "connect", board.port]
        subprocess.run([*line, "cp", str(boot), ":boot.py"], check=True, timeout=60)
        bring(board.port, sources)
        assert read_flash(board, tmp_path) == contents(sources)


def test_a_board_that_wants_long_for_its_prompt_shows_that_it_is_waited_for(monkeypatch, capsys):
    monkeypatch.setattr(startup, "_PROMPT_LIMIT_S", 3)
    monkeypatch.setattr(terminal, "_REPEAT_S", 0.5)
    with SerialBoard() as board, pytest.raises(CommandError):
        startup.wait_prompt(Console(board.port))
    assert "waiting for the board's prompt ... 3 s\n" in capsys.readouterr().out


def test_a_large_file_on_a_slow_line_is_waited_for_and_shows_how_far_it_is(
    sources, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(mpremote, "_SILENCE_S", 5)
    monkeypatch.setattr(terminal, "_QUIET_S", 0)
    monkeypatch.setattr(terminal, "_REPEAT_S", 0)
    sources["app/page.html"].write_text("x" * 30000)
    with SerialBoard(format_flash(tmp_path / "flash"), baud=38400) as board:
        bring(board.port, sources)
    shown = re.findall(r"^copying \.\.\. (\d+)%$", capsys.readouterr().out, re.M)
    assert len(set(shown)) > 20 and shown == sorted(shown, key=int), shown


def test_a_board_that_starts_slowly_has_its_time_for_the_network_as_well(
    serial_board, sources, capsys
):
    sources["part.py"].write_text(
        "import time\ntime.sleep(4)\nprint('I (1) httpd32: Wi-Fi home: connecting')\n"
        "time.sleep(4)\nNAME = 1\n"
    )
    bring(serial_board.port, sources)
    startup.run(Console(serial_board.port), limit_s=6)
    assert "\nhttp://127.0.0.1:9/\n" in capsys.readouterr().out
