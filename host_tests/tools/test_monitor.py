"""The console of a board on the terminal of a person."""

import os
import select
import subprocess
import sys
import termios

import pytest

from host_tests.blackbox.deployed import bring
from host_tests.serial.board import SOCKET
from tools.checkout import ROOT


@pytest.fixture
def deployed_board(serial_board, sources):
    """The same, with a version on it, at its prompt."""
    bring(serial_board.port, sources)
    return serial_board


def open_monitor(board, **streams):
    line = [sys.executable, "-u", "-m", "tools", "monitor", "--port", board.port]
    return subprocess.Popen(line, cwd=ROOT, **streams)


def read_until(file, text, in_silence=None):
    """in_silence  called when nothing came for two seconds"""
    seen = b""
    while text not in seen:
        if in_silence and not select.select([file], [], [], 2)[0]:
            in_silence()
            continue
        block = os.read(file, 1024)
        assert block, seen
        seen += block


@SOCKET
def test_keys_reach_the_board_what_it_says_is_shown_and_one_key_leaves(deployed_board):
    terminal, ours = os.openpty()
    monitor = open_monitor(deployed_board, stdin=ours, stdout=ours, stderr=ours)
    try:
        read_until(terminal, b"Ctrl-] leaves")
        os.write(terminal, b"\x04")  # Ctrl-D at the prompt: main.py
        read_until(terminal, b"Registering URI handlers")
        os.write(terminal, b"\x03")
        read_until(terminal, b"main ends first")
        os.write(terminal, b"'\xe4'; import main\r")  # as a terminal in Latin-1 sends it
        read_until(terminal, b"Registering URI handlers")
        start = len(deployed_board.console)
        os.write(terminal, b"\x1d")
        assert monitor.wait(20) == 0
        assert b"main ends" not in deployed_board.console[start:]
    finally:
        monitor.kill()
        monitor.wait()
        os.close(terminal)
        os.close(ours)


@SOCKET
def test_without_a_terminal_it_shows_what_the_board_says_over_a_loss_of_the_line(deployed_board):
    monitor = open_monitor(deployed_board, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        deployed_board.wait_client()
        deployed_board.cut()
        read_until(monitor.stdout.fileno(), b"is away; waiting for it")
        deployed_board.power_on()
        deployed_board.wait_client()
        # A port that is opened forgets what has come: the start may have been in it.
        read_until(monitor.stdout.fileno(), b"Registering URI handlers", deployed_board.press_reset)
    finally:
        monitor.kill()
        monitor.wait()
        monitor.stdout.close()


@SOCKET
def test_with_a_pipe_for_its_output_it_ends_with_who_reads_it(deployed_board):
    terminal, ours = os.openpty()
    monitor = open_monitor(deployed_board, stdin=ours, stdout=subprocess.PIPE)
    try:
        deployed_board.wait_client()
        deployed_board.press_reset()
        read_until(monitor.stdout.fileno(), b"httpd32")
        monitor.stdout.close()
        deployed_board.press_reset()
        assert monitor.wait(20) == 1
        assert termios.tcgetattr(ours)[3] & termios.ICANON
    finally:
        monitor.kill()
        monitor.wait()
        os.close(terminal)
        os.close(ours)
