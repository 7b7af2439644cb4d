"""Where the settings come from: a file that was checked already, or one that is checked here.

`make deploy` checks config.json, and sends what has come of it along, whole and with the SHA-256 of
config.json.  As long as that is the file, the checker stays out of a board's memory, where it costs
15 KB for a while and its names for ever.
"""

import gc
import hashlib
import json

import firmware

CHECKED = "settings.json"


def load(path: str) -> dict | None:
    """The settings of the file at `path`, {section: {name: value}}; None if they are wrong.

    What is wrong with them is one line on the console.
    """
    try:
        return _load_checked(path) or _check(path)
    except ValueError as error:
        print(path + ":", error)
        return None


def digest(content: bytes) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    return "".join(["%02x" % octet for octet in hashlib.sha256(content).digest()])


def _load_checked(path: str) -> dict | None:
    """What was checked, if it is of this file; else None."""
    try:
        with open(CHECKED) as file:
            checked = json.load(file)
        with open(path, "rb") as file:
            is_same = checked["sha256"] == digest(file.read())
        return checked["settings"] if is_same else None
    except (OSError, ValueError, KeyError, TypeError):  # none, or one that a power cut has spoilt
        return None


def _check(path: str) -> dict:
    """Raises ConfigError, a ValueError."""
    from firmware import config

    try:
        settings = config.load(path)
        config.check_interface(settings["network"])
        return settings
    finally:
        config = None  # type: ignore[assignment]  # so that it can be collected
        firmware.drop("config")
        gc.collect()
