"""Brings a version onto a board, which then holds the version before or the new one, whole.

Only what the board does not have is sent.  `plan` decides; here it is done.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from tools.board import startup
from tools.board.console import Console
from tools.board.mpremote import Remote, script
from tools.terminal import CommandError, Progress
from tools.version import frozen, inventory, manifest
from tools.version.plan import Plan, count, main_text, plan


def start(console: Console, folder: str, is_quiet: bool, by_name: str = "") -> None:
    """Starts the board and with it the version in `folder`, which is marked if it fails to start.

    CommandError if it does not come up.
    """
    try:
        startup.run(console, is_quiet, by_name=by_name)
    except startup.Failed:
        _mark_failed(console, folder)
        raise


def _mark_failed(console: Console, folder: str) -> None:
    """If the board can be reached; it raises nothing, so that the reason is still told."""
    mark = f"{folder}/{manifest.FAILED}"
    with suppress(OSError, CommandError, KeyboardInterrupt):
        startup.wait_prompt(console)
        Remote(console).run([f"open({mark!r}, 'w').close()"])
    startup.restart(console)  # to run what it ran


def install(
    console: Console,
    sources: dict[str, Path],
    dry_run: bool = False,
    versions: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Brings `sources` onto a board that waits at its prompt; it runs them from its next start.

    versions  of the packages in it that an image may have frozen: then they are left out
    Returns the version's folder.
    """
    board = inventory.read(console, frozen.modules(sources))
    with TemporaryDirectory() as folder:
        steps, whole = decide(console.port, board, sources, versions, Path(folder))
        if not dry_run:
            carry_out(steps, whole, console)
    return steps.target


def decide(
    place: str,
    board: inventory.Inventory,
    sources: dict[str, Path],
    versions: Mapping[str, str],
    folder: Path,
) -> tuple[Plan, dict[str, Path]]:
    """Decides what is to be done, and prints it; the plan, and all files of the version.

    place   where the board is, for a person
    folder  for the manifest
    """
    check_mpy(sources, board)
    sources, lines = frozen.leave_out(sources, versions, board.frozen)
    print(f"{place}: MicroPython {board.micropython}, {board.free_len} bytes of flash free")
    whole = manifest.add_manifest(sources, folder)
    steps = plan(manifest.read(whole), board)
    print("\n".join(board.describe_undone() + lines + steps.describe()))
    return steps, whole


def carry_out(steps: Plan, sources: dict[str, Path], console: Console) -> None:
    """Does what the plan says."""
    board = Remote(console, "the board holds the version before or the new one, whole")
    if steps.is_active:
        removes = steps.removes_first() + steps.superseded
        if removes:
            board.run(script("prepare", REMOVE=removes, FOLDERS=[], COPY=[]))
        return
    start = time.monotonic()
    with Progress("copying") as progress:
        board.run(
            script(
                "prepare", REMOVE=steps.removes_first(), FOLDERS=steps.folders, COPY=steps.copies
            ),
            on_turn=lambda: progress.show(0.0),
        )
        _send(steps, sources, board, progress)
        lines = board.run(_activation(steps), on_turn=lambda: progress.show(1.0))
    if "activated" not in lines:
        raise CommandError("The board holds something else than was sent; make deploy once more")
    if steps.sends or steps.copies:
        total = sum(steps.sends.values())
        seconds = time.monotonic() - start
        print(f"{count(steps.sends)} sent, {total} bytes, in {seconds:.1f} s")


def _send(steps: Plan, sources: dict[str, Path], board: Remote, progress: Progress) -> None:
    total = sum(steps.sends.values()) or 1
    before = 0
    for path, length in steps.sends.items():
        board.send(
            sources[path],
            f"{steps.target}/{path}",
            partial(show_sent, progress, before, total),
        )
        before += length


def show_sent(progress: Progress, before: int, total: int, done: int) -> None:
    progress.show((before + done) / total)


def _activation(steps: Plan) -> list[str]:
    return script(
        "activate",
        TARGET=steps.target,
        WANTED=steps.digest,
        KEEP=steps.kept_main,
        MAIN=main_text(steps.target, steps.previous),
        REMOVE=steps.superseded,
    )


def check_mpy(sources: dict[str, Path], board: inventory.Inventory) -> None:
    """CommandError if the board does not run what mpy-cross makes."""
    for path in sources.values():
        if path.suffix == ".mpy" and not manifest.runs_on(path, board.mpy):
            raise CommandError(
                f"MicroPython {board.micropython} on the board runs .mpy {board.mpy}, which this "
                "mpy-cross does not make; put the newest stable MicroPython on it, make flash"
            )
