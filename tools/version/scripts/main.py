# Made by `make deploy`: starts the version of httpd32 in the folder CURRENT, your main.py and all.
# `make rollback` exchanges the two.
CURRENT = ""
PREVIOUS = ""

import os
import sys

_path = sys.path[:]
sys.path[:] = [CURRENT, CURRENT + "/lib"] + _path
os.chdir(CURRENT)
_trial = {"CURRENT": CURRENT, "PREVIOUS": PREVIOUS, "HAS_ENDED": False}
try:
    execfile("/trial.py", _trial.copy())  # of a version that has come over the network
except OSError:
    _trial = None
_instead = None  # what runs in the place of the application; by a version that tells
try:
    try:
        from firmware.index import begin as _start

        _start = _start(CURRENT)
    except ImportError:
        pass
    try:
        from firmware.last_words import start as _start

        sys.modules["firmware"].is_on_trial = _trial is not None
        _instead = _start(CURRENT)
        _start = sys.modules["firmware"].drop("last_words")
    except ImportError:
        pass
    try:
        from firmware import grow as _start

        _start()
    except ImportError:
        pass
    try:
        execfile("boot.py", {"__name__": "boot"})
        if _instead == "update.alone":
            from firmware.update import alone

            alone.run()
        elif _instead:
            from firmware import run, safe_mode

            run(safe_mode.create_app())
        else:
            execfile("main.py", {"__name__": "__main__"})
        _firmware = sys.modules.get("firmware")
        # None: nobody has called run().  An older version does not tell.
        if not _firmware or getattr(_firmware, "exit_status", 0) is None:
            print("main.py has ended without run(app), which is its last line")
    except Exception as _error:
        if _instead is not None:
            try:
                from firmware.last_words import fail

                fail(_error)
            except MemoryError:
                _instead = None  # the watchdog restarts the board
        if not _trial or not getattr(sys.modules.get("firmware"), "is_on_trial", True):
            raise
        sys.print_exception(_error)
    if _trial and getattr(sys.modules.get("firmware"), "is_on_trial", True):
        _trial["HAS_ENDED"] = True
        execfile("/trial.py", _trial)
finally:
    if "firmware.index" in sys.modules:
        sys.modules["firmware.index"].end()
    # So that `import main` in the REPL runs it again, and no watchdog disturbs it there.
    os.chdir("/")
    sys.path[:] = _path
    sys.modules.pop("main", None)
    if _instead is not None and sys.modules["firmware"].is_armed:
        from machine import WDT

        WDT(timeout=2000000000)
