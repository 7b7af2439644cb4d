"""Gives an interpreter the modules that a board has and it lacks.  For both interpreters."""

import builtins
import sys

from tools.simulator import network

# What lib/ has, loaded when an application asks for it.
_PLAYED = (
    "aioespnow",
    "apa106",
    "bluetooth",
    "dht",
    "ds18x20",
    "esp",
    "esp32",
    "espnow",
    "machine",
    "neopixel",
    "ntptime",
    "onewire",
    "played",
    "vfs",
)


def install(checkout):
    """Puts the played modules of a checkout at the end of the path.

    To be called before anything of `firmware/` is imported.
    """
    _install_core()
    sys.path.append(checkout + "/tools/simulator/lib")


def install_hidden(enter, leave, on_loaded=None):
    """The same, but the path shows none of it: `enter` and `leave` surround an import of theirs.

    on_loaded  by the name of a module, what is called with it when it was loaded
    """
    _install_core()
    waiting = on_loaded or {}
    load = builtins.__import__

    def load_played(name, *args, **options):
        top = name.split(".")[0]
        if top[:1] == "u" and top[1:] in _PLAYED:
            name = top = top[1:]
        is_hidden = top in _PLAYED and name not in sys.modules
        change = None if name in sys.modules else waiting.get(name)
        if is_hidden:
            enter()
        try:
            module = load(name, *args, **options)
        finally:
            if is_hidden:
                leave()
        if change:
            change(sys.modules[name])
        return module

    builtins.__import__ = load_played


def _install_core():
    if sys.implementation.name == "cpython":
        from tools.simulator import shim

        shim.install()
    sys.modules["network"] = network
