"""The folder that is the flash of a simulated board; the versions in it."""

import hashlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from tools.version import manifest

_KEPT_S = 3600  # of what may be of another run: a version in the flash, or its power


class Flash:
    """The folder that is the flash of a simulated board, and what lies outside of it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "flash"
        self.state = folder / "state"
        self.power = f".{os.getpid()}"  # several runs have one flash, and each its own power

    def install(self, sources: dict[str, Path], config: Any) -> str:
        """Puts a version into it, under the name that a deploy would give it, which it returns.

        sources  path on the board to file: compiled ones for MicroPython, texts for CPython
        config   what its config.json holds
        """
        for folder in (self.root, self.state):
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.root.parent) as scratch:
            made = Path(scratch) / "version"
            made.mkdir()
            (made / "config.json").write_text(json.dumps(config), encoding="utf-8")
            whole = manifest.add_manifest(sources | {"config.json": made / "config.json"}, made)
            name = manifest.name(manifest.read(whole))
            target = self.root / name
            if not target.exists():
                for path, file in whole.items():
                    _place(file, made / path)
                (made / "config.json").chmod(0o600)  # it has passwords
                _rename(made, target)
            os.utime(target)
        self._remove_old()
        return name

    def write_surroundings(self, described: dict[str, Any]) -> Path:
        """A file, as MicroPython takes no argument of more than 255 bytes."""
        content = json.dumps(described).encode()
        folder = self.root.parent / "surroundings"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it has passwords
        path = folder / hashlib.sha256(content).hexdigest()[:8]
        path.write_bytes(content)
        return path

    @property
    def watchdog(self) -> Path:
        """Where the board says when its watchdog is to reset it."""
        return self.state / f"watchdog{self.power}"

    def power_off(self) -> None:
        """Wipes what a board forgets without power; of runs that were killed, too."""
        for path in self.state.glob("*.*"):
            if path.suffix == self.power or (path.suffix[1:].isdigit() and _is_old(path)):
                path.unlink(missing_ok=True)

    def _remove_old(self) -> None:
        for path in self.root.glob(f"{manifest.PREFIX}*"):
            if _is_old(path):
                shutil.rmtree(path, ignore_errors=True)


def _is_old(path: Path) -> bool:
    """Whether nobody needs it any more; not if another run has just removed it."""
    try:
        return time.time() - path.stat().st_mtime > _KEPT_S
    except FileNotFoundError:
        return False


def is_watchdog_due(path: Path) -> bool:
    """Whether a watchdog that the board has written to a file was not fed in time."""
    try:
        return time.time() * 1000 > int(path.read_text())
    except (OSError, ValueError):  # there is none, or it is being written
        return False


def _place(file: Path, target: Path) -> None:
    if file != target:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def _rename(made: Path, target: Path) -> None:
    try:
        made.rename(target)
    except OSError:
        if not target.exists():  # else another run was quicker
            raise
