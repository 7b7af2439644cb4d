"""What the clients have met, and what must not happen."""

import threading
import time
from collections import Counter, defaultdict

# While there is a link, a quick answer may not take longer: time-outs that add up to a minute are a
# fault.
MAX_SILENCE_S = 10.0


class Tally:
    """Counts for all threads.

    problems  what must not happen, a line each
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        self._has_link = True
        self._quiet_since = time.monotonic()
        self._longest_s = 0.0
        self.problems: list[str] = []

    def count(self, kind: str, outcome: str) -> None:
        with self._lock:
            self._outcomes[kind][outcome] += 1

    def add_problem(self, problem: str) -> None:
        """Notes what must not happen; the same line once."""
        with self._lock:
            if problem not in self.problems:
                self.problems.append(problem)

    def answer_quick(self) -> None:
        """A quick request of a newcomer was answered with 200."""
        with self._lock:
            self._note_silence()
            self._quiet_since = time.monotonic()

    def set_link(self, has_link: bool) -> None:
        """Without a link nobody expects an answer."""
        with self._lock:
            self._note_silence()
            self._has_link = has_link
            self._quiet_since = time.monotonic()

    def longest_silence_s(self) -> float:
        with self._lock:
            self._note_silence()
            return self._longest_s

    def rows(self) -> list[tuple[str, int, str]]:
        """(kind, how often, each outcome with its number)."""
        with self._lock:
            return [
                (
                    kind,
                    sum(outcomes.values()),
                    ", ".join(f"{name}: {n}" for name, n in sorted(outcomes.items())),
                )
                for kind, outcomes in sorted(self._outcomes.items())
            ]

    def _note_silence(self) -> None:
        if self._has_link:
            self._longest_s = max(self._longest_s, time.monotonic() - self._quiet_since)
