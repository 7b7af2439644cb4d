"""What a deploy does to a board: decided from what the board holds; nothing is done here.

A version lies in a folder of its own in the root of the flash.  main.py names the version that
runs and the one before, and replacing it by a rename is the switch: so the board holds the old
version or the new one, whole, at any moment.
"""

from collections.abc import Iterable, Sized
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tools.terminal import CommandError
from tools.version import manifest
from tools.version.inventory import Inventory
from tools.version.manifest import File

_MAIN = Path(__file__).parent / "scripts" / "main.py"
_TRIAL = Path(__file__).parent / "scripts" / "trial.py"
_SPARE_BLOCKS = 4  # main.py, its successor, and what littlefs2 needs to move things
_PAIR_BLOCKS = 2  # littlefs2: of metadata, one for a folder and one more when it has split
_PAIR_FILES = 12  # littlefs2 splits a pair that is half full
_NAME_LEN = 8
_POINTERS_LEN = 8  # littlefs2: of each block of a file, about


class Plan(NamedTuple):
    """Paths are absolute paths on the board.

    target      the version's folder
    digest      SHA-256 of its manifest
    copies      (from, to) of what the board has already
    sends       what is sent: its path below the folder, to its size
    folders     to make
    wrong       files in the folder to be removed before: from a deploy that was cut, or the mark of
                a start that failed
    unused      what nothing refers to, to be removed before
    dropped     the version before, if it must go before, to make room; or ""
    superseded  the version before, which goes after the switch
    previous    for `make rollback`: a version's folder, or the main.py that was there; or ""
    kept_main   where a main.py that is not ours is kept; "" if there is none
    is_active   the board runs this version already
    """

    target: str
    digest: str
    copies: list[tuple[str, str]]
    sends: dict[str, int]
    folders: list[str]
    wrong: list[str]
    unused: list[str]
    dropped: str
    superseded: list[str]
    previous: str
    kept_main: str
    is_active: bool

    def removes_first(self) -> list[str]:
        return self.wrong + self.unused + ([self.dropped] if self.dropped else [])

    def describe(self) -> list[str]:
        """Lines for a person."""
        if self.is_active:
            lines = [f"{self.target[1:]} runs on the board: nothing to copy"]
        else:
            lines = [
                f"{self.target[1:]}: to send {count(self.sends)}, "
                f"{sum(self.sends.values())} bytes; the board has {count(self.copies)} already"
            ]
        if self.kept_main:
            lines.append(f"the board's own main.py is kept as {self.kept_main[1:]}")
        if self.dropped:
            lines.append(f"{self.dropped[1:]}, the version before, goes first: there is no room")
        return lines + [f"to remove: {path[1:]}" for path in self.unused + self.superseded]


def plan(files: dict[str, File], board: Inventory) -> Plan:
    """How the board gets the version `files`; CommandError if there is no room for it."""
    name = _choose_folder(files, board)
    previous, kept_main = _previous(name, board)
    there = board.versions.get(name, {})
    missing = {path: file for path, file in files.items() if there.get(path) != file}
    kept = {name, board.current, board.previous}
    unused = [f"/{each}" for each in board.versions if each not in kept]
    unused += [f"/{each}" for each in board.others if each.endswith(".new")]
    dropped = _make_room(name, missing, unused, board)
    sources = _sources(board, dropped)
    found = [path for path, file in missing.items() if file.sha256 in sources]
    superseded = {f"/{each}" for each in board.versions}
    superseded -= {f"/{name}", f"/{previous}", dropped, *unused}
    return Plan(
        target=f"/{name}",
        digest=files[manifest.MANIFEST].sha256,
        copies=[(sources[missing[path].sha256], f"/{name}/{path}") for path in found],
        sends={path: file.size for path, file in missing.items() if path not in found},
        folders=_folders(name, missing),
        wrong=[f"/{name}/{path}" for path in there if path in missing or _is_ours(path)],
        unused=unused,
        dropped=dropped,
        superseded=sorted(superseded),
        previous=f"/{previous}" if previous else "",
        kept_main=kept_main,
        is_active=name == board.current,
    )


def count(files: Sized) -> str:
    return "1 file" if len(files) == 1 else f"{len(files)} files"


def main_text(current: str, previous: str) -> str:
    """The board's main.py, which starts the version in the folder `current`."""
    text = _MAIN.read_text(encoding="utf-8")
    text = text.replace('CURRENT = ""', f'CURRENT = "{current}"')
    return text.replace('PREVIOUS = ""', f'PREVIOUS = "{previous}"')


def trial_text(current: str) -> str:
    """The board's trial.py, for the version in the folder `current`."""
    return _TRIAL.read_text(encoding="utf-8").replace('WANTED = ""', f'WANTED = "{current}"')


def _choose_folder(files: dict[str, File], board: Inventory) -> str:
    """Its name, or a second one if files were changed in the folder that runs.

    What runs is never written to.
    """
    name = manifest.name(files)
    names = (name, f"{name}b")
    if board.current not in names:
        return name
    there = board.versions.get(board.current, {})
    is_whole = all(there.get(path) == file for path, file in files.items())
    return names[names.index(board.current) ^ (not is_whole)]


def _previous(name: str, board: Inventory) -> tuple[str, str]:
    """(what a rollback goes back to, where to keep a main.py that is not ours)."""
    if board.main_sha256:
        kept = f"main-{board.main_sha256[:_NAME_LEN]}.py"
        return kept, f"/{kept}"
    if name == board.current or board.has_failed():
        return (board.previous if board.previous != name else ""), ""
    return (board.current if board.current in board.versions else ""), ""


def _is_ours(path: str) -> bool:
    """Whether it comes from a cut copy or a failed start; else the application may have made it."""
    return path.endswith(".new") or path == manifest.FAILED


def _sources(board: Inventory, dropped: str) -> dict[str, str]:
    """SHA-256 to a path on the board, of what stays there."""
    return {
        file.sha256: f"/{folder}/{path}"
        for folder in (board.previous, board.current)
        if f"/{folder}" != dropped
        for path, file in board.versions.get(folder, {}).items()
    }


def _make_room(name: str, missing: dict[str, File], unused: list[str], board: Inventory) -> str:
    """The version before, if it must go first, else ""; CommandError if even that is not enough."""
    if not missing:
        return ""
    pairs = len(_folders(name, missing)) + len(missing) // _PAIR_FILES
    needed = _flash_len(missing, board) + (pairs * _PAIR_BLOCKS + _SPARE_BLOCKS) * board.block_len
    room = board.free_len
    room += sum(_flash_len(board.versions.get(path[1:], {}), board) for path in unused)
    if needed <= room:
        return ""
    is_needed = board.has_failed() or board.previous in (name, board.current)
    before = "" if is_needed else board.previous
    room += _flash_len(board.versions.get(before, {}), board)
    if needed > room:
        raise CommandError(
            f"The board's flash is too full: this needs {needed} bytes and {room} are free; "
            f"{'make rollback, or ' if board.has_failed() and board.previous else ''}"
            "remove files of yours from the board (mpremote fs tree, mpremote fs rm)"
        )
    return f"/{before}"


def _flash_len(files: dict[str, File], board: Inventory) -> int:
    """Bytes of flash that files take, in whole blocks."""
    usable = board.block_len - _POINTERS_LEN
    return sum(max(1, -(-file.size // usable)) for file in files.values()) * board.block_len


def _folders(name: str, files: Iterable[str]) -> list[str]:
    """Every folder of a version, parents first."""
    parents = {parent for path in files for parent in PurePosixPath(name, path).parents}
    return sorted(f"/{parent}" for parent in parents if str(parent) != ".")
