"""Brings a version onto a board, which then holds the version before or the new one, whole.

Only what the board does not have is sent.  `plan` decides; here it is done.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.board import startup
from tools.board.mpremote import Mpremote, script
from tools.terminal import Progress, Refused
from tools.version import inventory, manifest
from tools.version.plan import Plan, count, main_text, plan

_COMMANDS_AT_A_TIME = 50  # a command line has its limits


def start(port: str, folder: str, is_quiet: bool) -> None:
    """Starts the board and with it the version in `folder`, which is marked if it fails to start.

    Refused if it does not come up.
    """
    try:
        startup.run(port, is_quiet)
    except startup.Failed:
        _mark_failed(port, folder)
        raise


def _mark_failed(port: str, folder: str) -> None:
    """As far as the board can be reached: why the version has failed is still to be told."""
    mark = f"{folder}/{manifest.FAILED}"
    with suppress(OSError, Refused, KeyboardInterrupt):
        startup.wait_prompt(port)
        Mpremote(port).run([["exec", f"open({mark!r}, 'w').close()"]])
    startup.restart(port)  # to run what it ran


def install(port: str, sources: dict[str, Path], dry_run: bool = False) -> str:
    """Brings `sources` onto a board that waits at its prompt; it runs them from its next start.

    Returns the version's folder.
    """
    board = inventory.read(Mpremote(port))
    check_mpy(sources, board)
    print(f"{port}: MicroPython {board.micropython}, {board.free_len} bytes of flash free")
    with TemporaryDirectory() as folder:
        whole = manifest.add_manifest(sources, Path(folder))
        steps = plan(manifest.read(whole), board)
        print("\n".join(steps.describe()))
        if not dry_run:
            carry_out(steps, whole, port)
    return steps.target


def carry_out(steps: Plan, sources: dict[str, Path], port: str) -> None:
    """Does what the plan says."""
    start = time.monotonic()
    board = Mpremote(port, "the board holds the version before or the new one, whole")
    total = sum(steps.sends.values())
    sent = _Sent(steps)
    lines: list[str] = []
    with Progress("copying") as progress:
        for commands in _commands(steps, sources):
            lines += board.run(
                commands, sent.read, on_turn=lambda share: progress.show(sent.share(share))
            )
    if not steps.is_active and "activated" not in lines:
        raise Refused("The board holds something else than was sent; make deploy once more")
    if steps.sends or steps.copies:
        seconds = time.monotonic() - start
        print(f"{count(steps.sends)} sent, {total} bytes, in {seconds:.1f} s")


class _Sent:
    """How much was sent, by what mpremote prints when it begins with a file."""

    def __init__(self, steps: Plan) -> None:
        self._steps = steps
        self._total = sum(steps.sends.values())
        self._before = 0
        self._now = 0  # length of the file that is being sent

    def read(self, line: str) -> None:
        prefix = f" :{self._steps.target}/"
        if line.startswith("cp ") and prefix in line:
            self._before += self._now
            self._now = self._steps.sends[line.rsplit(prefix, 1)[1]]

    def share(self, share_of_file: float) -> float:
        """Of all that there is to send, 0 to 1."""
        return (self._before + self._now * share_of_file) / (self._total or 1)


def _commands(steps: Plan, sources: dict[str, Path]) -> Iterator[list[list[str]]]:
    """mpremote's commands, in lists that fit a command line."""
    if steps.is_active:
        removes = steps.removes_first() + steps.superseded
        if removes:
            yield script("prepare", REMOVE=removes, FOLDERS=[], COPY=[])
        return
    commands = script(
        "prepare", REMOVE=steps.removes_first(), FOLDERS=steps.folders, COPY=steps.copies
    )
    for path in steps.sends:
        commands.append(["fs", "cp", "-f", str(sources[path]), f":{steps.target}/{path}"])
    commands += script(
        "activate",
        TARGET=steps.target,
        WANTED=steps.digest,
        KEEP=steps.keeps,
        MAIN=main_text(steps.target, steps.previous),
        REMOVE=steps.superseded,
    )
    for at in range(0, len(commands), _COMMANDS_AT_A_TIME):
        yield commands[at : at + _COMMANDS_AT_A_TIME]


def check_mpy(sources: dict[str, Path], board: inventory.Inventory) -> None:
    """Refused if the board does not run what mpy-cross makes."""
    for path in sources.values():
        if path.suffix == ".mpy" and not manifest.runs_on(path, board.mpy):
            raise Refused(
                f"MicroPython {board.micropython} on the board runs .mpy {board.mpy}, which this "
                "mpy-cross does not make; put the newest stable MicroPython on it, make flash"
            )
