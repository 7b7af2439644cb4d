"""A board that has no room for an update, for a moment or for longer."""

import pytest

from host_tests.tools.expect import error_line
from tools.board import network
from tools.board.network import Busy, NetworkBoard


class Board(NetworkBoard):
    """One that answers 503 so many times."""

    def __init__(self, times):
        super().__init__("192.168.1.50", "correct horse")
        self.left = times

    def _read_nonce(self, timeout_s):
        self.left -= 1
        if self.left >= 0:
            return 503, b"Busy"
        return 200, b"%032x /httpd32-11111111\n" % 1

    def _request(self, *_):
        return 200, ["complete"]


class Restarting(NetworkBoard):
    """One that is seen so: by the end of its nonce's line, or None when it does not answer."""

    def __init__(self, *seen):
        super().__init__("192.168.1.50", "correct horse")
        self.seen = list(seen)

    def _read_nonce(self, timeout_s):
        end = self.seen.pop(0)
        if end is None:
            raise self._unreachable(TimeoutError("timed out"))
        return 200, b"%032x /httpd32-11111111%s\n" % (1, end)

    answer = 200, ["restarting"]

    def _request(self, *_):
        return self.answer


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(network.time, "sleep", lambda _: None)


def test_a_board_that_is_busy_for_a_moment_is_asked_again():
    assert Board(3).ask("inventory") == ["complete"]


def test_one_that_stays_busy_is_named_and_what_helps(monkeypatch):
    monkeypatch.setattr(network, "_BUSY_S", 0.0)
    assert "too little memory free" in error_line(lambda: Board(1000000).ask("inventory"))
    with pytest.raises(Busy):
        Board(1).read_running()


def test_a_board_that_is_slow_before_it_starts_alone_is_waited_for():
    board = Restarting(b"", b"", None, b"", None, None, b" alone", b"")
    board.make_room(lambda: None)
    assert (board.is_alone, board.seen) == (True, [b""])


def test_one_that_starts_with_its_application_again_is_told(monkeypatch):
    monkeypatch.setattr(network, "_SURE_S", 0.0)
    board = Restarting(b"", None, b"", b"")
    assert "has not started for an update alone" in error_line(board.make_room, lambda: None)


def test_one_that_can_not_leave_the_file_for_it_is_told_as_full():
    board = Restarting(b"", b"")
    board.answer = 507, ["the flash is full"]
    assert "flash is full" in error_line(board.make_room, lambda: None)
