"""What a board is and what it holds, as the board itself tells."""

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tools.board.console import Console
from tools.board.mpremote import Remote, script
from tools.terminal import CommandError, Progress
from tools.version.manifest import FAILED, PREFIX, File

_STARTED = re.compile(rb'^CURRENT = "/([^"\n]*)"\r?\nPREVIOUS = "/?([^"\n]*)"', re.M)
_FOLDER = re.compile(PREFIX + "[0-9a-f]{8}b?")
_MADE_BY_US = b"# Made by `make deploy`"
_OLDEST = (1, 25)
_INCOMPLETE = "The board's answer is incomplete; try again"


class Inventory(NamedTuple):
    """A board: its MicroPython, its flash, and the versions in it.

    current, previous  names of folders, as main.py has them; empty if there is none.  `previous`
                       may be the file of a main.py that was there before httpd32
    main_sha256        of main.py if it is not ours; empty if it is or there is none
    versions           folder to its files
    others             names of other files in the root that belong to us
    frozen             of the modules that were asked for, those in its image, to their versions
    """

    micropython: str
    mpy: str
    block_len: int
    free_len: int
    current: str
    previous: str
    main_sha256: str
    versions: dict[str, dict[str, File]]
    others: list[str]
    frozen: Mapping[str, str] = MappingProxyType({})

    def has_failed(self) -> bool:
        """Whether the current version was seen to fail at its last start."""
        return FAILED in self.versions.get(self.current, {})

    def describe_undone(self) -> list[str]:
        """Lines about versions from which the board has gone back by itself."""
        return [
            f"{folder} has failed to start or to serve for a minute; the board went back to "
            f"{self.current}"
            for folder, files in self.versions.items()
            if FAILED in files and folder != self.current
        ]


def read(console: Console, modules: Sequence[str] = ()) -> Inventory:
    """Asks the board, whose interpreter starts afresh before, with an empty heap.

    modules  what may be frozen in its image
    """
    board = Remote(console)
    with Progress("looking at the board") as progress:
        board.start_afresh(progress.show)
        programs = script("inventory", "frozen", MODULES=modules)
        return parse(board.run(programs, progress.show))


def parse(lines: Iterable[str]) -> Inventory:
    """The inventory from what scripts/inventory.py prints; CommandError if it can't be used.

    What the chip says of itself may be in the middle of a line.
    """
    try:
        return _parse(lines)
    except (KeyError, ValueError, SyntaxError):
        raise CommandError(_INCOMPLETE)


def _parse(lines: Iterable[str]) -> Inventory:
    facts: dict[str, str] = {}
    versions: dict[str, dict[str, File]] = {}
    others: list[str] = []
    frozen: dict[str, str] = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind == "file":
            size, sha256, path = rest.split(" ", 2)
            folder, _, name = path[1:].partition("/")
            versions.setdefault(folder, {})[name] = File(int(size), sha256)
        elif kind == "version":
            versions[rest] = {}
        elif kind == "other":
            others.append(rest)
        elif kind == "frozen":
            module, _, frozen[module] = rest.partition(" ")
        else:
            facts[kind] = rest
    versions = {folder: files for folder, files in versions.items() if _FOLDER.fullmatch(folder)}
    if "complete" not in facts:
        raise CommandError(_INCOMPLETE)
    _check_micropython(facts)
    block_len, free_len = map(int, facts["flash"].split())
    mpy = int(facts["mpy"])
    return Inventory(
        facts["micropython"],
        f"{mpy & 0xFF}.{mpy >> 8 & 3}",
        block_len,
        free_len,
        *_parse_main(facts.get("main", "")),
        versions,
        others,
        frozen,
    )


def _check_micropython(facts: dict[str, str]) -> None:
    version = tuple(int(part) for part in facts["micropython"].split(".")[:2])
    if version < _OLDEST:
        raise CommandError(
            f"MicroPython {facts['micropython']} is on the board, and 1.25 or later is needed; "
            "make flash"
        )


def _parse_main(fact: str) -> tuple[str, str, str]:
    """(current, previous, SHA-256 of a main.py that is not ours)."""
    if not fact:
        return "", "", ""
    sha256, _, head = fact.partition(" ")
    content = ast.literal_eval(head)
    started = _STARTED.search(content)
    if not content.startswith(_MADE_BY_US) or not started:
        return "", "", sha256
    return started[1].decode(), started[2].decode(), ""
