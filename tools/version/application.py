"""What of an application goes onto a board besides main.py.

What it imports, from beside main.py, from lib/ there, from Microdot and from the lib/ beside this
file, with what they import in turn; the folder app/ with all that is in it; and the files and
folders that it names when it sends or opens them.
"""

import difflib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tools.checkout import HERE, ROOT, named
from tools.terminal import IS_INSTALLED, CommandError
from tools.version import frozen, imports, mentions, servers, source, stock

FOLDER = "app"
_LIB = "lib"
_MICRODOT = "microdot"
_OLD_MICRODOT = "microdot_asyncio"  # whatever lies there: it is none of Microdot 2
_TEMPLATES = "templates"  # where Microdot's templates are unless the application says otherwise
_WELL_KNOWN = ".well-known"  # RFC 8615
_OWN_LIB = Path(__file__).parent / "lib"
_MODULES = (".py", ".mpy")
# On a board they are there anyway, or written by others.
_GIVEN = ("main.py", "boot.py", "config.json", "manifest", "firmware")
# What lies beside main.py in this checkout and is for this computer.
_OURS = ("firmware", "host_tests", "tools", "build", "docs")


def find_main(path: str) -> Path:
    """The main.py of an application, by its path or that of its folder; "" is the one here."""
    main = named(path) if path else HERE / "main.py"
    if main.is_dir():
        main /= "main.py"
    if not main.is_file():
        if not path:
            folder = "" if IS_INSTALLED else " APP=folder"
            raise CommandError(f"main.py is missing; make new{folder} writes one")
        what = "main.py in it" if named(path).is_dir() else "such file"
        raise CommandError(f"APP={path}: there is no {what}")
    return main.absolute()


