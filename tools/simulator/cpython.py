"""Gives CPython the names of MicroPython that the firmware uses.

The firmware is written for MicroPython and the host adapts to it.  `install()` is called once,
before anything of `firmware/` is imported.
"""

import asyncio
import builtins
import gc
import importlib.machinery
import io
import os
import selectors
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from tools.simulator import micropython, uctypes

_BOOT_NS = time.monotonic_ns()
_TICKS_PERIOD = 1 << 30  # as on the board, so that a test can cross it
_OLD_NAMES = ("asyncio", "binascii", "collections", "errno", "hashlib", "io", "json", "os")
_OLD_NAMES += ("random", "re", "select", "socket", "struct", "sys", "time")
_ONE_PATH = ("chdir", "listdir", "mkdir", "remove", "rmdir", "stat", "statvfs", "unlink")
_IS_FOLDER, _IS_FILE = 0x4000, 0x8000  # as MicroPython's ilistdir() has them


class Stream:
    """MicroPython's `asyncio.Stream` over a non-blocking socket: its names, its semantics."""

    def __init__(self, s: socket.socket, e: dict[str, object] | None = None) -> None:
        self.s = s
        self.e = e or {}
        self.out_buf = b""

    def get_extra_info(self, name: str) -> object:
        return self.e[name]

    async def read(self, n: int = -1) -> bytes:
        received = b""
        while True:
            await self._wait_ready(reading=True)
            if n == 0:
                return b""
            try:
                block = self.s.recv(n if n > 0 else 4096)
            except BlockingIOError:
                continue
            if n > 0 or not block:
                return received + block
            received += block

    async def readexactly(self, n: int) -> bytes:
        received = b""
        while len(received) < n:
            block = await self.read(n - len(received))
            if not block:
                raise EOFError
            received += block
        return received

    async def readline(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            octet = await self.read(1)
            if not octet:
                break
            line += octet
        return line

    def write(self, data: bytes) -> None:
        if not self.out_buf:
            data = data[self._send(data) :]
        self.out_buf += data

    async def drain(self) -> None:
        if not self.out_buf:
            await asyncio.sleep(0)
        while self.out_buf:
            await self._wait_ready(reading=False)
            self.out_buf = self.out_buf[self._send(self.out_buf) :]

    async def awrite(self, data: bytes) -> None:
        self.write(data)
        await self.drain()

    def close(self) -> None:
        pass

    async def wait_closed(self) -> None:
        self.s.close()

    aclose = wait_closed

    def _send(self, data: bytes) -> int:
        try:
            return self.s.send(data)
        except BlockingIOError:
            return 0

    async def _wait_ready(self, reading: bool) -> None:
        loop = asyncio.get_running_loop()
        add, remove = (
            (loop.add_reader, loop.remove_reader)
            if reading
            else (loop.add_writer, loop.remove_writer)
        )
        fd = self.s.fileno()
        if fd < 0:
            raise OSError(9, "EBADF")
        ready = loop.create_future()
        add(fd, lambda: ready.done() or ready.set_result(None))
        try:
            await ready
        finally:
            remove(fd)


def install() -> None:
    if hasattr(time, "ticks_ms"):
        return
    sys.modules["micropython"] = micropython
    sys.modules["uctypes"] = uctypes
    for name in _OLD_NAMES:  # `ujson` for `json`
        sys.modules["u" + name] = __import__(name)
    time.ticks_ms = lambda: (time.monotonic_ns() - _BOOT_NS) // 1000000 % _TICKS_PERIOD
    time.ticks_add = lambda ticks, delta: (ticks + delta) % _TICKS_PERIOD
    time.ticks_diff = _ticks_diff
    time.ticks_us = lambda: time.monotonic_ns() // 1000 % _TICKS_PERIOD
    time.ticks_cpu = time.ticks_us
    time.sleep_ms = lambda ms: time.sleep(ms / 1000)
    time.sleep_us = lambda us: time.sleep(us / 1000000)
    asyncio.sleep_ms = lambda ms: asyncio.sleep(ms / 1000)
    asyncio.StreamReader = asyncio.StreamWriter = Stream
    asyncio.new_event_loop = lambda: None  # that of `asyncio.run` has gone by itself
    gc.mem_alloc = lambda: len(gc.get_objects())  # not bytes, but it grows when something leaks
    gc.mem_free = lambda: 1 << 16
    gc.threshold = _Threshold()
    sys.print_exception = _print_exception
    # poll() knows every kind of file, /dev/null too, and needs no descriptor of its own.
    selectors.DefaultSelector = selectors.PollSelector


def open_console() -> None:
    """Standard streams as a board's console: lines out at once, octets in as they come."""
    sys.stdout.reconfigure(line_buffering=True)
    sys.stdin = _Console(0)


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
        for name in _ONE_PATH:
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
            text = os.path.normpath(f"{self._getcwd()}/{text}" if text[:1] != "/" else text)
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
        return self._cwd().removeprefix(self._root) or "/"

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


class _Threshold:
    """`gc.threshold` keeps what it was told, as MicroPython's does; -1 before."""

    _length = -1

    def __call__(self, length: int | None = None) -> int | None:
        if length is None:
            return self._length
        self._length = length
        return None


def _ticks_diff(end: int, start: int) -> int:
    half = _TICKS_PERIOD // 2
    return (end - start + half) % _TICKS_PERIOD - half


def _print_exception(error: BaseException, file: TextIO | None = None) -> None:
    traceback.print_exception(error, file=file or sys.stdout)
