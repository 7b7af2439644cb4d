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
    _firmware = sys.modules.get("firmware")
    # None: nobody has called run().  An older version does not tell.
    if not _firmware or getattr(_firmware, "exit_status", 0) is None:
        print("main.py has ended without run(app), which is its last line")
finally:
    # So that `import main` in the REPL runs it again.
    os.chdir("/")
    sys.path[:] = _path
    sys.modules.pop("main", None)
