"""Goes back to the version before; a second rollback returns to the later one.

A version that has failed to start is left for good.
"""

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from firmware.config import check
from tools.board import network, ports, startup
from tools.board.console import Console
from tools.board.mpremote import Remote, script
from tools.checkout import HERE
from tools.settings import file
from tools.terminal import CommandError, Progress
from tools.version import frozen, install, inventory, manifest, update
from tools.version.inventory import Inventory
from tools.version.plan import main_text


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", default="", help=ports.HELP)
    parser.add_argument("--host", default="", help=network.HELP)
    parser.add_argument("--dry-run", action="store_true", help="only looks and tells")


def run(options: Namespace) -> None:
    if options.host:
        settings = file.read(HERE / "config.json")
        with network.open_board(options, settings) as board:
            roll_back_over_network(board, options.dry_run)
        return
    rollback(ports.pick(options.port), options.dry_run)


def plan(board: Inventory) -> str:
    """What the board goes back to: a version's folder, or the main.py that was there before.

    CommandError if there is none.
    """
    if not board.current:
        raise CommandError("The board does not run httpd32 from make deploy; make deploy brings it")
    if not board.previous:
        raise CommandError("The board has no version before this one; make deploy brings another")
    is_file = board.previous in board.others
    files = board.versions.get(board.previous, {})
    if not is_file and not manifest.is_named_after(board.previous, files):
        raise CommandError(
            "The version before is no longer on the board; make deploy brings another"
        )
    lacking = frozen.find_lacking(files, board.versions.get(board.current, {}), board.frozen)
    if lacking and not is_file:
        raise CommandError(
            f"The version before needs an image with {lacking} frozen in, as it was; "
            "make deploy brings another"
        )
    return board.previous


def describe(target: str, board: Inventory) -> str:
    """One line for a person."""
    if target in board.others:
        return f"{board.current} -> the board's own main.py, {target}"
    old, new = board.versions.get(board.current, {}), board.versions[target]
    paths = (old.keys() | new.keys()) - {manifest.MANIFEST, manifest.FAILED}
    changed = sorted(path for path in paths if old.get(path) != new.get(path))
    goes = "; the first has failed to start and is removed" if board.has_failed() else ""
    return f"{board.current} -> {target}; they differ in {', '.join(changed)}{goes}"


def rollback(port: str, dry_run: bool = False) -> None:
    with Console(port) as console:
        with startup.stopped(console):
            board = inventory.read(console, frozen.PACKAGES)
            target = plan(board)
            print(describe(target, board))
            config = _read_settings(target, board, console)
            if not dry_run:
                _switch(target, board, console)
        if dry_run or target in board.others:
            startup.restart(console)
        else:
            is_quiet = bool(config) and file.is_log_hidden(config)
            by_name = startup.url(*file.name_of(config)) if config else ""
            install.start(console, f"/{target}", is_quiet, by_name)


def roll_back_over_network(board: network.NetworkBoard, dry_run: bool) -> None:
    held = update.read(board, frozen.PACKAGES, dry_run)
    target = plan(held)
    if target in held.others:
        raise CommandError(f"The version before is the board's own {target}; make rollback PORT=")
    print(describe(target, held))
    if not dry_run:
        update.go_back(board, held, target)
        update.start(board, f"/{target}")


def _read_settings(target: str, board: Inventory, console: Console) -> dict[str, Any]:
    """Those of the version; {} if they can't be known."""
    if target in board.others:
        return {}
    text = Remote(console).read(f"/{target}/config.json")
    try:
        return check(json.loads(text))
    except ValueError:
        return {}  # its failure to start says why


def _switch(target: str, board: Inventory, console: Console) -> None:
    remote = Remote(console, "the board holds the one version or the other, whole")
    if target in board.others:
        remote.run([f"import os; os.rename('/{target}', '/main.py')"])
        return
    left = f"/{board.current}"
    programs = script(
        "activate",
        TARGET=f"/{target}",
        WANTED=board.versions[target][manifest.MANIFEST].sha256,
        KEEP="",
        MAIN=main_text(f"/{target}", "" if board.has_failed() else left),
        REMOVE=[left] if board.has_failed() else [],
    )
    with Progress("checking") as progress:
        lines = remote.run(programs, progress.show)
    if "activated" not in lines:
        raise CommandError(
            "The version before was changed on the board; make deploy brings another"
        )
