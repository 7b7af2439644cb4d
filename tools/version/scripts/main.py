# Made by `make deploy`: starts the version of httpd32 in the folder CURRENT, your main.py and all.
# `make rollback` exchanges the two.
CURRENT = ""
PREVIOUS = ""

import os
import sys

_path = sys.path[:]
sys.path[:] = [CURRENT, CURRENT + "/lib"] + _path
os.chdir(CURRENT)
try:
    execfile("boot.py", {"__name__": "boot"})
    execfile("main.py", {"__name__": "__main__"})
finally:
    # So that `import main` in the REPL runs it again.
    os.chdir("/")
    sys.path[:] = _path
    sys.modules.pop("main", None)
