"""What follows from service and from silence: is the watchdog fed, is the network still heard.

Pure: `health` asks once a second, and does what was decided.  The watchdog of the chip is fed only
after proof of service.  Without a link no service is expected.
"""

from time import ticks_diff

from micropython import const

_QUIET_MS = const(60000)  # without a request, until the gateway is asked
_MISSES = const(3)  # in a row, until the interface connects again
_RECONNECTS = const(3)  # without success, until the board restarts

# What a decision may be.
NOTHING = const(0)
FEED = const(1)  # the watchdog
ASK = const(2)  # the server, through the network; or the gateway
RECONNECT = const(3)
RESTART = const(4)


class Watchdog:
    """Whether there is proof that the board serves; asked once a second."""

    def __init__(self, timeout_ms: int) -> None:
        self._patience_ms = timeout_ms // 2
        self._answered = 0
        self._proven: int | None = None  # ticks

    def decide(self, now: int, is_up: bool, is_listening: bool, answered: int) -> int:
        """FEED, ASK the server, whose answer `prove` is to be told, or NOTHING.

        answered  how many responses the server has sent so far
        """
        has_answered = answered != self._answered
        self._answered = answered
        if has_answered or not is_up or self._proven is None:
            self._proven = now
            return FEED
        is_due = ticks_diff(now, self._proven) >= self._patience_ms
        return ASK if is_due and is_listening else NOTHING

    def prove(self, now: int) -> None:
        self._proven = now


class Ears:
    """Whether the board still hears the network, which it can't be told; asked once a second.

    A gateway that has never answered since the address came says nothing when it is silent.
    """

    def __init__(self) -> None:
        self._answered = 0
        self._heard: int | None = None  # ticks; None without a link
        self._knows_gateway = False
        self._misses = 0
        self._reconnects = 0
        self._is_reconnecting = False

    def decide(self, now: int, is_up: bool, answered: int) -> int:
        """ASK the gateway, whose answer `note` is to be told, or NOTHING."""
        if not is_up:
            self._heard = None
            if not self._is_reconnecting:
                self._knows_gateway = False
                self._reconnects = 0
            return NOTHING
        if self._heard is None:
            self._heard = now
            self._is_reconnecting = False
        if answered != self._answered and self._knows_gateway:
            self._hear(now)
        self._answered = answered
        is_quiet = ticks_diff(now, self._heard) >= _QUIET_MS >> self._reconnects
        return ASK if is_quiet else NOTHING

    def note(self, now: int, is_alive: bool | None) -> int:
        """What follows from the gateway's answer, or its silence; None: it could not be asked."""
        if is_alive is None:
            self._heard = now
            return NOTHING
        if is_alive or not self._knows_gateway:
            self._knows_gateway = is_alive
            self._hear(now)
            return NOTHING
        self._misses += 1
        if self._misses < _MISSES:
            return NOTHING
        self._misses = 0
        if self._reconnects == _RECONNECTS:
            return RESTART
        self._reconnects += 1
        self._is_reconnecting = True
        self._heard = now
        return RECONNECT

    def _hear(self, now: int) -> None:
        self._heard = now
        self._misses = self._reconnects = 0
        self._is_reconnecting = False
