"""What mpremote's transport does on a console of ours."""

import errno
from typing import Any

import mpremote.transport_serial as transport_serial
import pytest
from mpremote.transport import TransportExecError

from host_tests.tools.expect import error_line
from tools.board.console import Console
from tools.board.mpremote import Remote, _Transport


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += max(seconds, 0.5)


class SlowLine:
    """A board that is silent for half a minute, as one that looks for a free block."""

    def __init__(self, clock):
        self._clock = clock
        self._left = b"done\x04\x04"

    def inWaiting(self):
        return len(self._left) if self._clock.now > 30 else 0

    def read(self, size):
        block, self._left = self._left[:size], self._left[size:]
        return block


def test_a_board_that_writes_a_piece_of_a_file_slowly_is_waited_for(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(transport_serial, "time", clock)
    line: Any = SlowLine(clock)
    assert _Transport(line).follow(10) == (b"done", b"")


class WaitingBoard:
    """A board whose boot.py waits for ever: Ctrl-C ends that."""

    port = "/dev/ttyUSB0"

    def __init__(self):
        self.typed = b""

    def count_waiting(self):
        return 0

    def write(self, block):
        self.typed += block


def test_a_boot_that_waits_is_interrupted(monkeypatch):
    clock, board = Clock(), WaitingBoard()
    monkeypatch.setattr("tools.board.mpremote.time", clock)

    class Entering:
        def __init__(self, line):
            self._line = line

        def enter_raw_repl(self, timeout_overall):
            while not board.typed:
                self._line.inWaiting()
                clock.sleep(0.5)
                assert clock.now < timeout_overall

    monkeypatch.setattr("tools.board.mpremote._Transport", Entering)
    console: Any = board
    Remote(console).start_afresh()
    assert (board.typed, 9 < clock.now < 12) == (b"\x03", True)


class FailingTransport:
    """A board in its raw REPL, on which everything fails with `error`."""

    in_raw_repl = True

    def __init__(self, error):
        self._error = error

    def exec_raw(self, *_, **__):
        raise self._error

    fs_writefile = fs_readfile = exec_raw


def remote(error, monkeypatch):
    monkeypatch.setattr("tools.board.mpremote._Transport", lambda line: FailingTransport(error))
    return Remote(Console("socket://127.0.0.1:1"))


def test_a_file_that_the_board_does_not_take_is_not_the_line(tmp_path, monkeypatch):
    (tmp_path / "a.txt").touch()
    board = remote(OSError(errno.ENOENT, "/lib/a.txt"), monkeypatch)
    line = error_line(board.send, tmp_path / "a.txt", "/lib/a.txt", lambda _: None)
    assert "the board failed: /lib/a.txt: ENOENT; the board has not changed; plug it in" in line
    assert "/lib/a.txt: ENOENT; " in error_line(board.read, "/lib/a.txt")
    board = remote(OSError(errno.EIO, "Input/output error"), monkeypatch)
    assert "the line to the board broke" in error_line(board.read, "/lib/a.txt")


@pytest.mark.parametrize(
    "text", ["OSError: [Errno 19] ENODEV", "OSError: [Errno 5] EIO", "OSError: 84"]
)
def test_a_board_whose_filesystem_is_broken_is_to_be_flashed(text, monkeypatch):
    board = remote(TransportExecError(1, f"Traceback\n{text}\n"), monkeypatch)
    line = error_line(board.run, ["1"])
    assert f"the board failed: {text}; its flash is damaged or has no filesystem; make fl" in line


def test_an_answer_with_something_in_the_middle_is_one_line(monkeypatch):
    board = remote(SyntaxError("b'a"), monkeypatch)
    assert "has stopped answering" in error_line(board.read, "/a")
