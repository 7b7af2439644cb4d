"""Files and folders of the flash: generators that yield now and then, so that others run."""

import hashlib
import os
from binascii import hexlify

from micropython import const

_BLOCK_LEN = const(512)
_IS_FOLDER = const(0x4000)
_EEXIST = const(17)


def read_lines(path: str) -> "Lines":
    with open(path) as file:
        for line in file:
            yield line.rstrip("\n")


def read(path: str) -> "Anything":
    """Its blocks, each in the same memory as the one before."""
    block = memoryview(bytearray(_BLOCK_LEN))
    with open(path, "rb") as file:
        length = file.readinto(block)
        while length:
            yield block[:length]
            length = file.readinto(block)


def sha256(path: str) -> "Anything":
    """A generator that yields now and then, so that others run, and returns the digest."""
    digest = hashlib.sha256()
    for block in read(path):
        digest.update(block)
        yield ""
    return hexlify(digest.digest()).decode()


def copy(source: str, target: str) -> "Pieces":
    """Into a folder at once: a version is checked as a whole, and each rename takes its time."""
    path = target if target.count("/") > 1 else target + ".new"
    with open(path, "wb") as file:
        for block in read(source):
            file.write(block)
            yield ""
    if path != target:
        os.rename(path, target)


def remove(path: str) -> "Pieces":
    """A file, or a folder with all that is in it; or nothing.

    Of a version the manifest goes first: without one, nobody goes back to it.
    """
    try:
        is_folder = os.stat(path)[0] & _IS_FOLDER
    except OSError:
        return
    if is_folder:
        remove_file(path + "/manifest")
        for name in os.listdir(path):
            yield from remove(path + "/" + name)
        os.rmdir(path)
    else:
        os.remove(path)
    yield "removed %s\n" % path


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
