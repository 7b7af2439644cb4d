"""Brings a version onto a board over the network, as `install` does over the cable."""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from tools.board.network import NetworkBoard, Unanswered, flash_full, wait_start
from tools.terminal import CommandError, Progress
from tools.version import frozen, inventory, manifest
from tools.version.install import decide, show_sent
from tools.version.inventory import Inventory
from tools.version.plan import Plan, count, main_text, plan, trial_text

_SEALED = ("config.json", "settings.json")  # they have passwords
_START_S = 120.0
_OWN_BLOCKS = 8  # for the plan, the trial, and main.py's successor
_MAIN = "/main.py.new"
_TRIAL = "/trial.py.new"


def read(board: NetworkBoard, modules: Sequence[str], dry_run: bool = False) -> Inventory:
    """What a board holds, which then has room for an update.

    modules  what may be frozen in its image
    dry_run  nothing may change: CommandError if it would have to restart for that
    """
    if not board.has_room():
        if dry_run:
            raise CommandError(
                f"{board.host} has too little memory free to be looked at beside its application; "
                "without DRY_RUN= it restarts for the update"
            )
        print("too little memory is free for an update: the board starts without its application")
        with Progress("waiting for the board") as progress:
            board.make_room(progress.show)
    with Progress("looking at the board") as progress:
        lines = board.ask("inventory", "\n".join(modules).encode(), lambda _: progress.show())
    found = inventory.parse(lines)
    if not found.current:
        raise CommandError(
            f"{board.host} does not run a version of make deploy; make deploy PORT= over the cable"
        )
    return found._replace(free_len=max(0, found.free_len - _OWN_BLOCKS * found.block_len))


def install(
    board: NetworkBoard, sources: dict[str, Path], dry_run: bool, versions: Mapping[str, str]
) -> str:
    """Brings `sources` onto a board, which then restarts; as `install.install`.

    Returns the folder that it restarts with, "" if it does not restart.
    """
    if dry_run and not board.has_room():
        print(_compare(sources, board.running[1:]))
        return ""
    held = read(board, frozen.modules(sources), dry_run)
    with TemporaryDirectory() as folder:
        steps, whole = decide(board.host, held, sources, versions, Path(folder))
        return "" if dry_run else carry_out(steps, whole, board)


def _compare(sources: dict[str, Path], running: str) -> str:
    """One line for a person: all that can be told without the inventory of a board."""
    with TemporaryDirectory() as folder:
        wanted = manifest.name(manifest.read(manifest.add_manifest(sources, Path(folder))))
    if running.startswith(wanted):
        return f"{running} runs on the board; if its files are as they were: nothing to copy"
    return (
        f"{wanted}: another version than {running}, which runs, unless its image has parts frozen "
        "in; too little memory is free beside the application to tell more"
    )


def install_config(board: NetworkBoard, sources: dict[str, Path]) -> str:
    """The version that runs, with these files in the place of its own.

    sources  config.json and what comes of it; the other files are copied on the board
    """
    held = read(board, [])
    there = held.versions.get(held.current, {})
    listed = dict(line.split(" ", 1)[::-1] for line in board.ask("manifest"))
    if any(path not in there or there[path].sha256 != digest for path, digest in listed.items()):
        raise CommandError("Files were changed on the board; make deploy HOST= brings them anew")
    changed = manifest.read(sources)
    files = {path: there[path] for path in listed} | changed
    with TemporaryDirectory() as folder:
        path = Path(folder) / manifest.MANIFEST
        path.write_bytes(manifest.encode(files))
        sources = sources | {manifest.MANIFEST: path}
        steps = plan(files | manifest.read({manifest.MANIFEST: path}), held)
        print("\n".join(steps.describe()))
        return carry_out(steps, sources, board)


def go_back(board: NetworkBoard, held: Inventory, target: str) -> None:
    """Switches to the version in the folder `target`, which is whole on the board."""
    files = held.versions[target]
    left = f"/{held.current}"
    lines = [f"target /{target} {files[manifest.MANIFEST].sha256}"]
    if held.has_failed():
        lines.append(f"finally {left}")
    previous = "" if held.has_failed() else left
    switch(board, lines, {}, f"/{target}", previous, _can_end_trial(files))


