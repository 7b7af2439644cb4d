"""What MicroPython for Unix needs to play a board: a folder that is its flash."""

import sys

import vfs

_BLOCK_LEN = 4096
_BLOCKS = 512  # 2 MB
_HIDDEN = "/.played"


class Flash:
    """A folder as a filesystem, in which no path leads out of it."""

    def __init__(self, folder):
        self._posix = vfs.VfsPosix(folder)

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def open(self, path, mode):
        return self._posix.open(self._clean(path), mode)

    def ilistdir(self, path):
        return self._posix.ilistdir(self._clean(path))

    def mkdir(self, path):
        self._posix.mkdir(self._clean(path))

    def remove(self, path):
        self._posix.remove(self._clean(path))

    def rmdir(self, path):
        self._posix.rmdir(self._clean(path))

    def stat(self, path):
        return self._posix.stat(self._clean(path))

    def statvfs(self, path):
        return (_BLOCK_LEN, _BLOCK_LEN, _BLOCKS, _BLOCKS // 2, _BLOCKS // 2, 0, 0, 0, 0, 255)

    def rename(self, source, target):
        # VfsPosix makes both absolute in one buffer: so the first must not be absolute.
        up = "../" * len([part for part in self.getcwd().split("/") if part])
        source = self._clean(source)
        self._posix.rename(up + source[1:] if source[0] == "/" else source, self._clean(target))

    def chdir(self, path):
        self._posix.chdir(self._clean(path))

    def getcwd(self):
        return self._posix.getcwd() or "/"

    def _clean(self, path):
        if ".." not in path:
            return path
        parts = []
        for part in (path if path[:1] == "/" else self.getcwd() + "/" + path).split("/"):
            if part == "..":
                parts = parts[:-1]
            elif part not in ("", "."):
                parts.append(part)
        return "/" + "/".join(parts)


def mount(flash):
    """`/` becomes the folder `flash`, and the path that of a board."""
    vfs.umount("/")
    vfs.mount(Flash(flash), "/")
    sys.path[:] = ["", ".frozen", "/lib"]


def hide(lib):
    """(enter, leave): two functions between which the folder `lib` is on the path."""
    hidden = vfs.VfsPosix(lib)

    def enter():
        vfs.mount(hidden, _HIDDEN)
        sys.path.insert(0, _HIDDEN)

    def leave():
        sys.path.remove(_HIDDEN)
        vfs.umount(_HIDDEN)

    return enter, leave


class Storage:
    """A folder outside the flash, with a file for each name."""

    def __init__(self, folder):
        self._folder = vfs.VfsPosix(folder)

    def read(self):
        found = {}
        for entry in self._folder.ilistdir("/"):
            with self._folder.open("/" + entry[0], "rb") as file:
                found[entry[0]] = file.read()
        return found

    def keep(self, name, octets):
        with self._folder.open("/" + name, "wb") as file:
            file.write(octets)
