"""How long `/quick` takes while others are a burden, and how soon a server answers at all."""

from collections.abc import Iterable
from contextlib import nullcontext

from tools.bench.experiment import Experiment, Goal, Row, Visit
from tools.bench.generator import Outcome, Plan
from tools.bench.load import QUICK, burden, generate
from tools.bench.servers import Rack, Server

# name: (title, kind of burden, how many, at most how many times the p99 without it)
_BURDENS = {
    "streaming": ("p99 while both workers stream", "stream", 2, 2),
    "held": ("p99 with 30 slow clients held", "hold", 30, 3),
    "reconnecting": ("p99 with 30 slow clients reconnecting", "reconnect", 30, 3),
}
_CONNECTIONS = 4
_PACE_MS = 5
_POUR_GOAL_MS = 20


def make(rack: Rack, seconds: float) -> list[Experiment]:
    burdens = [_make_burden(rack, seconds, name) for name in _BURDENS]
    return [*burdens, _make_pour(rack, seconds), _make_start(rack)]


def _load(server: Server, seconds: float) -> Outcome:
    return generate(Plan(server.port, QUICK, _CONNECTIONS, seconds, pace_ms=_PACE_MS))


def _make_burden(rack: Rack, seconds: float, name: str) -> Experiment:
    title, kind, count, limit = _BURDENS[name]
    row = Row(name, f"/quick {title}", "ms", "alone", Goal("at most", limit))
    errors = Row(f"{name}.errors", "  cut, refused or not 200", "a second", hides_zero=True)

    def visit(server_kind: str, is_burdened: bool = True) -> Visit:
        def run() -> Iterable[float]:
            with rack.start(server_kind) as server:  # a fresh one: it may not survive
                server.wait_ready()
                with burden(server, kind, count) if is_burdened else nullcontext():
                    load = _load(server, seconds)
            return load.percentile_ms(99), load.errors / load.seconds

        return run

    visits = {"httpd32": visit("httpd32"), "alone": visit("httpd32", False)}
    return Experiment(name, (row, errors), {**visits, "microdot": visit("microdot")})


def _make_pour(rack: Rack, seconds: float) -> Experiment:
    row = Row(
        "pouring",
        "/quick at worst while one pours bytes without a newline",
        "ms",
        goal=Goal("at most", _POUR_GOAL_MS),
    )

    def visit(kind: str) -> Visit:
        def run() -> Iterable[float]:
            with rack.start(kind) as server:
                server.wait_ready()
                with burden(server, "pour", 1):
                    return [_load(server, seconds).longest_ms()]

        return run

    return Experiment("pouring", (row,), {kind: visit(kind) for kind in ("httpd32", "microdot")})


def _make_start(rack: Rack) -> Experiment:
    row = Row("start", "from start to first answer", "ms", "microdot", Goal("at most", 1.5))
    cpu = Row("start.cpu", "  processor time of it", "ms", "microdot", hides_zero=True)

    def visit(kind: str) -> Visit:
        def run() -> Iterable[float]:
            with rack.start(kind) as server:
                ready_s = server.wait_ready()
                return ready_s * 1000, (server.cpu_s() or 0) * 1000

        return run

    kinds = ("httpd32", "microdot", "bare")
    return Experiment("start", (row, cpu), {kind: visit(kind) for kind in kinds})
