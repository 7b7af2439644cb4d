"""`deploy` for many boards, side by side: each is a process of its own, with its own log.

So what one prints, or how it fails, is no other's concern.  Half of the boards at a time: the other
half serves meanwhile.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tools.checkout import HERE, IS_INSTALLED
from tools.fleet.boards import Board
from tools.settings import file
from tools.version import manifest

UPDATED = "updated"
FAILED = "failed"
_PROGRAM = "httpd32" if IS_INSTALLED else "tools"
_MAX_AT_A_TIME = 8
_SEEN_S = 2.0  # until HAProxy sees that a board is back; only then the next one may go
_TURN_S = 0.05
_PATIENCE_S = 10.0  # for one that is told to end
_UNCHANGED = "nothing to copy"


class Outcome(NamedTuple):
    """
    what     that came of it: UPDATED, FAILED, "unchanged" or "to update"
    text     the last line that it said: a URL, or why it has failed
    version  the folder on the board, "" if it did not come so far
    """

    name: str
    what: str
    text: str
    version: str
    seconds: float


def at_a_time(count: int) -> int:
    """How many of `count` boards are deployed to side by side."""
    return min(_MAX_AT_A_TIME, (count + 1) // 2)


class Deploy:
    """One that runs, from the moment that this is made.

    logs     a folder for what it says, in NAME.log
    scratch  a folder that goes away
    """

    def __init__(self, board: Board, logs: Path, scratch: Path, is_dry_run: bool) -> None:
        self.name = board.name
        self._log = logs / f"{board.name}.log"
        self._is_dry_run = is_dry_run
        config = scratch / board.name / "config.json"
        config.parent.mkdir()
        file.write(config, board.given)
        self._start = time.monotonic()
        with open(self._log, "wb") as out:
            self._process = subprocess.Popen(
                [*_line(board, config), *(["--dry-run"] if is_dry_run else [])],
                cwd=HERE,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def outcome(self) -> Outcome:
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        told = [line for line in lines if line.startswith(manifest.PREFIX)]
        what = UPDATED
        if self._process.returncode:
            what = FAILED
        elif any(line.endswith(_UNCHANGED) for line in told):
            what = "unchanged"
        elif self._is_dry_run:
            what = "to update"
        said = [line for line in lines if line.strip()]
        return Outcome(
            self.name,
            what,
            said[-1] if said else "it ended without a word",
            told[0].split()[0].rstrip(":") if told else "",
            time.monotonic() - self._start,
        )

    def stop(self) -> None:
        """Ends it as Ctrl-C does, if it still runs."""
        if self.has_ended():
            return
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()


def run(
    boards: list[Board],
    begin: Callable[[Board], Deploy],
    on_end: Callable[[Outcome], object],
) -> list[Outcome]:
    """Begins a deploy for each board, some at a time; what came of them, in the order of `boards`.

    on_end  is told of each as it ends
    """
    waiting, running = list(boards), list[Deploy]()
    seen_at = list[float]()  # of those that have just been updated
    outcomes: dict[str, Outcome] = {}
    try:
        while waiting or running:
            seen_at = [each for each in seen_at if each > time.monotonic()]
            while waiting and len(running) + len(seen_at) < at_a_time(len(boards)):
                running.append(begin(waiting.pop(0)))
            for each in [each for each in running if each.has_ended()]:
                running.remove(each)
                outcome = outcomes[each.name] = each.outcome()
                on_end(outcome)
                if outcome.what == UPDATED:
                    seen_at.append(time.monotonic() + _SEEN_S)
            time.sleep(_TURN_S)
    finally:
        for each in running:
            each.stop()
    return [outcomes[each.name] for each in boards]


def _line(board: Board, config: Path) -> list[str]:
    place = ["--port", board.port] if board.port else ["--host", board.host]
    app = ["--app", board.app] if board.app else []
    return [sys.executable, "-m", _PROGRAM, "deploy", *place, "--config", str(config), *app]
