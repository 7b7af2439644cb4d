"""What CPython needs to play a board: its console, and a folder that is its flash."""

import builtins
import importlib.machinery
import io
import os
import posixpath
import queue
import select
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

_ONE_PATH = ("chdir", "listdir", "mkdir", "remove", "rmdir", "stat", "statvfs", "unlink")
_IS_FOLDER, _IS_FILE = 0x4000, 0x8000  # as MicroPython's ilistdir() has them


def open_console() -> None:
    """Standard streams as a board's console: lines out at once, octets in as they come."""
    sys.stdout.reconfigure(line_buffering=True)
    if hasattr(select, "poll"):
        sys.stdin = _Console(0)
        return
    keyboard = _Keyboard()
    sys.stdin = keyboard
    select.poll = lambda: keyboard


def end_at_once(status: int) -> None:
    """As a reset does: nothing of the program runs any more."""
    sys.stdout.flush()
    os._exit(status)


def mount(flash: str, checkout: str, origins: dict[str, str]) -> None:
    """`/` becomes the folder `flash` for what an application does with files.

    What belongs to Python itself and to the checkout stays where it is.

    origins  path of a module in the flash to that of its source, by which it is known
    """
    _Flash(flash, checkout, origins).install()
    sys.dont_write_bytecode = True
    sys.path[:] = ["", "/lib", *(each for each in sys.path[1:] if "site-packages" not in each)]


class _Flash:
    def __init__(self, root: str, checkout: str, origins: dict[str, str]) -> None:
        self._root = os.path.realpath(root)
        self._origins = {os.path.realpath(path): source for path, source in origins.items()}
        self._cwd = os.getcwd
        places = {sys.prefix, sys.base_prefix, sys.exec_prefix, checkout, root, self._root}
        self._outside = ("/dev/", "/proc/", *(place.rstrip("/") + "/" for place in places))

    def install(self) -> None:
        for name in filter(vars(os).get, _ONE_PATH):  # Windows has no statvfs
            setattr(os, name, self._with_path(getattr(os, name)))
        os.rename = self._with_paths(os.rename)
        os.getcwd = self._getcwd
        os.ilistdir = self._ilistdir
        builtins.open = io.open = self._with_path(open)
        builtins.execfile = self._execfile
        sys.path_hooks.insert(0, self._find)

    def real(self, path: Any) -> Any:
        """Where a path of the board is on this computer."""
        if not isinstance(path, (str, os.PathLike)):
            return path
        text = os.fspath(path)
        if isinstance(text, str) and ".." in text:
            text = posixpath.normpath(f"{self._getcwd()}/{text}" if text[:1] != "/" else text)
        if not isinstance(text, str) or not text.startswith("/"):
            return path
        if text.startswith(self._outside) or text + "/" in self._outside:
            return path
        return self._root + os.path.normpath("/" + text.lstrip("/"))

    def _with_path(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any = ".", *args: Any, **options: Any) -> Any:
            return function(self.real(path or "."), *args, **options)

        return call

    def _with_paths(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda source, target: function(self.real(source), self.real(target))

    def _getcwd(self) -> str:
        return self._cwd().removeprefix(self._root).replace(os.sep, "/") or "/"

    def _ilistdir(self, path: str = ".") -> Iterator[tuple[str, int, int, int]]:
        with os.scandir(self.real(path or ".")) as entries:
            for entry in entries:
                found = entry.stat()
                kind = _IS_FOLDER if entry.is_dir() else _IS_FILE
                yield entry.name, kind, found.st_ino, found.st_size

    def _execfile(self, path: str, names: dict[str, Any] | None = None) -> None:
        real = os.path.join(self._cwd(), self.real(path))
        with io.FileIO(real) as file:
            code = compile(file.readall(), self._origins.get(real, real), "exec")
        exec(code, names if names is not None else {})

    def _find(self, path: str) -> importlib.machinery.FileFinder:
        """Modules in a folder of the flash."""
        real = self.real(path)
        if real == path or not path.startswith("/"):
            raise ImportError
        loader = (self._make_loader, importlib.machinery.SOURCE_SUFFIXES)
        return importlib.machinery.FileFinder(real, loader)

    def _make_loader(self, name: str, path: str) -> "_Loader":
        return _Loader(name, path, self._origins.get(path, path))


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module that lies in the flash under the name of its source."""

    def __init__(self, name: str, path: str, origin: str) -> None:
        super().__init__(name, path)
        self._origin = origin

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> Any:
        return super().source_to_code(data, self._origin, _optimize=_optimize)


class Storage:
    """A folder outside the flash, with a file for each name."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._found = {}
        for name in os.listdir(folder):
            with io.FileIO(f"{folder}/{name}") as file:
                self._found[name] = file.readall()

    def read(self) -> dict[str, bytes]:
        """What it held at the start."""
        return self._found

    def keep(self, name: str, octets: bytes) -> None:
        with io.FileIO(f"{self._folder}/{name}", "w") as file:
            file.write(octets)


class _Console(io.FileIO):
    @property
    def buffer(self) -> io.FileIO:
        return self


class _Keyboard:
    """The same where nothing polls it, as on Windows: a thread reads it.  It is its own poller."""

    def __init__(self) -> None:
        self._octets: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def buffer(self) -> "_Keyboard":
        return self

    def read(self, length: int) -> bytes:
        return self._octets.get()

    def register(self, stream: object, mask: object) -> None:
        pass

    def poll(self, timeout_ms: int) -> bool:
        return not self._octets.empty()

    def _listen(self) -> None:
        octet = b" "
        while octet:
            octet = os.read(0, 1)
            self._octets.put(octet)
