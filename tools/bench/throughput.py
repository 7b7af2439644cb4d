"""Requests a second, and what each costs the processor."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from tools.bench import load, peers
from tools.bench.experiment import Experiment, Goal, Row, Visit
from tools.bench.load import measure
from tools.bench.servers import Rack


@dataclass(frozen=True)
class _Load:
    """A row: the kinds of servers that get this load, by series.

    goal   at least, against the series `against`
    """

    title: str
    request: str
    kinds: dict[str, str]
    goal: float | None = None
    against: str = "microdot"
    connections: int = 4
    notes: tuple[str, ...] = ()


def _make_kinds(bare: str = "bare") -> dict[str, str]:
    return {"httpd32": "httpd32", "info": "info", "microdot": "microdot", "bare": bare}


_KEPT = _make_kinds()
_ONCE = _make_kinds("bare_close")
_APPLICATION = {"httpd32": "application", "microdot": "microdot_application"}
_BESIDE = {
    "biplane": "biplane 1.0: no kept connections, no streams, no chunked bodies, no files;"
    "\n  5 clients, then none is accepted; limits; 10 s for a request and its response",
    "uhttp": "uhttp 2.6: 100 requests on a kept connection, limits, time-outs, no chunked bodies;"
    "\n  32 clients, then the first comer goes, at work or not; nothing runs beside a handler",
}
_LOADS = {
    "different": _Load("/quick, every head different", load.QUICK_DIFFERENT, _KEPT, 4),
    "quick": _Load("/quick, 4 connections, same head", load.QUICK, _KEPT, 5),
    "quick1": _Load("/quick, 1 connection, same head", load.QUICK, _KEPT, connections=1),
    "quick8": _Load("/quick, 8 connections, same head", load.QUICK, _KEPT, connections=8),
    "close": _Load("a connection a request, same head", load.QUICK_ONCE, _ONCE, 3.3),
    "browser": _Load("a browser's, every head different", load.BROWSER_DIFFERENT, _KEPT, 7),
    "browser.same": _Load("a browser's request, same head", load.BROWSER, _KEPT, 11),
    "post": _Load("POST of 1 KB JSON, same head", load.POST, _APPLICATION, 4),
    "file": _Load("a file of 20 KB, same head", load.FILE, _APPLICATION, 2),
}
_PEERS = {
    "biplane": _Load(
        "beside biplane: a connection a request, every head different",
        load.ONCE_DIFFERENT,
        {"httpd32": "httpd32", "biplane": "biplane"},
        against="biplane",
        notes=(_BESIDE["biplane"],),
    ),
    "biplane.browser": _Load(
        "  a browser's request",
        load.BROWSER_ONCE,
        {"httpd32": "httpd32", "biplane": "biplane"},
        against="biplane",
    ),
    "uhttp": _Load(
        "beside uhttp: /quick, every head different",
        load.QUICK_DIFFERENT,
        {"httpd32": "httpd32", "uhttp": "uhttp"},
        against="uhttp",
        notes=(_BESIDE["uhttp"],),
    ),
    "uhttp.browser": _Load(
        "  a browser's request",
        load.BROWSER_DIFFERENT,
        {"httpd32": "httpd32", "uhttp": "uhttp"},
        against="uhttp",
    ),
}
# Less of a core than this under full load means that something else wants it, too.
_BUSY = 0.8
_CROWDED = (
    "httpd32 did not get a whole core under load: other programs run, or the generator is too slow;"
    "\nprocessor time, instructions and ratios tell more than requests/s"
)
_POLLS = 3  # of the status, as many as a visit has seconds


def make(rack: Rack, seconds: float) -> list[Experiment]:
    """The experiments, one a kind of load."""
    made = [_make_one(rack, seconds, name, each) for name, each in _LOADS.items()]
    for name, each in _PEERS.items():
        made.append(_make_one(rack, seconds, name, each))
        if not peers.are_here():
            made[-1].visits = {}
            made[-1].rows[0].note(f"{name}: skipped, PyPI can't be reached")
    return [*made, _make_accompanied(rack, seconds)]


def _make_one(rack: Rack, seconds: float, name: str, its: _Load) -> Experiment:
    goal = Goal("at least", its.goal) if its.goal else None
    rate = Row(name, its.title, "requests/s", its.against, goal, notes=list(its.notes))
    cpu = Row(f"{name}.cpu", "  processor time", "us a request", its.against, hides_zero=True)
    errors = Row(f"{name}.errors", "  cut, refused or not 200", "a second", hides_zero=True)

    def visit(kind: str) -> Visit:
        def run() -> Iterable[float]:
            result = measure(rack.get(kind), its.request, its.connections, seconds)
            if kind == "httpd32" and (result.server_share or 1) < _BUSY:
                rate.note(_CROWDED)
            return result.rate, result.cpu_us or 0, result.errors / result.seconds

        return run

    visits = {series: visit(kind) for series, kind in its.kinds.items()}
    return Experiment(name, (rate, cpu, errors), visits)


def _make_accompanied(rack: Rack, seconds: float) -> Experiment:
    """All the while both workers stream, and a browser shows how the board is."""
    rate = Row(
        "accompanied",
        "/quick while both workers stream and /status.json is polled",
        "requests/s",
        "alone",
        Goal("at least", 0.9),
    )
    errors = Row("accompanied.errors", "  cut, refused or not 200", "a second", hides_zero=True)

    def visit(burdens: dict[str, int]) -> Visit:
        def run() -> Iterable[float]:
            with rack.start("httpd32") as server, ExitStack() as stack:
                server.wait_ready()
                for kind, count in burdens.items():
                    stack.enter_context(load.burden(server, kind, count))
                result = measure(server, load.QUICK_DIFFERENT, 4, _POLLS * seconds)
            return result.rate, result.errors / result.seconds

        return run

    visits = {"httpd32": visit({"stream": 2, "poll": 1}), "alone": visit({})}
    return Experiment("accompanied", (rate, errors), visits)
