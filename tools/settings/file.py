"""config.json on this computer: read, checked, and written as a whole."""

import codecs
import copy
import difflib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from firmware import config as settings
from firmware.config import ConfigError
from firmware.settings import digest
from tools.terminal import CommandError

_EXAMPLE = 'an object like {"server": {"port": 8080}}'
_AGAIN = "mend it, or remove it, and run make config again"
_UNKNOWN = re.compile(r"(?:.*\.)?([^.:]+): no such (?:section|setting|key); (.*)")
_LEVELS_THAT_SHOW = ("debug", "info")


def parse(path: Path, name: str, remedy: str = _EXAMPLE) -> Any:
    """The JSON of a file; CommandError with line and column of a mistake.

    name    what the file is called in the line
    remedy  what to do about it
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        remedy = "" if isinstance(error, FileNotFoundError) else "make it readable, or "
        raise CommandError(f"{name}: {error.strerror}; {remedy}name another with CONFIG=")
    try:
        given = json.loads(
            content.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            object_pairs_hook=lambda pairs: _make_object(pairs, name, remedy),
        )
        json.dumps(given, ensure_ascii=False).encode()
        return given
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise CommandError(f"{name}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8")
    except UnicodeEncodeError:
        raise CommandError(
            f"{name}: an escape \\ud800 to \\udfff stands alone; write the character"
        )
    except json.JSONDecodeError as error:
        place = f"{name}, line {error.lineno}, column {error.colno}"
        raise CommandError(f"{place}: not JSON, {error.msg}; {remedy}")
    except (ValueError, RecursionError):
        raise CommandError(f"{name}: not JSON; {remedy}")


def check(given: Any, name: str) -> dict[str, Any]:
    """The settings of `given`, complete; CommandError with a line that begins with `name`."""
    try:
        return settings.check(copy.deepcopy(given))
    except ConfigError as error:
        raise CommandError(f"{name}: {error}{suggest(str(error))}")


def suggest(complaint: str) -> str:
    """For a name that is not known, the one that was meant, if there is one like it."""
    found = _UNKNOWN.match(complaint)
    close = difflib.get_close_matches(found[1], found[2].split(", "), 1) if found else []
    return f"; did you mean {close[0]}?" if close else ""


def _make_object(pairs: list[tuple[str, Any]], name: str, remedy: str) -> dict[str, Any]:
    """JSON itself would keep the last of two."""
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise CommandError(f"{name}: {json.dumps(twice)} stands twice in one object; {remedy}")
    return made


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def read(path: Path) -> dict[str, Any]:
    """What the file holds now, {} if there is none; CommandError if it is wrong."""
    if not path.exists():
        return {}
    given = parse(path, str(path), _AGAIN)
    try:
        check(given, str(path))
    except CommandError as error:
        raise CommandError(f"{error}; {_AGAIN}")
    return dict(given)


def write(path: Path, config: dict[str, Any]) -> None:
    """Replaces the file as a whole; only its owner may read it, because of the password."""
    target = Path(os.path.realpath(path))
    try:
        descriptor, fresh = tempfile.mkstemp(dir=target.parent, prefix=".config.")  # mode 600
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump(config, file, indent=2, ensure_ascii=False)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, target)
        except BaseException:
            os.unlink(fresh)  # it has the password
            raise
    except OSError as error:
        raise CommandError(f"{path} is not written: {error.strerror}; name another with CONFIG=")


def load(path: Path) -> dict[str, Any]:
    """The settings of a file; CommandError if it is missing, wrong, or leads to no network."""
    if path.is_dir():
        raise CommandError(f"{path} is a folder; name the file in it with CONFIG=")
    if not path.is_file():
        raise CommandError(f"{path.name} is missing: the board would find no network; make config")
    return check_usable(parse(path, path.name), path.name)


def check_usable(given: Any, name: str) -> dict[str, Any]:
    """`check`; CommandError too if they are not enough to reach a network."""
    checked = check(given, name)
    try:
        settings.check_interface(checked["network"])
    except ConfigError as error:
        raise CommandError(f"{name}: {error}; make config")
    return checked


def write_checked(path: Path, checked: dict[str, Any], target: Path) -> Path:
    """What a board takes for checked as long as its config.json is the file at `path`."""
    content = {"sha256": digest(path.read_bytes()), "settings": checked}
    # MicroPython makes two characters of a pair of escapes.
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    target.write_text(text, encoding="utf-8")
    target.chmod(0o600)  # it has the password, too
    return target


def normal(path: Path, folder: Path) -> Path:
    """The file as a board reads it: itself, or a copy in `folder` without a byte-order mark."""
    content = path.read_bytes()
    if not content.startswith(codecs.BOM_UTF8):
        return path
    copied = folder / "config.json"
    copied.write_bytes(content[len(codecs.BOM_UTF8) :])
    return copied


def name_of(given: dict[str, Any]) -> tuple[str, int]:
    """(host, port) of a board with these settings, by its name in the network (mDNS)."""
    return f"{given['network']['hostname']}.local", given["server"]["port"]


def is_log_hidden(given: dict[str, Any]) -> bool:
    """Whether a board with these settings does not say that its server is up."""
    return given["log"]["level"] not in _LEVELS_THAT_SHOW
