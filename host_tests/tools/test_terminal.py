"""How a tool talks: one line, its exit status, and progress when it takes long."""

import io
import signal
import subprocess
import sys
import threading

import pytest

from tools import terminal
from tools.terminal import CommandError, Progress, run_tool


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def raises(error):
    def main():
        raise error

    return main


def status(main):
    with pytest.raises(SystemExit) as ended:
        run_tool(main)
    return ended.value.code


def test_a_command_error_is_one_line_and_status_1(capsys):
    assert status(raises(CommandError("No port; plug the board in"))) == 1
    assert capsys.readouterr() == ("", "No port; plug the board in\n")


def test_ctrl_c_is_quiet_and_status_130(capsys):
    assert status(raises(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device"), "No space left on device\n"),
        (PermissionError(13, "Permission denied", "build/x"), "build/x: Permission denied\n"),
    ],
)
def test_an_error_of_the_system_is_one_line_and_status_1(capsys, error, line):
    assert status(raises(error)) == 1
    assert capsys.readouterr() == ("", line)


def test_a_package_that_is_missing_is_one_line_and_one_of_ours_a_defect(capsys):
    assert status(raises(ModuleNotFoundError("No module named 'a.b'", name="a.b"))) == 1
    line = "a.b is missing; make clean, and try again\n"
    assert capsys.readouterr() == ("", line)
    with pytest.raises(ModuleNotFoundError):
        run_tool(raises(ModuleNotFoundError("No module named 'tools.b'", name="tools.b")))


def test_output_that_nobody_reads_any_more_ends_it_quietly():
    tool = "from tools.terminal import run_tool\nrun_tool(lambda: print(('x' * 99 + '\\n') * 9999))"
    shell = [sys.executable, "-c", tool]
    with subprocess.Popen(shell, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_in_order_as_ctrl_c_does(number):
    tool = (
        "import time\nfrom tools.terminal import run_tool\n"
        "def main():\n"
        "    try:\n        print('runs'); time.sleep(60)\n    finally:\n        print('ends')\n"
        "run_tool(main)"
    )
    with subprocess.Popen([sys.executable, "-c", tool], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"runs\n"  # at once: a line is not kept back
        process.send_signal(number)
        assert process.stdout.read() == b"ends\n"
    assert process.returncode == 130


def run_long_tool():
    """One that waits for a line, and for another one when it puts things back."""
    tool = (
        "import sys\nfrom tools.terminal import run_tool\n"
        "def main():\n"
        "    try:\n        print('runs'); sys.stdin.readline()\n"
        "    finally:\n        print('puts back'); sys.stdin.readline(); print('done')\n"
        "run_tool(main)"
    )
    line = [sys.executable, "-c", tool]
    return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGHUP])
def test_what_is_put_back_after_ctrl_c_is_put_back_also_when_the_terminal_goes(first, second):
    with run_long_tool() as process:
        assert process.stdout.readline() == b"runs\n"
        process.send_signal(first)
        assert process.stdout.readline() == b"puts back\n"
        process.send_signal(second)
        assert process.communicate(b"\n", 20)[0] == b"done\n"
    assert process.returncode == 130


def test_a_second_ctrl_c_ends_it_at_once():
    with run_long_tool() as process:
        for said in (b"runs\n", b"puts back\n"):
            assert process.stdout.readline() == said
            process.send_signal(signal.SIGINT)
        assert process.stdout.read() == b""
    assert process.returncode == 130


def test_a_tool_that_is_done_ends_with_0():
    assert status(lambda: None) == 0


def test_a_defect_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run_tool(raises(ZeroDivisionError()))


def test_a_thread_that_loses_its_connection_is_quiet_and_another_defect_is_not(capsys):
    def main():
        for error in (ConnectionResetError("by peer"), ZeroDivisionError("a defect")):
            thread = threading.Thread(target=raises(error))
            thread.start()
            thread.join()

    kept = threading.excepthook
    try:
        assert status(main) == 0
    finally:
        threading.excepthook = kept
    err = capsys.readouterr().err
    assert "a defect" in err and "by peer" not in err


def test_what_is_done_within_two_seconds_shows_no_progress():
    out, clock = Terminal(), Clock()
    with Progress("writing", out, clock) as progress:
        clock.now += 1.9
        progress.show(0.9)
    assert out.getvalue() == ""


def test_on_a_terminal_the_line_is_redrawn_and_gone_at_the_end():
    out, clock = Terminal(), Clock()
    with Progress("writing", out, clock) as progress:
        for share in (0.5, 0.75):
            clock.now += 2
            progress.show(share)
    clock.now += 2
    progress.show(1)
    assert out.getvalue() == "\rwriting ... 50%\rwriting ... 75%\r" + " " * 15 + "\r"


def test_in_a_file_a_line_comes_every_ten_seconds():
    out, clock = io.StringIO(), Clock()
    with Progress("waiting", out, clock) as progress:
        for _ in range(25):
            clock.now += 1
            progress.show()
    assert out.getvalue() == "waiting ... 2 s\nwaiting ... 12 s\nwaiting ... 22 s\n"


@pytest.mark.parametrize(
    ("text", "installed"),
    [
        ("plug it in; make doctor lists the ports", "plug it in; httpd32 doctor lists the ports"),
        ("or give PORT=; make flash", "or give --port; httpd32 flash"),
        ("PORT=/dev/ttyUSB0; or FIRMWARE=a.bin", "--port /dev/ttyUSB0; or --firmware a.bin"),
        ("FIRMWARE is missing", "--firmware is missing"),
        ("taken; HTTP_PORT=8081", "taken; --port 8081"),
        ("NameError: name 'PORT' isn't defined", "NameError: name 'PORT' isn't defined"),
        ("make it readable, with CONFIG=", "make it readable, with --config"),
    ],
)
def test_targets_of_make_are_commands_where_it_is_installed(monkeypatch, text, installed):
    assert terminal.worded(text) == text
    monkeypatch.setattr(terminal, "IS_INSTALLED", True)
    assert terminal.worded(text) == installed
