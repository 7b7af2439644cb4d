"""A mixed load with faults for some minutes, on `make run` or on a board; ends with a table.

The exit status is 1 if something has happened that must not, whatever clients do.
"""

import random
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from tools.simulator import harness
from tools.soak.board import Address, Simulated
from tools.soak.clients import Load
from tools.soak.tally import MAX_SILENCE_S, Tally
from tools.terminal import CommandError

_WARM_UP_S = 5.0
_LINK_EVERY_S = (12, 25)
_LINK_DOWN_S = (0.5, 3)
_SETTLE_S = 15  # for what has ended to be gone
_MAX_GROWTH = 1.05  # of the heap: what the first minute leaves, however many follow
_TURN_S = 0.2


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--minutes", default="10", help="how long, as 0.5; 10 if left out")
    parser.add_argument("--host", default="", help="host or host:port of a board, else `make run`")
    parser.add_argument(
        "--runtime", default=harness.RUNTIMES[0], help=" or ".join(harness.RUNTIMES)
    )


def run(options: Namespace) -> int:
    seconds = _seconds(options.minutes)
    if options.runtime not in harness.RUNTIMES:
        raise CommandError(f"RUNTIME={options.runtime}: one of {', '.join(harness.RUNTIMES)}")
    board = Address(options.host) if options.host else Simulated(options.runtime)
    tally = Tally()
    print(f"{board.host}:{board.port}: a mixed load for {seconds:.0f} s")
    try:
        lines = list(soak(board, tally, seconds))
    finally:
        board.stop()
    print("\n" + _table(tally, lines))
    for problem in tally.problems:
        print(f"must not happen: {problem}")
    return 1 if tally.problems else 0


def soak(board: Address, tally: Tally, seconds: float) -> Iterator[str]:
    """The load, and afterwards lines for the table; what must not happen is in the tally."""
    heap_before = _warm_up(board, tally, seconds)
    load = Load(board.host, board.port, tally)
    load.start()
    losses = _wait(board, tally, seconds)
    load.stop()
    silence_s = tally.longest_silence_s()
    if silence_s > MAX_SILENCE_S:
        tally.add_problem(f"no quick answer for {silence_s:.0f} s")
    yield f"longest wait for a quick answer: {silence_s:.1f} s"
    yield f"link lost and back: {losses} times"
    yield from _settled(board, tally)
    heap_after = board.read_heap()
    if heap_before and heap_after:
        yield f"heap in use: {heap_before} bytes before, {heap_after} after"
        if heap_after > heap_before * _MAX_GROWTH:
            tally.add_problem(f"the heap has grown from {heap_before} to {heap_after} bytes")
    for line in board.faults():
        tally.add_problem(line)


def _seconds(minutes: str) -> float:
    try:
        seconds = float(minutes) * 60
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 7 * 24 * 3600:
        raise CommandError(f"MINUTES={minutes}: a number of minutes, as 10 or 0.5")
    return seconds


def _warm_up(board: Address, tally: Tally, seconds: float) -> int | None:
    """All is loaded that is loaded later; the heap in use then."""
    load = Load(board.host, board.port, tally)
    load.start()
    time.sleep(min(_WARM_UP_S, seconds / 4))
    load.stop()
    list(_settled(board, Tally()))
    tally.answer_quick()
    return board.read_heap()


def _wait(board: Address, tally: Tally, seconds: float) -> int:
    """Waits for the end, with losses of the link where that can be; how many."""
    end = time.monotonic() + seconds
    losses = 0
    next_s = time.monotonic() + random.uniform(*_LINK_EVERY_S) / 2
    while time.monotonic() < end:
        time.sleep(_TURN_S)
        if board.has_console and next_s < time.monotonic() < end - _LINK_DOWN_S[1]:
            tally.set_link(False)
            board.lose_link(random.uniform(*_LINK_DOWN_S))
            tally.set_link(True)
            losses += 1
            next_s = time.monotonic() + random.uniform(*_LINK_EVERY_S)
    return losses


def _settled(board: Address, tally: Tally) -> Iterator[str]:
    """Every connection closed and every worker ready, as /status.json tells, if it does."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        status = board.read_status()
        if status is None:
            yield "its state: not told by /status.json"
            return
        sockets, workers = status["sockets"], status["workers"]
        if sockets["open"] <= 1 and not workers["busy"]:  # ours is one
            break
        if time.monotonic() > deadline:
            tally.add_problem(f"{sockets['open'] - 1} sockets, {workers['busy']} workers not free")
            break
        time.sleep(_TURN_S)
    worst_ms = status["loop"]["worst_lag_seconds"] * 1000
    yield f"sockets: most {sockets['most']} of {sockets['limit']}, purged {sockets['purged']}"
    yield f"workers refused: {workers['refused']}; longest pause of the loop: {worst_ms:.0f} ms"


def _table(tally: Tally, lines: list[str]) -> str:
    rows = [f"{kind:11} {count:7}  {outcomes}" for kind, count, outcomes in tally.rows()]
    return "\n".join([f"{'client':11} {'times':>7}  what came of it", *rows, "", *lines])
