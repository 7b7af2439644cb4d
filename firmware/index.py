"""What lies in the folder of a version, known while that starts.

For each module MicroPython asks for a folder and for two files, and for most modules of its own in
each folder of `sys.path`, each time that one is imported; and each time littlefs reads the folders
on the way from their beginning.  So an `Index` stands before the folder until all is loaded: of the
blocks that a start reads of the flash it saves two of three.
"""

import os
import sys

import vfs
from micropython import const

import firmware

_OURS = ("/firmware/", "/lib/")  # folders in which nobody makes a module meanwhile
# What an image has itself, unless a file of its name stands for it.
_BUILT_IN = "binascii collections errno hashlib io json machine os re select socket struct time"
_FOLDER = const(0x4000)
_FILE = const(0x8000)
_ENOENT = const(2)


class Index:
    """A file system that knows what is in `folder` of `files`, which is another one."""

    def __init__(self, files: "Anything", folder: str) -> None:
        self._files = files
        self._folder = folder
        self._cwd = "/"  # of an application that changes it meanwhile
        with files.open(folder + "/manifest", "r") as lines:
            paths = [line.rstrip("\n").split(" ", 1)[1] for line in lines]
        # One text takes a third of what a table of them would.
        self._paths = "\n/%s\n" % "\n/".join([path for path in paths if path.endswith("py")])

    def has_module(self, name: str) -> bool:
        """Whether `import name` finds one."""
        return any(
            "\n%s%s%s" % (folder, name, end) in self._paths
            for folder in ("/", "/lib/")
            for end in (".", "/")
        )

    def mount(self, *options: object) -> None:
        """MicroPython calls it, and `umount`."""

    umount = mount

    def stat(self, path: str) -> tuple:
        found = "\n" + path
        is_file = found + "\n" in self._paths
        if is_file or found + "/" in self._paths:
            return (_FILE if is_file else _FOLDER, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        if path.startswith(_OURS):
            raise OSError(_ENOENT)
        return self._files.stat(self._at(path))

    def open(self, path: str, mode: str) -> object:
        return self._files.open(self._at(path), mode)

    def chdir(self, path: str) -> None:
        path = self._at(path)
        self._files.stat(path)
        self._cwd = path[len(self._folder) :] + "/"

    def getcwd(self) -> str:
        return self._cwd[:-1] or "/"

    def _at(self, path: str) -> str:
        return (self._folder + (path if path[:1] == "/" else self._cwd + path)).rstrip("/")

    def __getattr__(self, name: str) -> "Function":
        """What else a file system can do: its arguments are paths."""
        method = getattr(self._files, name)
        return lambda *paths: method(*[self._at(path) for path in paths])


def begin(folder: str, system: "Anything" = vfs) -> None:
    """From now on `folder`, which make deploy has made, is known."""
    for files, where in system.mount():
        if where == "/":
            index = Index(files, folder)
            system.mount(index, folder)
            _load_built_in(index, _find_modules(files, "/lib"))


def end(system: "Anything" = vfs) -> None:
    """Everything is loaded."""
    for files, where in system.mount():
        if isinstance(files, Index):
            cwd = os.getcwd()  # which may be one of the file system that goes
            system.umount(where)
            os.chdir(cwd)
    firmware.drop("index")


def _find_modules(files: "Anything", folder: str) -> set:
    try:
        return {entry[0].split(".")[0] for entry in files.ilistdir(folder)}
    except OSError:
        return set()


def _load_built_in(index: Index, others: set) -> None:
    """MicroPython forgets such a module, and looks for its file again and again."""
    path = sys.path[:]
    sys.path[:] = []
    try:
        for name in _BUILT_IN.split():
            if not (index.has_module(name) or name in others or name in sys.modules):
                sys.modules[name] = __import__(name)
    finally:
        sys.path[:] = path
