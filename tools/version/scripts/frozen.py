# Runs on the board: prints which of MODULES its image has frozen, with the version if it has one.

import sys

_path = sys.path[:]
_loaded = sys.modules.copy()
sys.path[:] = [".frozen"]
for _name in MODULES:
    sys.modules.pop(_name, None)
for _name in MODULES:
    try:
        _module = __import__(_name, None, None, ("*",))
        print("frozen", _name, getattr(_module, "__version__", ""))
    except Exception:
        pass  # it is not there, or it can't be used: then it is sent
sys.path[:] = _path
for _name in list(sys.modules):
    if _name not in _loaded:
        del sys.modules[_name]
sys.modules.update(_loaded)
_module = _loaded = None
