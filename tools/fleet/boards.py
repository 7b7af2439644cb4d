"""fleet.toml: which boards there are, and what each runs; read, checked and complete.

    [boards.kitchen]                 # its name in the network: kitchen.local
    [boards.cellar]
    host = "192.168.1.51"            # where it is, if that name does not lead to it
    port = "/dev/ttyUSB0"            # deployed over the cable
    app = "cellar/main.py"
    config = "cellar/config.json"
    settings.log.level = "debug"     # instead of what config.json says

What is left out is as with `make deploy`.  It never holds a password, so that it can be shown.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tools import target
from tools.board import ports
from tools.settings import file
from tools.terminal import CommandError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?")
_BIND = re.compile(r"[^\s\"'#\\]*:\d+( [^\x00-\x1f\"'#\\]*)?")
_PATH = re.compile(r"/[\w.~/?&=%-]*", re.ASCII)
_HTTP_PORT = 80


class Board(NamedTuple):
    """
    name      by which it is known here
    port      of the cable; "" if it is deployed over the network
    host      else where it takes its deploy, `host` or `host:port`
    address   (host, port) where it serves
    app       its main.py; "" for the common one
    given     what its config.json is to hold
    settings  the same, complete
    """

    name: str
    port: str
    host: str
    address: tuple[str, int]
    app: str
    given: dict[str, Any]
    settings: dict[str, Any]


class Fleet(NamedTuple):
    """
    bind   where HAProxy listens
    check  the path that it asks whether a board serves
    """

    boards: list[Board]
    bind: str
    check: str


_KEYS: dict[str, type] = {"bind": str, "check": str, "boards": dict}
_BOARD_KEYS: dict[str, type] = {
    "host": str,
    "port": str,
    "app": str,
    "config": str,
    "settings": dict,
}
_WORDS: dict[type, str] = {str: "a text", dict: "a table"}


def read(path: Path) -> Fleet:
    """The fleet of a file; config.json lies beside it, and paths begin there.

    CommandError with one line that names the key.
    """
    given = _parse(path)
    _check_keys(path.name, "", given, _KEYS)
    bind, check = given.get("bind", ":80"), given.get("check", "/quick")
    if not _BIND.fullmatch(bind):
        raise _wrong(f"{path.name}: bind", bind, 'an address and a port, as ":80"')
    if not _PATH.fullmatch(check):
        raise _wrong(f"{path.name}: check", check, 'a path, as "/quick"')
    tables = given.get("boards") or {}
    boards = [_read_board(path, name, table) for name, table in tables.items()]
    if not boards:
        raise CommandError(f"{path.name}: boards: there is none; [boards.kitchen] names the first")
    _check_apart(path.name, boards)
    return Fleet(boards, bind, check)


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise CommandError(
            f"{path.name} is missing; a board in it is [boards.kitchen] and a line "
            'host = "192.168.1.50"'
        )
    except UnicodeDecodeError:
        raise CommandError(f"{path.name}: not UTF-8")
    except tomllib.TOMLDecodeError as error:
        raise CommandError(f"{path.name}: not TOML, {error}")


def _read_board(path: Path, name: str, table: Any) -> Board:
    if not _NAME.fullmatch(name):
        raise _wrong(f"{path.name}: boards", name, "letters, digits and hyphens, none at the ends")
    key = f"boards.{name}"
    if not isinstance(table, dict):
        raise _wrong(f"{path.name}: {key}", table, "a table")
    _check_keys(path.name, f"{key}.", table, _BOARD_KEYS)
    own = table.get("settings", {})
    _check_json(f"{path.name}: {key}.settings", own)
    for where in _find_passwords(own, f"{key}.settings"):
        raise CommandError(
            f"{path.name}: {where}: a password; it belongs into config.json, or one of "
            f'this board\'s own, config = "{name}/config.json"'
        )
    given = _merge(_read_config(path, table.get("config", "")), own, name)
    settings = file.check_usable(given, f"{path.name}: {key}.settings")
    host, port = _place(path.name, key, table, settings)
    app = str(path.parent / table["app"]) if "app" in table else ""
    return Board(
        name, table.get("port", ""), _joined(host, port), (host, port), app, given, settings
    )


def _read_config(path: Path, name: str) -> dict[str, Any]:
    config = path.parent / (name or "config.json")
    if not config.is_file():
        raise CommandError(f"{name or config.name} is missing; make config writes one")
    return file.read(config)


def _merge(common: dict[str, Any], own: dict[str, Any], name: str) -> dict[str, Any]:
    """Each board has a name of its own, whatever the common settings say."""
    given = {**common, "network": {**common.get("network", {}), "hostname": name}}
    for section, values in own.items():
        is_table = isinstance(values, dict)
        given[section] = {**given.get(section, {}), **values} if is_table else values
    return given


def _place(name: str, key: str, table: dict[str, Any], settings: dict[str, Any]) -> tuple[str, int]:
    """Where the board serves."""
    if "port" in table:
        try:
            ports.choose(table["port"], [])
        except CommandError as error:
            raise CommandError(f"{name}: {key}.port: {error}")
    by_name, port = file.name_of(settings)
    host = table.get("host", by_name)
    try:
        parsed = target.parse(host)
    except CommandError:
        allowed = "a host or host:port, as 192.168.1.50 or kitchen.local"
        raise _wrong(f"{name}: {key}.host", host, allowed)
    return parsed if ":" in host else (host, port)


def _check_keys(name: str, prefix: str, table: dict[str, Any], known: dict[str, type]) -> None:
    for key, value in table.items():
        if key not in known:
            complaint = f"{prefix}{key}: no such key; {', '.join(known)}"
            raise CommandError(f"{name}: {complaint}{file.suggest(complaint)}")
        if not isinstance(value, known[key]):
            raise _wrong(f"{name}: {prefix}{key}", value, _WORDS[known[key]])


def _check_json(key: str, settings: dict[str, Any]) -> None:
    """TOML has values that config.json can't have."""
    try:
        json.dumps(settings, allow_nan=False)
    except (TypeError, ValueError):
        raise CommandError(f"{key}: dates, times, nan and inf are not allowed; no setting has them")


def _find_passwords(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "password":
                yield f"{key}.{name}"
            yield from _find_passwords(each, f"{key}.{name}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _find_passwords(each, f"{key}[{number}]")


def _check_apart(name: str, boards: list[Board]) -> None:
    """No two boards are the same one.  Names in the network have no case, nor has a log's on
    Windows and macOS."""
    seen: dict[str, str] = {}
    names: dict[str, str] = {}
    for board in boards:
        if other := names.get(board.name.lower()):
            raise CommandError(f"{name}: boards.{board.name}: the same name as boards.{other}")
        names[board.name.lower()] = board.name
        for key, value in (("port", board.port), ("host", _joined(*board.address).lower())):
            if value and seen.setdefault(value, board.name) != board.name:
                raise CommandError(
                    f"{name}: boards.{board.name}.{key}: {value} is that of {seen[value]}, too"
                )


def _joined(host: str, port: int) -> str:
    return host if port == _HTTP_PORT else f"{host}:{port}"


def _wrong(key: str, value: Any, allowed: str) -> CommandError:
    return CommandError(f"{key}: {value!r} is not allowed; {allowed}")
