"""What mpremote's transport does on a console of ours."""

from typing import Any

import mpremote.transport_serial as transport_serial

from tools.board.mpremote import _Transport


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
