"""What a board's image has frozen in the same version is not sent.

A board looks into the folder of the version first, so files that are sent override what is frozen.
That holds for whole packages only: a folder of a package with some of its files hides the rest.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tools.terminal import CommandError

# A package that an image may have, to the folder of its files in a version.
_FOLDERS = {"firmware": "firmware/", "microdot": "lib/microdot/"}
PACKAGES = tuple(_FOLDERS)
_VERSION = re.compile(r"""^__version__ = ["']([^"']+)["']$""", re.M)


class Reduced(NamedTuple):
    """sources  what is left to be sent: path on the board to file
    lines    what was left out and why, or why not; for a person
    """

    sources: dict[str, Path]
    lines: list[str]


def read_version(package: Path) -> str:
    """The `__version__` of a package's source; CommandError without one."""
    found = _VERSION.search((package / "__init__.py").read_text(encoding="utf-8"))
    if not found:
        raise CommandError(f"{package}/__init__.py has no __version__")
    return found[1]


def modules(sources: Iterable[str]) -> list[str]:
    """What to look for on a board: the packages, and each module that need not be in an image.

    The firmware is frozen as a whole; of Microdot somebody may have frozen a part.
    """
    paths = sorted(sources)
    return [package for package in _FOLDERS if _files(package, paths)] + _parts("microdot", paths)


def leave_out(
    sources: dict[str, Path], versions: Mapping[str, str], frozen: Mapping[str, str]
) -> Reduced:
    """`sources` without the packages that are frozen in the version that would be sent.

    versions  package to version, of those in `sources`; a package without one is sent
    frozen    module to version, "" if it has none, as the board tells
    """
    left = dict(sources)
    same: list[str] = []
    lines: list[str] = []
    for package in _FOLDERS:
        files = _files(package, sources)
        if not files or package not in frozen:
            continue
        missing = [name for name in _parts(package, files) if name not in frozen]
        wanted = versions.get(package, "of its own")
        if frozen[package] != wanted:
            lines.append(
                f"frozen on the board is {package} {frozen[package] or 'of no version'}; "
                f"the files that are sent, {wanted}, come before it"
            )
        elif missing:
            lines.append(f"{package} {wanted} is frozen on the board without {missing[0]}; sent")
        else:
            same.append(f"{package} {wanted}")
            left = {path: file for path, file in left.items() if path not in files}
    if same:
        lines.insert(0, f"frozen on the board in the same version, not sent: {', '.join(same)}")
    return Reduced(left, lines)


def find_lacking(target: Iterable[str], current: Iterable[str], frozen: Iterable[str]) -> str:
    """The package that a version `target` was sent without and that the image no longer has, or "".

    current  the files of the version that runs: it was sent what the image lacks
    """
    for package in _FOLDERS:
        is_sent = bool(_files(package, current))
        if is_sent and not _files(package, target) and package not in frozen:
            return package
    return ""


def _files(package: str, paths: Iterable[str]) -> list[str]:
    return [path for path in paths if path.startswith(_FOLDERS[package])]


def _parts(package: str, paths: Iterable[str]) -> list[str]:
    """The modules of a package that an image may lack: `microdot.sse`."""
    if package == "firmware":
        return []
    names = [path[len(_FOLDERS[package]) :] for path in _files(package, paths)]
    parts = [name.rpartition(".")[0].replace("/", ".") for name in names]
    return [f"{package}.{part}" for part in parts if part != "__init__"]
