"""A version: all the files that a board holds for one state of the application.

One of them, the manifest, has a line with SHA-256 and path for each other, and the version is named
after the SHA-256 of the manifest: so the same files are the same version anywhere, and a board can
tell whether it holds them all.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tools.terminal import CommandError

PREFIX = "httpd32-"
MANIFEST = "manifest"
FAILED = "failed-to-start"  # marks the folder of a version whose last start was seen to fail
_NAME_LEN = 8
_MAX_NAME_LEN = 251  # bytes: littlefs2 has 255, and while it is copied a file is called *.new
_HEAD_LEN = 3  # "M", version, and flags: the architecture above two bits of sub-version


class File(NamedTuple):
    """One file of a version, by its path below the version's folder."""

    size: int
    sha256: str


def check_names(paths: Iterable[str]) -> None:
    """CommandError if a file's path can't be on a board, or not in the manifest."""
    for path in paths:
        if not (path.isprintable() and _fits_littlefs(path)):
            raise CommandError(f"{path!a} is no name for a file on the board; rename it")


def _fits_littlefs(path: str) -> bool:
    return all(len(os.fsencode(part)) <= _MAX_NAME_LEN for part in path.split("/"))


def add_manifest(sources: dict[str, Path], folder: Path) -> dict[str, Path]:
    """`sources`, path on the board to file, and the manifest, which it writes into `folder`."""
    files = read(sources)
    path = folder / MANIFEST
    path.write_bytes(encode(files))
    return sources | {MANIFEST: path}


def encode(files: dict[str, File]) -> bytes:
    """What the manifest of these files holds."""
    return "".join(f"{files[each].sha256} {each}\n" for each in sorted(files)).encode()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read(sources: dict[str, Path]) -> dict[str, File]:
    """The files of a version, from the path on the board and the file on this computer."""
    files = {}
    for path, source in sources.items():
        content = source.read_bytes()
        files[path] = File(len(content), digest(content))
    return files


def name(files: dict[str, File]) -> str:
    """Its folder in the root of the board's flash."""
    return PREFIX + files[MANIFEST].sha256[:_NAME_LEN]


def is_named_after(folder: str, files: dict[str, File]) -> bool:
    """Whether the manifest in a folder is the one that it is named after."""
    return MANIFEST in files and folder.startswith(name(files))


def runs_on(mpy: Path, mpy_version: str) -> bool:
    """Whether a board that runs .mpy files of a version, as `6.3`, runs this one.

    The number behind the point is about native code: bytecode has 0 there and runs on them all.
    """
    head = mpy.read_bytes()[:_HEAD_LEN]
    major, _, minor = mpy_version.partition(".")
    is_native = head[2] >> 2
    return head[1] == int(major) and (not is_native or head[2] & 3 == int(minor))
