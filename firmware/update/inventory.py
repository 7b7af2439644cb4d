"""What a board holds, as an update asks for it; loaded for as long as that is told."""

import hashlib
import os
import sys
from binascii import hexlify

from micropython import const

from firmware.update.flash import read, sha256

_IS_FOLDER = const(0x4000)


def read_inventory(flash: tuple, modules: list) -> "Pieces":
    """What a board is and what it holds, a fact a line, as `make deploy` has it over the cable.

    flash    what os.statvfs() tells of it
    modules  that may be frozen
    """
    now = sys.implementation
    yield "micropython %d.%d.%d\n" % tuple(now.version[:3])
    yield "mpy %d\n" % getattr(now, "_mpy", 0)
    yield "flash %d %d\n" % (flash[0], flash[0] * flash[3])
    for entry in os.ilistdir("/"):
        name = entry[0]
        path = "/" + name
        if name.startswith("httpd32-"):
            yield "version %s\n" % name
            yield from read_files(path)
        elif name == "main.py":
            digest = yield from sha256(path)
            with open(path, "rb") as file:
                yield "main %s %r\n" % (digest, file.read(400))
        elif name.startswith("main-") or name == "main.py.new":
            yield "other %s\n" % name
    yield from find_frozen(modules)
    yield "complete\n"


def read_files(folder: str) -> "Pieces":
    for entry in os.ilistdir(folder):  # as a list, the names of a folder take 2 KB
        path = folder + "/" + entry[0]
        try:
            if entry[1] & _IS_FOLDER:
                yield from read_files(path)
            else:
                length = 0
                digest = hashlib.sha256()
                for block in read(path):
                    length += len(block)
                    digest.update(block)
                    yield ""
                yield "file %d %s %s\n" % (length, hexlify(digest.digest()).decode(), path)
        except OSError:
            pass  # it has gone meanwhile, as what an update leaves that was cut


def find_frozen(modules: list) -> list:
    """Which modules the image has, with the version if it has one; in one go, as what is loaded is
    put aside meanwhile."""
    found = []
    path = sys.path[:]
    loaded = sys.modules.copy()
    sys.path[:] = [".frozen"]
    try:
        for name in modules:
            sys.modules.pop(name, None)
        for name in modules:
            try:
                module = __import__(name, None, None, ("*",))
                found.append("frozen %s %s\n" % (name, getattr(module, "__version__", "")))
            except Exception:
                pass  # it is not there, or it can't be used: then it is sent
    finally:
        sys.path[:] = path
        for name in list(sys.modules):
            if name not in loaded:
                del sys.modules[name]
        sys.modules.update(loaded)
    return found
