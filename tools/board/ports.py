"""The serial port of the board: which one it is, whether it can be opened, and if not why.

A port is a device file, `COM3`, `socket://host:port` or `rfc2217://host:port`.  What is on the
other end is the tools' concern.
"""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import serial
from serial.tools import list_ports

from tools.terminal import CommandError

BAUD = 115200
_FORMS = "/dev/ttyUSB0, COM3, socket://host:port or rfc2217://host:port"
HELP = f"{_FORMS}; else the only one there is"
_URL = re.compile(r"(?:socket|rfc2217)://[^/:?\s]+:(\d+)(?:[/?].*)?")
_LAST_PORT = 65535
_DEVICE = re.compile(r"/\S+|(\\\\\.\\)?COM\d+", re.I)
_GROUP = stat.S_IRGRP | stat.S_IWGRP
_PTY_MAJORS = range(136, 144)  # Linux: devices.txt


class Found(NamedTuple):
    """A port that the computer has: its device, and what USB says of it."""

    device: str
    product: str
    vendor_id: int
    product_id: int
    serial_number: str


def find() -> list[Found]:
    """The USB serial ports of this computer, as pyserial lists them; built-in UARTs are not."""
    return [
        Found(each.device, each.product or "", each.vid, each.pid or 0, each.serial_number or "")
        for each in sorted(list_ports.comports(), key=lambda each: each.device)
        if each.vid is not None
    ]


def choose(given: str, found: Iterable[Found]) -> str:
    """The port to use: the given one, or else the only one found."""
    if given:
        if not _is_port(given):
            raise CommandError(f"PORT={given} is not a port; {_FORMS}")
        return given
    devices = [each.device for each in found]
    if not devices:
        raise CommandError(
            "No serial port found; plug the board in with a USB cable that carries data, "
            "or give PORT=; make doctor tells more"
        )
    if len(devices) > 1:
        raise CommandError(
            f"{len(devices)} serial ports found: {', '.join(devices)}; say which one, "
            f"PORT={devices[0]}; make doctor tells what is on each"
        )
    return devices[0]


def _is_port(given: str) -> bool:
    url = _URL.fullmatch(given)
    return int(url[1]) <= _LAST_PORT if url else bool(_DEVICE.fullmatch(given))


def pick(given: str) -> str:
    """`choose` among what this computer has; CommandError too if it can't be opened now."""
    port = choose(given, [] if given else find())
    check(port)
    return port


def check(port: str) -> None:
    """CommandError if a device is absent, not ours to open, or open elsewhere; does not touch it.

    A port on the network, or one on Windows, is known only when it is opened.
    """
    if is_remote(port) or os.name == "nt":
        return
    try:
        mode = os.stat(port)
    except OSError as error:
        raise as_command_error(port, error)
    if not stat.S_ISCHR(mode.st_mode):
        raise CommandError(f"{port} is not a serial port; {_FORMS}")
    if not os.access(port, os.R_OK | os.W_OK):
        raise as_command_error(port, PermissionError(errno.EACCES, ""))
    # A pseudo-terminal is held open by the program that made it.
    if os.major(mode.st_rdev) not in _PTY_MAJORS and holders(port):
        raise as_command_error(port, OSError(errno.EBUSY, ""))


def open_port(port: str, **options: Any) -> serial.Serial:
    """The opened port, for this process alone; CommandError with the reason if it does not open."""
    try:
        with system_errors():
            return serial.serial_for_url(port, baudrate=BAUD, exclusive=True, **options)
    except (OSError, ValueError) as error:
        raise as_command_error(port, error)


@contextmanager
def system_errors() -> Iterator[None]:
    """A port that goes away while pyserial sets or empties it raises OSError, as it does else."""
    try:
        yield
    except Exception as error:
        if type(error).__module__ != "termios":  # which Windows lacks
            raise
        raise OSError(*error.args)


def is_remote(port: str) -> bool:
    """Whether the port is on the network: opening it costs time, and it has no file."""
    return "://" in port


def as_command_error(port: str, error: Exception) -> CommandError:
    """Why the port did not open, in one line, from what pyserial or the system raised."""
    code = getattr(error, "errno", None)
    text = str(error)
    if is_remote(port):
        return CommandError(f"{port} does not answer ({_reason(error)}); is its server running?")
    if code == errno.ENOENT or "FileNotFoundError" in text:
        return CommandError(f"{port} is not there; plug the board in; make doctor lists the ports")
    # Windows has one error for a port that is open elsewhere, and it says "PermissionError".
    if code in (errno.EBUSY, errno.EAGAIN) or "PermissionError" in text:
        return CommandError(_busy(port, holders(port)))
    if code == errno.EACCES:
        return CommandError(_not_permitted(port))
    if code == errno.EPERM:
        return CommandError(
            f"{port}: not permitted to anybody here; a container needs the device passed to it, "
            f"as in docker run --device={port}"
        )
    return CommandError(
        f"{port} does not open ({_reason(error)}); unplug the board, plug it in, and try again"
    )


def holders(device: str, proc: Path = Path("/proc")) -> list[str]:
    """Which other processes have a device open, as `name (pid)`; on Linux, and those we may see."""
    target = os.path.realpath(device)
    found = []
    for process in proc.glob("[0-9]*"):
        if process.name != str(os.getpid()) and _has_open(process, target):
            try:
                found.append(f"{(process / 'comm').read_text().strip()} ({process.name})")
            except OSError:
                continue  # it has ended
    return sorted(found)


def _has_open(process: Path, target: str) -> bool:
    try:
        return any(os.readlink(each) == target for each in (process / "fd").iterdir())
    except OSError:
        return False  # not ours to see, or ended


def _busy(port: str, programs: list[str]) -> str:
    if any(each.startswith("ModemManager") for each in programs):
        return (
            f"{port} is busy: ModemManager takes it for a modem; wait half a minute, "
            "or sudo systemctl stop ModemManager"
        )
    who = ", ".join(programs[:3]) or "another program"
    return f"{port} is busy: {who} has it open; close that (a console, an IDE) and try again"


def _not_permitted(port: str) -> str:
    try:
        owner = Path(port).group()
        is_for_group = os.stat(port).st_mode & _GROUP == _GROUP
    except (OSError, KeyError, NotImplementedError):
        owner, is_for_group = "dialout", True
    if owner == "root" or not is_for_group:  # as without udev, in WSL
        return (
            f"{port}: no permission; only root may open it: sudo chmod 666 {port}, or in WSL "
            "sudo service udev restart, and attach it again"
        )
    return (
        f"{port}: no permission; it belongs to group {owner}: "
        f"sudo usermod -a -G {owner} $USER, then log out and in"
    )


def _reason(error: Exception) -> str:
    """The innermost text of an error that pyserial has wrapped."""
    text = (getattr(error, "strerror", None) or str(error)).replace("\n", " ").strip()
    text = re.sub(r"\[Errno -?\d+\] ", "", text.rsplit(": ", 1)[-1])
    return re.sub(r"\(\d+, '(.*)'\)", r"\1", text)  # as termios.error is
