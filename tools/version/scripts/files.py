# Runs on the board, before the other scripts: what they all need.

import binascii
import hashlib
import os

_BLOCK = memoryview(bytearray(512))
_IS_FOLDER = 0x4000


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            length = file.readinto(_BLOCK)
            if not length:
                break
            digest.update(_BLOCK[:length])
    return binascii.hexlify(digest.digest()).decode()


def walk(folder):
    """What is below a folder: files as (path, size); folders, itself the last, as (path, None)."""
    for entry in os.ilistdir(folder):
        path = folder + "/" + entry[0]
        if entry[1] == _IS_FOLDER:
            yield from walk(path)
        else:
            yield path, entry[3]
    yield folder, None


def is_whole(folder, wanted):
    """Whether a version's folder has the manifest with the SHA-256 `wanted`, and what it lists."""
    if sha256(folder + "/manifest") != wanted:
        return False
    with open(folder + "/manifest") as file:
        for line in file:
            digest, path = line.rstrip("\n").split(" ", 1)
            if sha256(folder + "/" + path) != digest:
                print("differs", path)
                return False
            print("checked", path)
    return True


def copy(source, target):
    """`target` has the old content or the new one, whatever happens on the way."""
    with open(source, "rb") as file, open(target + ".new", "wb") as copied:
        while True:
            length = file.readinto(_BLOCK)
            if not length:
                break
            copied.write(_BLOCK[:length])
    os.rename(target + ".new", target)


def remove(path):
    try:
        is_folder = os.stat(path)[0] & _IS_FOLDER
    except OSError:
        return
    if is_folder:
        for entry in list(os.ilistdir(path)):
            remove(path + "/" + entry[0])
        os.rmdir(path)
    else:
        os.remove(path)
    print("removed", path)
