"""What USB says of serial ports: the chips that boards with an ESP32 have, and missing drivers."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tools.board.ports import Found


class Bridge(NamedTuple):
    """A USB chip that makes a serial port: its name, and the Linux driver it needs."""

    name: str
    driver: str


BRIDGES = {
    (0x10C4, 0xEA60): Bridge("CP2102 or CP2104 bridge", "cp210x"),
    (0x10C4, 0xEA70): Bridge("CP2105 bridge", "cp210x"),
    (0x1A86, 0x7523): Bridge("CH340 bridge", "ch341"),
    (0x1A86, 0x7522): Bridge("CH340K bridge", "ch341"),
    (0x1A86, 0x5523): Bridge("CH341 bridge", "ch341"),
    (0x1A86, 0x55D3): Bridge("CH343 bridge", "cdc_acm"),
    (0x1A86, 0x55D4): Bridge("CH9102 bridge", "cdc_acm"),
    (0x0403, 0x6001): Bridge("FT232R bridge", "ftdi_sio"),
    (0x0403, 0x6010): Bridge("FT2232 bridge", "ftdi_sio"),
    (0x0403, 0x6014): Bridge("FT232H bridge", "ftdi_sio"),
    (0x0403, 0x6015): Bridge("FT231X bridge", "ftdi_sio"),
    (0x067B, 0x2303): Bridge("PL2303 bridge", "pl2303"),
    (0x303A, 0x1001): Bridge("USB of the ESP32 itself (S3, C3, C5, C6, H2, P4)", "cdc_acm"),
    (0x303A, 0x0002): Bridge("bootloader of an ESP32-S2", "cdc_acm"),
    (0x303A, 0x0009): Bridge("bootloader of an ESP32-S3", "cdc_acm"),
    (0x303A, 0x4001): Bridge("MicroPython on an ESP32-S2 or S3", "cdc_acm"),
}


def describe(found: Found) -> str:
    """What a port is: its USB chip if known, what it calls itself, and its IDs."""
    bridge = BRIDGES.get((found.vendor_id, found.product_id))
    names = [bridge.name if bridge else "", found.product]
    ids = f"USB {found.vendor_id:04x}:{found.product_id:04x}"
    return ", ".join([*(each for each in names if each), ids])


def without_port(sys_usb: Path = Path("/sys/bus/usb/devices")) -> list[Bridge]:
    """The known chips that are plugged in and have no serial port: a driver's fault; on Linux."""
    return [
        BRIDGES[_ids(device)]
        for device in _devices(sys_usb)
        if _ids(device) in BRIDGES and not any(device.glob("*:*/tty*"))
    ]


def advice(bridges: Iterable[Bridge], programs: Iterable[str] = ()) -> tuple[str, str]:
    """Why there is no port, and what to do, from what `without_port` found."""
    for bridge in bridges:
        if "brltty" in programs and bridge.driver != "cdc_acm":
            return (
                f"A {bridge.name} is plugged in, and brltty takes its port away",
                "sudo apt remove brltty, and plug the board in again",
            )
        return (
            f"A {bridge.name} is plugged in, but has no port: its driver is missing",
            f"sudo modprobe {bridge.driver}; a container needs the device passed to it",
        )
    if os.name == "posix" and "microsoft" in _kernel():
        return ("No serial port: Windows keeps USB to itself", "usbipd attach --wsl in Windows")
    return (
        "No USB serial port, and no USB chip that could be one",
        "use a cable that carries data, not only power, and another socket; Windows and macOS may "
        "want a driver for the board's USB chip, CP210x or CH340",
    )


def programs() -> Iterator[str]:
    """The names of the programs that run; on Linux."""
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            yield comm.read_text().strip()
        except OSError:
            continue


def _devices(sys_usb: Path) -> Iterator[Path]:
    return (path.parent for path in sorted(sys_usb.glob("*/idProduct")))


def _ids(device: Path) -> tuple[int, int]:
    try:
        return (
            int((device / "idVendor").read_text(), 16),
            int((device / "idProduct").read_text(), 16),
        )
    except (OSError, ValueError):
        return 0, 0  # it was pulled out


def _kernel() -> str:
    try:
        return Path("/proc/version").read_text().lower()
    except OSError:
        return ""
