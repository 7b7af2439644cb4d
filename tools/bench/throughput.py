"""Requests a second, and what each costs the processor."""

from collections.abc import Iterable

from tools.bench.experiment import Experiment, Goal, Row, Visit
from tools.bench.load import BROWSER, QUICK, QUICK_ONCE, measure
from tools.bench.servers import Rack

# name: (title, request, connections, goal against plain Microdot, the bare loop to compare with)
_LOADS = {
    "quick": ("/quick, 4 connections", QUICK, 4, Goal("at least", 4), "bare"),
    "quick1": ("/quick, 1 connection", QUICK, 1, None, "bare"),
    "quick8": ("/quick, 8 connections", QUICK, 8, None, "bare"),
    "close": ("a connection a request", QUICK_ONCE, 4, Goal("at least", 2.2), "bare_close"),
    "browser": ("a browser's request", BROWSER, 4, Goal("at least", 8), "bare"),
}
# Less of a core than this under full load means that something else wants it, too.
_BUSY = 0.8
_CROWDED = (
    "httpd32 did not get a whole core under load: other programs run, or the generator is too slow;"
    "\nprocessor time, instructions and ratios tell more than requests/s"
)


def make(rack: Rack, seconds: float) -> list[Experiment]:
    """The experiments, one a kind of load."""
    return [_make_one(rack, seconds, name) for name in _LOADS]


def _make_one(rack: Rack, seconds: float, name: str) -> Experiment:
    title, request, connections, goal, limit = _LOADS[name]
    rate = Row(name, title, "requests/s", "microdot", goal)
    cpu = Row(f"{name}.cpu", "  processor time", "us a request", "microdot", hides_zero=True)
    errors = Row(f"{name}.errors", "  cut, refused or not 200", "a second", hides_zero=True)

    def visit(kind: str) -> Visit:
        def run() -> Iterable[float]:
            result = measure(rack.get(kind), request, connections, seconds)
            if kind == "httpd32" and (result.server_share or 1) < _BUSY:
                rate.note(_CROWDED)
            return result.rate, result.cpu_us or 0, result.errors / result.seconds

        return run

    kinds = ("httpd32", "info", "microdot", limit)
    visits = {"bare" if kind == limit else kind: visit(kind) for kind in kinds}
    return Experiment(name, (rate, cpu, errors), visits)
