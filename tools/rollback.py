"""make rollback: the board runs the version before again; once more, and it is the later one.

A version that has failed to start is left for good.
"""

import argparse
import json

from firmware import config as settings
from tools import deploy, inventory, startup, version
from tools import port as ports
from tools.deploy_plan import main_text
from tools.inventory import Inventory
from tools.remote import Remote, script
from tools.terminal import Progress, Refused, run_tool


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", default="")
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args()
    rollback(ports.pick(options.port), options.dry_run)


def plan(board: Inventory) -> str:
    """What the board goes back to: a version's folder, or the main.py that was there before.

    Refused if there is none.
    """
    if not board.current:
        raise Refused("The board does not run httpd32 from make deploy; make deploy brings it")
    if not board.previous:
        raise Refused("The board has no version before this one; make deploy brings another")
    is_file = board.previous in board.others
    files = board.versions.get(board.previous, {})
    if not is_file and not version.is_named_after(board.previous, files):
        raise Refused("The version before is no more on the board; make deploy brings another")
    return board.previous


def describe(target: str, board: Inventory) -> str:
    """One line for a person."""
    if target in board.others:
        return f"{board.current} -> the board's own main.py, {target}"
    old, new = board.versions.get(board.current, {}), board.versions[target]
    paths = (old.keys() | new.keys()) - {version.MANIFEST, version.FAILED}
    changed = sorted(path for path in paths if old.get(path) != new.get(path))
    goes = "; the first has failed to start and is removed" if board.has_failed() else ""
    return f"{board.current} -> {target}; they differ in {', '.join(changed)}{goes}"


def rollback(port: str, dry_run: bool = False):
    deploy.wait_prompt(port)
    try:
        board = inventory.read(Remote(port))
        target = plan(board)
        print(describe(target, board))
        is_quiet = _is_log_hidden(target, board, port)
        if not dry_run:
            _switch(target, board, port)
    except BaseException:
        startup.restart(port)  # to run what it ran
        raise
    if dry_run or target in board.others:
        startup.restart(port)
    else:
        deploy.start(port, f"/{target}", is_quiet)


def _is_log_hidden(target, board, port) -> bool:
    if target in board.others:
        return False
    text = Remote(port).run([["fs", "cat", f":/{target}/config.json"]], lambda line: None)
    try:
        return deploy.is_log_hidden(settings.check(json.loads("\n".join(text))))
    except ValueError:
        return False  # its failure to start says why


def _switch(target, board, port):
    remote = Remote(port, "the board holds the one version or the other, whole")
    if target in board.others:
        remote.run([["exec", f"import os; os.rename('/{target}', '/main.py')"]], lambda line: None)
        return
    left = f"/{board.current}"
    commands = script(
        "activate",
        TARGET=f"/{target}",
        WANTED=board.versions[target][version.MANIFEST].sha256,
        KEEP="",
        MAIN=main_text(f"/{target}", "" if board.has_failed() else left),
        REMOVE=[left] if board.has_failed() else [],
    )
    with Progress("checking") as progress:
        lines = remote.run(commands, lambda line: None, on_turn=lambda share: progress.show())
    if "activated" not in lines:
        raise Refused("The version before was changed on the board; make deploy brings another")


if __name__ == "__main__":
    run_tool(main)
