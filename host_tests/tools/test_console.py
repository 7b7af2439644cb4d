"""MicroPython is found on its port, whatever it was doing, and not waited for without end."""

import select
import socket
import struct
import subprocess
import sys
import time
from typing import Any

import pytest

from host_tests.serial.board import BOTH, SerialBoard, format_flash
from tools.board import console, ports
from tools.board.console import Answer, Console
from tools.terminal import CommandError

SERVING = """
import asyncio
print("serving")
asyncio.run(asyncio.Event().wait())
"""


def put_main(board, tmp_path):
    """Copies a program to the board, and starts it; returns how much the console has shown."""
    (tmp_path / "main.py").write_text(SERVING)
    line = [sys.executable, "-m", "mpremote", "connect", board.port]
    commands = ["fs", "cp", str(tmp_path / "main.py"), ":main.py", "+", "reset"]
    subprocess.run([*line, *commands], check=True, capture_output=True, timeout=60)
    return board.wait_text(b"\r\nserving")


@BOTH
def test_a_program_that_runs_is_interrupted_and_runs_again(serial_board, tmp_path):
    start = put_main(serial_board, tmp_path)
    with Console(serial_board.port) as opened:
        found = opened.ask(20)
        opened.write(b"\x04")
    assert (found.version, found.machine) == ("v1.25.0", "Generic ESP32 module with ESP32")
    serial_board.wait_text(b"\r\nserving", start + 1)


def test_a_port_whose_other_end_has_reset_is_closed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with Console("socket://127.0.0.1:%d" % server.getsockname()[1]) as opened:
            port: Any = opened.open()
            held = port._socket
            with server.accept()[0] as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            select.select([held], [], [], 10)
        assert held.fileno() == -1


def test_a_silent_port_is_given_up_in_time():
    with SerialBoard() as board:
        start = time.monotonic()
        with Console(board.port) as opened:
            assert opened.ask(0.5).version == ""
        assert console.wait(board.port, 0.5)[1].version == ""
        assert time.monotonic() - start < 10


def test_a_port_that_does_not_open_is_refused():
    with pytest.raises(CommandError, match="is not there"):
        Console("/dev/ttyACM99").ask(0.5)


def test_a_board_that_returns_on_another_port_is_followed(tmp_path, monkeypatch):
    with SerialBoard(format_flash(tmp_path / "flash"), is_pty=True) as board:
        monkeypatch.setattr(
            ports, "find", lambda: [ports.Found(board.port, "", 0x303A, 0x4001, "")]
        )
        found_port, found = console.wait("/dev/ttyACM99", 20)
        assert found_port == board.port and found.version == "v1.25.0"


def test_resets_in_a_row_are_a_loop_and_one_is_not():
    rom = b"ets Jul 29 2019\r\nrst:0x1 (POWERON_RESET),boot:0x13\r\n"
    assert not Answer("", "", rom).is_resetting()
    assert Answer("", "", rom * 2).is_resetting()
