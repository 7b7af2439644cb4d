"""The board that the tools are tested with behaves as a board: with the real mpremote."""

import subprocess
import sys

import pytest

from host_tests.serial.board import BOTH, SerialBoard, format_flash, unpack_flash

SERVING = """
import asyncio
print("serving")
asyncio.run(asyncio.Event().wait())
"""
STUBBORN = """
print("busy")
while True:
    pass
"""


def mpremote(board, *commands):
    line = [sys.executable, "-m", "mpremote", "connect", board.port, *commands]
    return subprocess.run(line, capture_output=True, text=True, timeout=60)


def put_main(board, tmp_path, text):
    (tmp_path / "main.py").write_text(text)
    assert mpremote(board, "fs", "cp", str(tmp_path / "main.py"), ":main.py").returncode == 0


@BOTH
def test_files_are_copied_and_are_on_the_flash(serial_board, tmp_path):
    content = bytes(range(256)) * 40
    (tmp_path / "some.bin").write_bytes(content)
    mpremote(
        serial_board,
        "fs",
        "mkdir",
        ":/folder",
        "+",
        "fs",
        "cp",
        f"{tmp_path}/some.bin",
        ":/folder/",
    )
    assert "10240 some.bin" in mpremote(serial_board, "fs", "ls", ":/folder").stdout
    flash = unpack_flash(tmp_path / "flash", tmp_path / "unpacked")
    assert (flash / "folder" / "some.bin").read_bytes() == content


@BOTH
def test_an_exception_comes_back_as_one(serial_board):
    done = mpremote(serial_board, "exec", "print(6 * 7); 1/0")
    assert done.stdout.startswith("42\nTraceback") and done.returncode == 1
    assert done.stdout.endswith("ZeroDivisionError: divide by zero\n")


@BOTH
def test_a_raw_soft_reset_forgets_and_does_not_run_main(serial_board, tmp_path):
    put_main(serial_board, tmp_path, "print('main runs')")
    mpremote(serial_board, "exec", "kept = 1")
    assert mpremote(serial_board, "resume", "exec", "print(kept)").stdout == "1\n"
    start = len(serial_board.console)
    assert "NameError" in mpremote(serial_board, "exec", "print(kept)").stdout
    assert b"main runs" not in serial_board.console[start:]


@BOTH
@pytest.mark.parametrize("program", [SERVING, STUBBORN], ids=["serving", "stubborn"])
def test_reset_runs_main_and_the_next_command_interrupts_it(serial_board, tmp_path, program):
    put_main(serial_board, tmp_path, program)
    start = len(serial_board.console)
    mpremote(serial_board, "reset")
    rom = serial_board.wait_text(b"rst:0x", start)
    serial_board.wait_text(program.split('"')[1].encode(), rom)
    assert mpremote(serial_board, "exec", "print(6 * 7)").stdout == "42\n"
    assert b"KeyboardInterrupt" in serial_board.console[rom:]


def test_a_full_flash_says_so(tmp_path):
    (tmp_path / "big").write_bytes(bytes(100000))
    with SerialBoard(format_flash(tmp_path / "flash", 65536)) as board:
        done = mpremote(board, "fs", "cp", str(tmp_path / "big"), ":big")
    assert "No space left on device" in done.stderr


@BOTH
def test_a_cut_is_the_end_of_the_line_and_power_on_a_new_start(serial_board, tmp_path):
    if serial_board.port.startswith("/dev"):
        pytest.skip("a pseudo-terminal is not unplugged")
    serial_board.cut_after(100)
    assert mpremote(serial_board, "exec", "print(6 * 7)").returncode == 1
    assert serial_board.is_cut
    serial_board.power_on()
    assert mpremote(serial_board, "exec", "print(6 * 7)").stdout == "42\n"


def test_another_board_says_only_what_it_says():
    with SerialBoard(says=b"AT\r\nERROR\r\n") as board:
        board.wait_text(b"ERROR\r\nAT", 20)
        assert board.reset_count == 0