class Application:
    """The files of the application `main`.

    files     path on the board to the file here, without main.py, the firmware and Microdot's core
    notes     lines about files that it names and that are not here: it may write them itself; and
              about a Microdot in one file, which can't be served
    CommandError if something that it imports is not to be had, a file is not Python, or it starts a
    server of its own.
    """

    def __init__(self, main: Path, microdot: Path) -> None:
        self.files: dict[str, Path] = {}
        self.notes: list[str] = []
        self._root = main.parent
        self._microdot = microdot
        self._others = set(_OURS) if self._root.resolve() == ROOT else {"build"}
        self._main = main
        self._sources = [main]
        self._take(FOLDER)
        if (self._root / "firmware.py").is_file():
            self.notes.append("firmware.py stays here: the server itself has that name")
        self._choose_microdot()
        while self._sources:
            self._scan(self._sources.pop())

    def _choose_microdot(self) -> None:
        """A copy of the package goes before ours, with those of its files that are needed."""
        ours = self._microdot
        for place in (f"{_LIB}/{_MICRODOT}", _MICRODOT):
            folder = self._root / place
            if folder.with_suffix(".py").is_file():
                version = frozen.read_version(ours)
                self.notes.append(f"{place}.py stays here: Microdot {version} goes along")
            if (folder / f"{_MICRODOT}.py").is_file():
                self._microdot = folder
        if self._microdot != ours:
            for name in ("__init__", _MICRODOT):
                self._import_microdot(name)

    def _scan(self, path: Path) -> None:
        """Takes along what one source file refers to."""
        tree = source.parse(path)
        for each in imports.find_imports(tree):
            if not self._import(each.name) and not each.is_optional:
                raise CommandError(f"{path}, line {each.line}: {self._missing_module(each.name)}")
        if path.is_relative_to(self._root) and not path.is_relative_to(self._microdot):
            self._refuse_server(path, servers.find(tree, path == self._main))
            for mention in mentions.find(tree):
                self._mention(path, mention)

    def _refuse_server(self, path: Path, start: servers.Start | None) -> None:
        if start:
            raise CommandError(
                f"{path}, line {start.line}: {start.call}() is Microdot's own server; write "
                f"run({start.app}) instead, and from firmware import run"
            )

    def _import(self, name: str) -> bool:
        """Takes a module along, if need be; whether a board has it then."""
        top, _, rest = name.partition(".")
        if top in ("main", "boot", "firmware"):
            return True
        if top == _MICRODOT and self._import_microdot(rest):
            return True
        if top == _OLD_MICRODOT:
            return False
        if top != _MICRODOT:
            for folder in ("", f"{_LIB}/"):
                if self._take_module(folder + top):
                    return True
        if stock.has(top):
            return True
        if (_OWN_LIB / f"{top}.py").is_file():
            self._add(f"{_LIB}/{top}.py", _OWN_LIB / f"{top}.py")
            return True
        return False

    def _import_microdot(self, rest: str) -> bool:
        name = rest.split(".")[0]
        file = self._microdot / f"{name or '__init__'}.py"
        if name and file.is_file():
            self._add(f"{_LIB}/{_MICRODOT}/{file.name}", file)
        return file.is_file()

    def _take_module(self, path: str) -> bool:
        """The module or package at a path beside main.py; whether it is there."""
        for suffix in _MODULES:
            if (self._root / (path + suffix)).is_file():
                self._add(path + suffix, self._root / (path + suffix))
                return True
        if path in self._others:
            return False
        inside = [
            file for file in self._contents(path) if file.suffix in _MODULES and file.exists()
        ]
        for file in inside:
            self._add(file.relative_to(self._root).as_posix(), file)
        return bool(inside)

    def _mention(self, path: Path, mention: mentions.Mention) -> None:
        if mention.function == "Template":
            self._take(_TEMPLATES)
            return
        place = f"{path.relative_to(self._root)}, line {mention.line}"
        if not mention.path and mention.function == "send_file":
            self.notes.append(
                f"{place}: what it sends is known when it runs; put it into {FOLDER}/"
            )
        parts = PurePosixPath(mention.path).parts
        is_here = parts and not any(part == ".." or part[0] in "./" for part in parts)
        if not is_here or parts[0] in _GIVEN or parts[0] in self._others - {"docs"}:
            return
        if not self._take(mention.path) and mention.function == "send_file":
            self.notes.append(f"{place}: there is no {mention.path} to be sent beside main.py")

    def _take(self, path: str) -> bool:
        """A file, or a folder with all that is in it; whether there is something."""
        file = self._root / path
        if file.is_file():
            self._add(PurePosixPath(path).as_posix(), file)
            return True
        for each in self._contents(path):
            self._add(each.relative_to(self._root).as_posix(), each)
        return file.is_dir()

    def _contents(self, path: str) -> Iterator[Path]:
        return _contents(self._root / path, frozenset({self._root.resolve()}))

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _add(self, path: str, file: Path) -> None:
        if not file.exists():
            self._note(f"{path} leads nowhere, and stays here")
        elif path not in self.files:
            self.files[path] = file
            if file.suffix == ".py":
                self._sources.append(file)

    def _missing_module(self, name: str) -> str:
        top = name.split(".")[0]
        remedy = stock.REMEDIES.get(top, "")
        if not remedy:
            known = {file.stem for file in self._root.glob("*.py")} | stock.MODULES | {_MICRODOT}
            if top == _MICRODOT:
                known = {f"{_MICRODOT}.{file.stem}" for file in self._microdot.glob("*.py")}
            close = difflib.get_close_matches(name if top == _MICRODOT else top, known, 1)
            remedy = f"did you mean {close[0]}?" if close else "put it beside main.py or into lib/"
        return f"no {name} beside main.py, in lib/ or on a board; {remedy}"


def _contents(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Every file below a folder, but hidden ones and what Python leaves; CommandError if it can't
    be looked into.

    above  the folders that it lies in, which a link in it may lead back to
    """
    if not folder.is_dir() or folder.resolve() in above:
        return
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise CommandError(f"{folder}: {error.strerror}")
    for path in paths:
        is_hidden = path.name[0] == "." and path.name != _WELL_KNOWN
        if is_hidden or path.name == "__pycache__":
            continue
        if path.is_dir():
            yield from _contents(path, above | {folder.resolve()})
        elif path.is_file() or not path.exists():  # no pipe, and no socket
            yield path
