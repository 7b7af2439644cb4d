"""A played board with httpd32 on it, and versions of it for updates over the network."""

import json
import re
import shutil
from functools import cache
from pathlib import Path

from firmware.config import check
from firmware.settings import CHECKED
from host_tests.serial.board import pack_flash, unpack_flash
from tools.board.network import NetworkBoard
from tools.checkout import ROOT
from tools.settings import file
from tools.simulator import harness
from tools.version import build, compiler, manifest, update
from tools.version.plan import main_text

PASSWORD = "correct horse"
MAIN = "from firmware import run\nimport part\nprint('this is', part.NAME)\nrun()\n"
_TRIAL = ROOT / "firmware" / "trial.py"
_TRIAL_BUILT = "firmware/trial.mpy"


class Version:
    """A version of httpd32, made in `folder`, which serves at `port`.

    files   path on the board to file
    config  what its config.json holds
    """

    def __init__(self, folder: Path, port: int, name: str):
        folder.mkdir(parents=True)
        self._folder = folder
        self.config: dict = {"server": {"port": port}, "update": {"password": PASSWORD}}
        harness.complete(self.config)
        self.files = dict(_build())
        self.name(name)
        self.write("main.py", MAIN)
        self.configure()

    def write(self, path: str, text: str):
        self.files[path] = self._folder / path.replace("/", "-")
        self.files[path].write_text(text)

    def name(self, name: str, text: str = ""):
        """What it says it is; and what else part.py does."""
        self.write("part.py", f"NAME = {name!r}\n{text}")

    def configure(self, **sections):
        self.config.update(sections)
        self.write("config.json", json.dumps(self.config))
        checked = self._folder / CHECKED
        file.write_checked(self.files["config.json"], check(self.config), checked)
        self.files[CHECKED] = checked

    def hurry_trial(self):
        """Its minute on trial has sixty times 20 ms."""
        self.files[_TRIAL_BUILT] = _build_hurried()

    def contents(self):
        return {path: each.read_bytes() for path, each in self.files.items()}


@cache
def _build():
    return build.files(build.build())


@cache
def _build_hurried():
    """With the names that the firmware has on a board."""
    text = build.reduce(build.sources(ROOT, build.find_microdot(), ROOT / "main.py"))[_TRIAL_BUILT]
    slow = b"_STEP_MS = const(1000)"
    assert slow in text
    return compiler.compile_text(_TRIAL, text.replace(slow, b"_STEP_MS = const(20)"))


def deployed(flash: Path, version: Version, others: dict[str, Path] | None = None) -> Path:
    """Makes `flash` that of a board to which `version` was deployed.

    others  path on the board to file, of what is there besides
    """
    folder = flash.with_suffix(".files")
    folder.mkdir()
    whole = manifest.add_manifest(version.files, folder)
    name = manifest.name(manifest.read(whole))
    placed = {f"{name}/{path}": each for path, each in whole.items()} | (others or {})
    for path, each in placed.items():
        target = folder / "flash" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(each, target)
    (folder / "flash" / "main.py").write_text(main_text(f"/{name}", ""))
    return pack_flash(flash, folder / "flash")


def bring(host, version, starts=True):
    """As make deploy HOST= does."""
    with NetworkBoard(host, PASSWORD) as board:
        target = update.install(board, version.files, False, {})
        if starts:
            update.start(board, target, check(version.config))
        return target


class Flash:
    """What the flash of a board holds, in `folder`.

    current, previous  names of the folders that main.py names
    files              of the version that runs: path to content, as its manifest lists them
    """

    def __init__(self, flash: Path, folder: Path):
        self.root = unpack_flash(flash, folder)
        main = (self.root / "main.py").read_text()
        found = re.findall(r'^(?:CURRENT|PREVIOUS) = "/?(.*)"', main, re.M)
        self.current, self.previous = found
        self.files = self.read(self.current)

    def read(self, name):
        folder = self.root / name
        lines = (folder / "manifest").read_text().splitlines()
        return {
            path: (folder / path).read_bytes() for _, path in (each.split(" ", 1) for each in lines)
        }

    def versions(self):
        return sorted(path.name for path in self.root.glob("httpd32-*"))
