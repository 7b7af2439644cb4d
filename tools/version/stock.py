"""The modules that MicroPython's own images for ESP32 have, 1.25 and later."""

_NAMES = """
    __main__ _asyncio _boot _espnow _onewire _thread _webrepl aioespnow apa106 array asyncio
    binascii bluetooth btree builtins cmath collections cryptolib deflate dht ds18x20 errno esp
    esp32 espnow flashbdev framebuf gc hashlib heapq inisetup io json machine math micropython mip
    neopixel network ntptime onewire os platform random re requests select socket ssl struct sys
    time tls uasyncio uctypes umqtt upysh urequests vfs webrepl webrepl_setup websocket
"""
# These go by a second name, with a u in front.
_OLD_NAMES = """
    array asyncio binascii bluetooth collections cryptolib errno hashlib heapq io json machine os
    platform random re select socket ssl struct sys time websocket
"""
MODULES = frozenset(_NAMES.split())
_WITH_U = frozenset(_OLD_NAMES.split())
# What people look for and do not find there, and what to do.
REMEDIES = {
    "microdot_asyncio": "in Microdot 2 it is `from microdot import Microdot`",
    "jinja2": "microdot.utemplate does much the same on a board",
    "utemplate": "put the folder utemplate of github.com/pfalcon/utemplate beside main.py",
    "typing": "a board has no typing: put the import into `try: ... except ImportError: pass`",
}


def has(name: str) -> bool:
    """Whether a board can `import name`."""
    return name in MODULES or (name[:1] == "u" and name[1:] in _WITH_U)
