"""config.json on this computer: read, checked, and written as a whole."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from firmware import config as settings
from firmware.config import ConfigError
from firmware.settings import digest
from tools.terminal import Refused

_LEVELS_THAT_SHOW = ("debug", "info")


def read(path: Path) -> dict[str, Any]:
    """What the file holds now, {} if there is none; Refused if it is wrong."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        settings.check(given)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}; make it readable, or name another with CONFIG=")
    except ConfigError as error:
        raise Refused(f"{path}: {error}; mend it, or remove it, and run make config again")
    except ValueError:
        raise Refused(f"{path}: not JSON; mend it, or remove it, and run make config again")
    return given


def write(path: Path, config: dict[str, Any]) -> None:
    """Replaces the file as a whole; only its owner may read it, because of the password."""
    target = Path(os.path.realpath(path))
    try:
        descriptor, fresh = tempfile.mkstemp(dir=target.parent, prefix=".config.")  # mode 600
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(config, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, target)
    except OSError as error:
        raise Refused(f"{path} is not written: {error.strerror}; name another with CONFIG=")


def load(path: Path) -> dict[str, Any]:
    """The settings of a file; Refused if it is missing, wrong, or not enough to reach a network."""
    if not path.is_file():
        raise Refused(f"{path.name} is missing: the board would find no network; make config")
    try:
        given = settings.load(str(path))
        settings.check_interface(given["network"])
    except (ValueError, RecursionError) as error:
        raise Refused(f"{path.name}: {error}; make config")
    return given


def write_checked(path: Path, checked: dict[str, Any], target: Path) -> Path:
    """What a board takes for checked as long as its config.json is the file at `path`."""
    text = {"sha256": digest(path.read_bytes()), "settings": checked}
    target.write_text(json.dumps(text, separators=(",", ":")), encoding="utf-8")
    target.chmod(0o600)  # it has the password, too
    return target


def is_log_hidden(given: dict[str, Any]) -> bool:
    """Whether a board with these settings does not say that its server is up."""
    return given["log"]["level"] not in _LEVELS_THAT_SHOW
