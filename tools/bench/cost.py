"""What one request costs in instructions, system calls and TCP segments: figures that repeat.

Instructions and system calls are the difference of two runs, a short and a long one, so that the
start does not count.  What a server does by the clock meanwhile is in it.
"""

import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence

from tools.bench.conversation import Conversation
from tools.bench.experiment import Experiment, Goal, Row, Visit
from tools.bench.load import BROWSER, BROWSER_DIFFERENT, FILE, POST, QUICK, QUICK_DIFFERENT
from tools.bench.servers import Failure, Rack, Server

_KINDS = ("httpd32", "microdot", "bare")
_APPLICATION = {"httpd32": "application", "microdot": "microdot_application"}
# name: (title, request)
_REQUESTS = {
    "instructions": ("instructions of one /quick, same head", QUICK),
    "instructions.different": ("  every head different", QUICK_DIFFERENT),
    "instructions.browser": ("  of a browser's request, same head", BROWSER),
    "instructions.browser.different": ("  every head different", BROWSER_DIFFERENT),
}
_OF_APPLICATION = {
    "instructions.post": ("instructions of a POST of 1 KB JSON", POST),
    "instructions.file": ("instructions of a file of 20 KB", FILE),
}
_SHORT, _LONG = 50, 250
_WARM_UP = 100  # requests, after which TCP acknowledges with the next segment
_SEGMENT_REQUESTS = 200
_CALLGRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
_STRACE = ("strace", "-f", "-c", "-o", "strace.txt")


def make(rack: Rack, seconds: float) -> list[Experiment]:
    instructions = _make_instructions(rack, _REQUESTS, {kind: kind for kind in _KINDS})
    instructions.rows[0].against = None
    instructions.rows[0].goal = Goal("at most", 320)
    return [
        instructions,
        _make_instructions(rack, _OF_APPLICATION, _APPLICATION),
        _make_calls(rack),
        _make_segments(rack),
    ]


def _make_instructions(
    rack: Rack, requests: dict[str, tuple[str, str]], kinds: dict[str, str]
) -> Experiment:
    """A row for each of `requests`; `kinds` of servers by series."""
    rows = [Row(name, title, "thousands", "microdot") for name, (title, _) in requests.items()]

    def visit(kind: str) -> Visit:
        return lambda: [
            _difference(rack, kind, _CALLGRIND, request, _read_callgrind) / 1000
            for _, request in requests.values()
        ]

    visits = {series: visit(kind) for series, kind in kinds.items()}
    return _make_if("valgrind", Experiment(rows[0].name, tuple(rows), visits, 1))


def _make_calls(rack: Rack) -> Experiment:
    row = Row("calls", "system calls of one /quick, keep-alive", "", goal=Goal("at most", 6))

    def visit(kind: str) -> Visit:
        return lambda: [_difference(rack, kind, _STRACE, QUICK, _read_strace)]

    visits = {kind: visit(kind) for kind in _KINDS}
    return _make_if("strace", Experiment("calls", (row,), visits, 1))


def _make_if(tool: str, experiment: Experiment) -> Experiment:
    """The experiment, without visits and with a remark where the tool is missing."""
    if not shutil.which(tool):
        experiment.visits = {}
        experiment.rows[0].note(f"{experiment.name}: skipped, no {tool} on PATH")
    return experiment


def _difference(
    rack: Rack, kind: str, tool: Sequence[str], request: str, read: Callable[[Server], int]
) -> float:
    with rack.start(kind, prefix=tool) as short, rack.start(kind, prefix=tool) as long:
        counts = [
            _count(server, request, read, requests)
            for server, requests in ((short, _SHORT), (long, _LONG))
        ]
    return (counts[1] - counts[0]) / (_LONG - _SHORT)


def _count(server: Server, request: str, read: Callable[[Server], int], requests: int) -> int:
    """What the tool has counted of a server that has answered so many requests."""
    server.wait_ready()
    with Conversation(server.port, request) as client:
        for _ in range(requests):
            client.ask()
    server.end()
    return read(server)


def _read_callgrind(server: Server) -> int:
    found = re.search(r"Collected : (\d+)", server.console())
    if not found:
        raise Failure(f"valgrind: {server.last_line()}")
    return int(found[1])


def _read_strace(server: Server) -> int:
    try:
        lines = (server.folder / "strace.txt").read_text().strip().split("\n")
        return int(lines[-1].split()[3])  # the line of totals
    except (OSError, IndexError, ValueError):
        raise Failure(f"strace: {server.last_line()}")


def _make_segments(rack: Rack) -> Experiment:
    row = Row("segments", "TCP segments of one /quick, keep-alive", "", goal=Goal("at most", 2))
    experiment = Experiment("segments", (row,), {}, 1)

    def visit(kind: str) -> Visit:
        def run() -> Iterable[float]:
            with rack.start(kind) as server:
                server.wait_ready()
                return [_count_segments(server.port)]

        return run

    if sys.platform == "linux":
        experiment.visits = {kind: visit(kind) for kind in ("httpd32", "bare")}
    else:
        row.note("segments: skipped, only Linux counts them")
    return experiment


def _count_segments(port: int) -> float:
    with Conversation(port, QUICK) as client:
        for _ in range(_WARM_UP):
            client.ask()
        before = client.count_segments()
        for _ in range(_SEGMENT_REQUESTS):
            client.ask()
        return (client.count_segments() - before) / _SEGMENT_REQUESTS
