"""What keeps a deploy from being made is one line, and the board runs what it ran."""

import fcntl
import json
import os
import re
import subprocess
import sys
import termios
from argparse import Namespace

import pytest

from host_tests.ports import reserve_port
from host_tests.serial.board import SerialBoard, format_flash
from host_tests.tools.sample_version import contents, read_flash
from tools.board import startup
from tools.board.console import Console
from tools.checkout import ROOT
from tools.commands import deploy, rollback
from tools.terminal import CommandError
from tools.version import install


def test_a_board_without_room_says_so_and_runs_what_it_ran(sources, tmp_path):
    with SerialBoard(format_flash(tmp_path / "flash", 40 * 4096), is_pty=True) as board:
        deploy.deploy(board.port, sources)
        first = contents(sources)
        sources["app/page.html"].write_text("y" * 40 * 4096)
        start = len(board.console)
        with pytest.raises(CommandError, match=r"too full: this needs \d+ bytes and \d+ are free;"):
            deploy.deploy(board.port, sources)
        board.wait_text(b"Registering URI handlers", start)
        assert read_flash(board, tmp_path) == first


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (b"", "the board does not answer; press its reset button"),
        (b"AT\r\nERROR\r\n", "something answers, but not MicroPython; make flash"),
        (b"\xfe\x81\x00\xff", "something answers, but not MicroPython; make flash"),
        (b"rst:0x10 (RTCWDT_RTC_RESET)\r\n", "the board restarts again and again; make flash"),
        (b"rst:0x1 \r\nwaiting for download\r\n", "its bootloader; press its reset button"),
    ],
    ids=["silent", "another", "noise", "resets", "bootloader"],
)
def test_a_board_without_micropython_is_one_line(says, reason, sources, monkeypatch):
    monkeypatch.setattr(startup, "_PROMPT_LIMIT_S", 2)
    with SerialBoard(says=says, every_s=0.3) as board, pytest.raises(CommandError) as error:
        deploy.deploy(board.port, sources)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "config.json is missing: the board would find no network; make config"),
        ("{}", 'config.json: network.wifi[0].ssid: "" is not allowed; the name of a network; '),
        ("{", "config.json, line 1, column 2: not JSON, "),
        ('{"log": {"level": 1}}', "config.json: log.level: 1 is not allowed; "),
    ],
    ids=["missing", "no network", "not JSON", "wrong"],
)
def test_a_config_that_will_not_do_is_refused_before_the_board_is_touched(tmp_path, text, reason):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    line = [sys.executable, "-m", "tools", "deploy", "--config", str(tmp_path / "config.json")]
    line += ["--port", "socket://127.0.0.1:1"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(reason) and done.stderr.count("\n") == 1


def test_what_is_made_of_the_settings_goes_away_because_of_their_passwords(tmp_path, monkeypatch):
    config = tmp_path / "config.json"
    config.write_bytes(b'\xef\xbb\xbf{"network": {"wifi": [{"ssid": "home"}]}}')
    sent = {}
    monkeypatch.setattr(deploy, "deploy", lambda port, sources, *_: sent.update(sources))
    monkeypatch.setattr(deploy.ports, "pick", lambda given: given)
    deploy.run(Namespace(port="COM3", host="", app="", config=str(config), dry_run=False))
    assert sent["config.json"] != config and not sent["config.json"].exists()
    assert not sent["settings.json"].exists()


@pytest.mark.parametrize("name", ["new\nline", "n" * 300, "lone\udcff"])
def test_a_file_whose_name_the_board_can_not_keep_is_refused_before_it_is_touched(sources, name):
    sources[f"app/{name}"] = sources["main.py"]
    with SerialBoard() as board:
        with pytest.raises(
            CommandError, match=r"^'app/.*' is no name for a file on the board; rename it$"
        ):
            deploy.deploy(board.port, sources)
        assert board.byte_count == 0


def test_a_board_that_runs_other_mpy_files_is_refused_and_runs_what_it_ran(serial_board, sources):
    deploy.deploy(serial_board.port, sources)
    sources["other.mpy"] = sources["main.py"].with_name("other.mpy")
    sources["other.mpy"].write_bytes(b"M\x07\x00\x1f")
    start = len(serial_board.console)
    with pytest.raises(CommandError, match=r"runs \.mpy 6\.\d, which this mpy-cross does not make"):
        deploy.deploy(serial_board.port, sources)
    serial_board.wait_text(b"Registering URI handlers", start)


def test_a_failure_of_this_computer_leaves_the_board_running(serial_board, sources, monkeypatch):
    deploy.deploy(serial_board.port, sources)
    monkeypatch.setattr(install, "plan", lambda *_: 1 / 0)
    start = len(serial_board.console)
    with pytest.raises(ZeroDivisionError):
        deploy.deploy(serial_board.port, sources)
    serial_board.wait_text(b"Registering URI handlers", start)


@pytest.mark.parametrize("tool", ["deploy", "rollback"])
def test_ctrl_c_while_the_prompt_is_waited_for_leaves_the_board_running(
    serial_board, sources, monkeypatch, tool
):
    deploy.deploy(serial_board.port, sources)
    ask = Console.ask

    def interrupted(self, *args, **options):
        ask(self, *args, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(Console, "ask", interrupted)
    start = len(serial_board.console)
    with pytest.raises(KeyboardInterrupt):
        if tool == "deploy":
            deploy.deploy(serial_board.port, sources)
        else:
            rollback.rollback(serial_board.port)
    serial_board.wait_text(b"Registering URI handlers", start)


def test_a_port_that_another_program_holds_is_one_line_that_names_it(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"network": {"wifi": [{"ssid": "home"}]}}))
    with SerialBoard(is_pty=True) as board, open(board.port, "rb", buffering=0) as held:
        fcntl.ioctl(held, termios.TIOCEXCL)
        fcntl.flock(held, fcntl.LOCK_EX)
        for tool in (["tools", "deploy", "--config", str(config)], ["tools", "rollback"]):
            line = [sys.executable, "-m", *tool, "--port", board.port]
            done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60)
            assert (done.returncode, done.stdout) == (1, "")
            assert re.fullmatch(
                rf"{board.port} is busy: .*\({os.getpid()}\).* has it open; close that .*\n",
                done.stderr,
            )


def test_a_port_where_nothing_is_is_one_line(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"network": {"wifi": [{"ssid": "home"}]}}))
    port = f"socket://127.0.0.1:{reserve_port()}"
    for tool in (
        ["tools", "deploy", "--config", str(config)],
        ["tools", "rollback"],
        ["tools", "monitor"],
    ):
        line = [sys.executable, "-m", *tool, "--port", port]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and done.stderr.startswith(f"{port} does not answer (")
        assert done.stderr.count("\n") == 1
