"""Measures httpd32 beside plain Microdot and a bare asyncio loop, in one run on this machine."""

import json
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from tools.bench import cost, footprint, latency, machine, picture, report, servers, throughput
from tools.bench.experiment import Experiment, Row
from tools.terminal import CommandError

_PICTURE = "build/bench.svg"
_DRAWN = ("different", "quick", "close", "browser")
_HEAP = "256k"  # a board's is 128 KB, with words half as long


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="one round instead of five: a minute")
    parser.add_argument("--only", default="", help="experiments, with commas between; see --list")
    parser.add_argument("--list", action="store_true", help="prints the names of the experiments")
    parser.add_argument("--rounds", type=int, default=0, help="how many rounds")
    parser.add_argument("--seconds", type=float, default=1, help="of load a visit")
    parser.add_argument("--heap", default=_HEAP, help=f"of each server; {_HEAP} if left out")
    parser.add_argument("--picture", default=_PICTURE, help=f"an SVG file; {_PICTURE} if left out")
    parser.add_argument("--json", default="", help="a file for everything that was measured")
    parser.add_argument("--compare", default="", help="such a file of an earlier run")


def run(options: Namespace) -> int:
    options.rounds = options.rounds or (1 if options.quick else 5)
    started_s = time.monotonic()
    try:
        earlier = _load_earlier(options.compare)
        with servers.Rack(options.heap) as rack:
            experiments = _choose(_make_all(rack, options), options.only)
            if options.list:
                print("\n".join(f"{each.name:18} {each.rows[0].title}" for each in experiments))
                return 0
            header = machine.describe(options.heap, options.rounds)
            print(machine.format_lines(header))
            _run(experiments, options.rounds, started_s)
    except KeyboardInterrupt:
        print("\nstopped")
        return 130
    _show(header, [row for each in experiments for row in each.rows], options, earlier)
    print(f"{time.monotonic() - started_s:.0f} s")
    return 0


def _load_earlier(file: str) -> dict[str, Any] | None:
    """The results of an earlier run, by name; None if no file is named."""
    if not file:
        return None
    try:
        return report.results(json.loads(Path(file).read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        raise CommandError(f"--compare {file}: not a file that --json has written")


def _show(
    header: dict[str, Any], rows: list[Row], options: Namespace, earlier: dict[str, Any] | None
) -> None:
    """The table, and the files that were asked for."""
    print("\n" + report.table(rows, earlier))
    drawn = [row for row in rows if row.name in _DRAWN and row.middle("httpd32")]
    if drawn:
        target = Path(options.picture)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(picture.draw(drawn, machine.format_footer(header)))
        print(f"{target}: the picture")
    if options.json:
        Path(options.json).write_text(json.dumps(report.as_json(header, rows), indent=1) + "\n")


def _make_all(rack: servers.Rack, options: Namespace) -> list[Experiment]:
    makers = (throughput.make, latency.make, footprint.make, cost.make)
    return [each for make in makers for each in make(rack, options.seconds)]


def _choose(experiments: list[Experiment], only: str) -> list[Experiment]:
    known = [each.name for each in experiments]
    names = [name.strip() for name in only.split(",") if name.strip()] or known
    for name in names:
        if name not in known:
            raise CommandError(f"--only {name}: no such experiment; {', '.join(known)}")
    return [each for each in experiments if each.name in names]


def _run(experiments: list[Experiment], rounds: int, started_s: float) -> None:
    for number in range(rounds):
        for each in experiments:
            if number < each.rounds and each.visits:
                spent_s = time.monotonic() - started_s
                print(f"{spent_s:4.0f} s  round {number + 1} of {rounds}: {each.name}", flush=True)
                each.run_round(number)
