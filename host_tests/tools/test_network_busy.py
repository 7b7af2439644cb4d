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