def start(
    board: NetworkBoard, folder: str, settings: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Waits until the board serves the version in `folder`, if it restarts, and prints its URL.

    settings  that it has then; none if they are not known
    """
    if folder:
        ports = [board.port]
        if settings and settings["server"]["port"] not in ports:
            ports.append(settings["server"]["port"])
        takes_updates = not settings or settings["update"]["password"]
        if not takes_updates:
            print("config.json has no update.password: this was the last update over the network")
        board.close()
        with Progress("waiting for the server") as progress:
            found = wait_start(
                board.name, folder if takes_updates else "", ports, _START_S, progress.show
            )
        print(f"http://{found}/")
    else:
        if board.is_alone:
            folder = board.read_running()
            with suppress(Unanswered):  # its answer may be lost in the restart
                board.leave()
            with Progress("waiting for the server") as progress:
                wait_start(board.name, folder, [board.port], _START_S, progress.show)
        print(f"http://{board.host}/")


def carry_out(steps: Plan, sources: dict[str, Path], board: NetworkBoard) -> str:
    """Does what the plan says; the folder that the board restarts with, or ""."""
    lines = [f"remove {path}" for path in steps.removes_first()]
    if steps.is_active:
        lines += [f"remove {path}" for path in steps.superseded]
        if lines:
            with Progress("removing") as progress:
                _prepare(board, lines, progress)
        return ""
    lines.insert(0, f"target {steps.target} {steps.digest}")
    lines += [f"folder {path}" for path in steps.folders]
    lines += [f"copy {source}\t{target}" for source, target in steps.copies]
    if steps.kept_main:
        lines.append(f"copy /main.py\t{steps.kept_main}")
    contents = {f"{steps.target}/{path}": sources[path].read_bytes() for path in steps.sends}
    lines += [f"finally {path}" for path in steps.superseded]
    start = time.monotonic()
    switch(board, lines, contents, steps.target, steps.previous, _can_end_trial(sources))
    if steps.sends or steps.copies:
        total = sum(steps.sends.values())
        seconds = time.monotonic() - start
        print(f"{count(steps.sends)} sent, {total} bytes, in {seconds:.1f} s")
    return steps.target


def switch(
    board: NetworkBoard,
    lines: list[str],
    contents: dict[str, bytes],
    target: str,
    previous: str,
    is_on_trial: bool,
) -> None:
    """Carries out a plan, whose `lines` begin with its target, and restarts the board.

    contents     what is sent: path on the board to bytes
    previous     what it goes back to; "" for nothing
    is_on_trial  whether the version can say that it has served
    """
    contents = contents | {_MAIN: main_text(target, previous).encode()}
    if is_on_trial and previous:
        contents[_TRIAL] = trial_text(target).encode()
    sends = [_describe(path, content) for path, content in contents.items()]
    with Progress("copying") as progress:
        nonce = _prepare(board, lines + sends, progress)
        total = sum(map(len, contents.values()))
        before = 0
        for number, (path, content) in enumerate(contents.items(), len(lines)):
            sealed = board.seal(nonce, path, content) if _is_sealed(path) else content
            board.put(number, sealed, partial(show_sent, progress, before, total))
            before += len(content)
        try:
            answer = board.ask("activate", on_line=lambda _: progress.show(1.0))
        except Unanswered:  # as when it leaves; what runs then, `start` sees
            answer = ["activated"]
    _check(answer, "activated")
    board.is_alone = False  # it starts again by itself


def _prepare(board: NetworkBoard, lines: list[str], progress: Progress) -> str:
    """Sends a plan; the nonce that goes with it."""
    text = "".join(f"{line}\n" for line in lines).encode()
    answer = board.ask("update", text, lambda _: progress.show(0.0))
    _check(answer, "complete")
    return board.nonce


def _check(answer: list[str], wanted: str) -> None:
    if wanted in answer:
        return
    last = answer[-1] if answer else ""
    if last == "failed 507":
        raise flash_full()
    if last.startswith("differs "):
        raise CommandError("The board holds something else than was sent; make deploy once more")
    raise CommandError(f"The board has not finished ({last}); it has not changed; try again")


def _describe(path: str, content: bytes) -> str:
    digest = manifest.digest(content)
    return f"{'seal' if _is_sealed(path) else 'send'} {digest} {path}"


def _is_sealed(path: str) -> bool:
    return path.rsplit("/", 1)[-1] in _SEALED and path.count("/") == len(("", "folder"))


def _can_end_trial(paths: Iterable[str]) -> bool:
    """Whether a version with these files says that it serves: an older one would not."""
    firmware = [path for path in paths if path.startswith("firmware/")]
    return not firmware or "firmware/trial.mpy" in firmware
