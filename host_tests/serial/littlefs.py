"""A board's flash in a file: littlefs2, as stock MicroPython for ESP32 has it.  For MicroPython.

littlefs.py format FLASH          an empty file system, as large as the file
littlefs.py unpack FLASH FOLDER   what is in it
littlefs.py pack FLASH FOLDER     what is in a folder goes into it
"""

import os
import sys

import vfs

BLOCK_LEN = 4096
_BLOCK_COUNT, _BLOCK_SIZE, _ERASE = 4, 5, 6  # what `ioctl` is asked
_IS_FOLDER = 0x4000


class FlashFile:
    """A block device, in MicroPython's protocol, over a file."""

    def __init__(self, path):
        self._file = open(path, "r+b")  # noqa: SIM115
        self._blocks = self._file.seek(0, 2) // BLOCK_LEN

    def readblocks(self, number, buffer, offset=0):
        self._file.seek(number * BLOCK_LEN + offset)
        self._file.readinto(buffer)

    def writeblocks(self, number, buffer, offset=0):
        self._file.seek(number * BLOCK_LEN + offset)
        self._file.write(buffer)

    def ioctl(self, request, argument):
        if request == _BLOCK_COUNT:
            return self._blocks
        if request == _BLOCK_SIZE:
            return BLOCK_LEN
        return 0 if request == _ERASE else None


def copy(source, target):
    """Copies a folder's contents; `target` is there."""
    for entry in os.ilistdir(source):
        from_path, to_path = source + "/" + entry[0], target + "/" + entry[0]
        if entry[1] == _IS_FOLDER:
            os.mkdir(to_path)
            copy(from_path, to_path)
            continue
        with open(from_path, "rb") as file, open(to_path, "wb") as copied:
            copied.write(file.read())


def main():
    action, path = sys.argv[1:3]
    flash = FlashFile(path)
    if action == "format":
        vfs.VfsLfs2.mkfs(flash)
    else:
        vfs.mount(vfs.VfsLfs2(flash), "/mounted-flash")
        places = "/mounted-flash", sys.argv[3]
        copy(*(places if action == "unpack" else reversed(places)))


if __name__ == "__main__":
    main()
