# Runs on the board: prints what it is and what it holds, a fact a line.

import sys

_is = sys.implementation
print("micropython", ".".join([str(each) for each in _is[1][:3]]))
print("mpy", getattr(_is, "_mpy", 0))
_flash = os.statvfs("/")
print("flash", _flash[0], _flash[0] * _flash[3])
for _entry in os.ilistdir("/"):
    _name = _entry[0]
    if _name.startswith("httpd32-") and _entry[1] == _IS_FOLDER:
        print("version", _name)
        for _path, _size in walk("/" + _name):
            if _size is not None:
                print("file", _size, sha256(_path), _path)
    elif _name == "main.py":
        with open("/main.py", "rb") as _file:
            print("main", sha256("/main.py"), repr(_file.read(400)))
    elif _name.startswith("main-") or _name == "main.py.new":
        print("other", _name)
print("complete")
