"""The firmware as it is on a board after `make deploy`: what the black-box tests run."""

import contextlib
import fcntl
import io
import shutil
import tempfile
from pathlib import Path

from host_tests.serial.board import SerialBoard, format_flash, unpack_flash
from tools.board import startup
from tools.board.console import Console
from tools.simulator import harness
from tools.version import build, install, manifest


def folder() -> Path:
    """The folder of the version that `make deploy` makes of this checkout, copied from a board.

    The first call deploys it, onto a board that is played here; another process waits for that.
    """
    lock = harness.ROOT / "build" / "deployed.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        return _find_or_deploy()


def _find_or_deploy():
    sources = build.files(build.build())
    with tempfile.TemporaryDirectory(dir=harness.ROOT / "build") as scratch:
        name = manifest.name(manifest.read(manifest.add_manifest(sources, Path(scratch))))
        target = harness.ROOT / "build" / "deployed" / name
        if not target.exists():
            shutil.rmtree(target.parent, ignore_errors=True)  # what earlier checkouts have left
            target.parent.mkdir(parents=True)
            _deploy(sources, Path(scratch)).joinpath(name).rename(target)
    return target


def _deploy(sources, scratch):
    flash = format_flash(scratch / "flash")
    with SerialBoard(flash, is_pty=True) as board, contextlib.redirect_stdout(io.StringIO()):
        bring(board.port, sources)
    return unpack_flash(flash, scratch / "unpacked")


def bring(port, sources):
    """Brings `sources` onto a board, which is left at its prompt."""
    with Console(port) as console, startup.stopped(console):
        install.install(console, sources)
        console.ask(20)  # out of the raw REPL
