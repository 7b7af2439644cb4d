"""Files and folders of the flash: generators that yield now and then, so that others run."""

import hashlib
import os
import sys
from binascii import hexlify

from micropython import const

_BLOCK_LEN = const(512)
_IS_FOLDER = const(0x4000)
_EEXIST = const(17)


def read_lines(path: str) -> "Lines":
    with open(path) as file:
        for line in file:
            yield line.rstrip("\n")


def read(path: str) -> "Pieces":
    with open(path, "rb") as file:
        block = file.read(_BLOCK_LEN)
        while block:
            yield block
            block = file.read(_BLOCK_LEN)


def sha256(path: str) -> "Anything":
    """A generator that yields now and then, so that others run, and returns the digest."""
    digest = hashlib.sha256()
    for block in read(path):
        digest.update(block)
        yield ""
    return hexlify(digest.digest()).decode()


def copy(source: str, target: str) -> "Pieces":
    with open(target + ".new", "wb") as file:
        for block in read(source):
            file.write(block)
            yield ""
    os.rename(target + ".new", target)


def remove(path: str) -> "Pieces":
    """A file, or a folder with all that is in it; or nothing."""
    try:
        is_folder = os.stat(path)[0] & _IS_FOLDER
    except OSError:
        return
    if is_folder:
        for name in os.listdir(path):
            yield from remove(path + "/" + name)
        os.rmdir(path)
    else:
        os.remove(path)
    yield "removed %s\n" % path


def check_version(folder: str, wanted: str) -> "Pieces":
    """Whether a version is whole: lines, of which one that begins with `differs` is the last.

    wanted  SHA-256 of its manifest
    """
    digest = yield from sha256(folder + "/manifest")
    if digest != wanted:
        yield "differs manifest\n"
        return
    for line in read_lines(folder + "/manifest"):
        wanted, path = line.split(" ", 1)
        digest = yield from sha256(folder + "/" + path)
        if digest != wanted:
            yield "differs %s\n" % path
            return
        yield "checked %s\n" % path


def remove_file(path: str) -> None:
    """If it is there."""
    if is_there(path):
        os.remove(path)


def is_there(path: str) -> bool:
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def make_folder(path: str) -> None:
    """If it is not there."""
    try:
        os.mkdir(path)
    except OSError as error:
        if error.errno != _EEXIST:
            raise


def read_inventory(modules: list) -> "Pieces":
    """What a board is and what it holds, a fact a line, as `make deploy` has it over the cable."""
    now = sys.implementation
    yield "micropython %d.%d.%d\n" % tuple(now.version[:3])
    yield "mpy %d\n" % getattr(now, "_mpy", 0)
    flash = os.statvfs("/")
    yield "flash %d %d\n" % (flash[0], flash[0] * flash[3])
    for name in os.listdir("/"):
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
    for name in os.listdir(folder):
        path = folder + "/" + name
        try:
            found = os.stat(path)
            if found[0] & _IS_FOLDER:
                yield from read_files(path)
            else:
                digest = yield from sha256(path)
                yield "file %d %s %s\n" % (found[6], digest, path)
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
