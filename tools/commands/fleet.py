"""Deploys to every board of fleet.toml, side by side; a board that fails holds up no other.

Writes what HAProxy and Prometheus are to know of them: build/fleet/haproxy.cfg, prometheus.yml.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.checkout import HERE, named
from tools.fleet import boards, haproxy, prometheus, rollout
from tools.fleet.boards import Fleet
from tools.fleet.rollout import Deploy, Outcome

_FRONT = "haproxy.cfg"
_WATCHING = "prometheus.yml"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--fleet", default="", help="another fleet.toml")
    parser.add_argument("--dry-run", action="store_true", help="only looks and tells")


def run(options: Namespace) -> int:
    path = named(options.fleet or str(HERE / "fleet.toml"))
    fleet = boards.read(path)
    target = path.parent / "build" / "fleet"
    shown = target if options.fleet else target.relative_to(HERE)
    target.mkdir(parents=True, exist_ok=True)
    if not options.dry_run:
        write(fleet, target)
        print(f"wrote {shown / _FRONT} and {shown / _WATCHING}")
    count = len(fleet.boards)
    if count > 1:
        print(f"{count} boards, {rollout.at_a_time(count)} at a time")
    with TemporaryDirectory() as scratch:
        outcomes = rollout.run(
            fleet.boards,
            lambda each: Deploy(each, target, Path(scratch), options.dry_run),
            lambda each: print(f"{each.name}: {each.text}"),
        )
    print("\n" + "\n".join(_table(fleet, outcomes)))
    failed = sum(each.what == rollout.FAILED for each in outcomes)
    if failed:
        print(f"\n{failed} of {count} failed; all that was said is in {shown}")
    return 1 if failed else 0


def write(fleet: Fleet, folder: Path) -> None:
    """The files for HAProxy, which stands in front, and for Prometheus, which watches."""
    (folder / _FRONT).write_text(haproxy.write(fleet), encoding="utf-8")
    watching = folder / _WATCHING
    watching.touch(mode=0o600)  # it may have passwords
    watching.write_text(prometheus.write(fleet), encoding="utf-8")


def _table(fleet: Fleet, outcomes: list[Outcome]) -> list[str]:
    rows = [("board", "where", "version", "what came of it", "s")]
    for board, each in zip(fleet.boards, outcomes, strict=True):
        place = board.port or board.host
        rows.append((board.name, place, each.version, each.what, f"{each.seconds:.1f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
