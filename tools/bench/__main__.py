"""Measures httpd32 beside plain Microdot and a bare asyncio loop, in one run on this machine."""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

from tools.bench import cost, footprint, latency, report, servers, throughput
from tools.bench.experiment import Experiment
from tools.bench.load import has_wrk

_HEAP = "192k"  # about what a board has left after Wi-Fi; its words are half as long


def main() -> int:
    options = _parse()
    started_s = time.monotonic()
    header = _describe_machine(options)
    print(", ".join(f"{name} {value}" for name, value in header.items()))
    try:
        with servers.Rack(options.heap) as rack:
            chosen = _choose(_make_all(rack, options), options.only)
            _run(chosen, options.rounds, started_s)
    except KeyboardInterrupt:
        print("\nstopped")
        return 130
    except servers.Failure as failure:
        print(failure)
        return 1
    rows = [row for experiment in chosen for row in experiment.rows]
    print("\n" + report.table(rows))
    print(f"{time.monotonic() - started_s:.0f} s")
    if options.json:
        Path(options.json).write_text(json.dumps(report.as_json(header, rows), indent=1) + "\n")
    return 0


def _parse():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds instead of five")
    parser.add_argument("--only", default="", help="experiments, with commas between; see --list")
    parser.add_argument("--list", action="store_true", help="prints the names of the experiments")
    parser.add_argument("--rounds", type=int, default=0, help="how many rounds")
    parser.add_argument("--seconds", type=float, default=1, help="of load a visit")
    parser.add_argument("--heap", default=_HEAP, help=f"of each server; {_HEAP} if left out")
    parser.add_argument("--json", default="", help="a file for everything that was measured")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    return options


def _describe_machine(options):
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "MicroPython": servers.versions(),
        "heap": options.heap,
        "load from": "wrk" if has_wrk() else "our own generator (no wrk on PATH)",
        "rounds": options.rounds,
    }


def _make_all(rack, options) -> list[Experiment]:
    makers = (throughput.make, latency.make, footprint.make, cost.make)
    return [each for make in makers for each in make(rack, options.seconds)]


def _choose(experiments, only) -> list[Experiment]:
    known = [each.name for each in experiments]
    names = [name.strip() for name in only.split(",") if name.strip()] or known
    for name in names:
        if name not in known:
            raise servers.Failure(f"--only {name}: no such experiment; {', '.join(known)}")
    return [each for each in experiments if each.name in names]


def _run(experiments, rounds, started_s):
    for number in range(rounds):
        for each in experiments:
            if number < each.rounds and each.visits:
                spent_s = time.monotonic() - started_s
                print(f"{spent_s:4.0f} s  round {number + 1} of {rounds}: {each.name}", flush=True)
                each.run_round(number)


if __name__ == "__main__":
    sys.exit(main())
