"""Puts MicroPython on a board, in place of all that is on it.

The image is read and compared with the chip before anything is erased.
"""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import esptool
from esptool.util import FatalError

from tools.board import console, ports
from tools.board.ports import BAUD, is_remote, pick, system_errors
from tools.image import chip, image
from tools.terminal import CommandError, Progress, worded

_FAST_BAUD = 460800  # as MicroPython's own instructions have it
_MAX_BAUD = 12_000_000  # of the fastest USB chips
_REPL_LIMIT_S = 20.0
_MB = 1024 * 1024


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", default="", help=ports.HELP)
    parser.add_argument("--firmware", default="", help="the .bin file; without, tells which one")
    parser.add_argument("--baud", default=str(_FAST_BAUD), help="bit/s while writing")
    parser.add_argument("--dry-run", action="store_true", help="only looks and tells")


def run(options: Namespace) -> None:
    if not options.firmware:
        tell_image(pick(options.port))
    baud = _read_baud(options.baud)
    firmware = image.read(options.firmware)
    flash(pick(options.port), firmware, baud, options.dry_run)


def _read_baud(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= _MAX_BAUD):
        raise CommandError(f"BAUD={text}: bit/s, as {_FAST_BAUD} or {BAUD}")
    return int(text)


def plan(firmware: image.Image, found: chip.Chip, flash_len: int | None) -> list[str]:
    """What is going to be done, a line each; CommandError if the image is not for this board.

    `flash_len` is the size of the board's flash in bytes, None if unknown.
    """
    if firmware.chip != found.name:
        raise CommandError(
            f"The image is for {firmware.chip}, the board is {found.name}; "
            f"it needs {chip.image_for(found)}"
        )
    needed_len = max(firmware.flash_len, firmware.offset + len(firmware.contents))
    if flash_len is not None and needed_len > flash_len:
        raise CommandError(
            f"The image needs {-(-needed_len // _MB)} MB of flash, the board has "
            f"{flash_len // _MB} MB; take the image's variant for less flash"
        )
    return [
        "erase the whole flash, files and all",
        f"write {len(firmware.contents)} bytes at {firmware.offset:#x}",
        "verify them, reset the board, and wait for the REPL",
    ]


def flash(port: str, firmware: image.Image, baud: int, dry_run: bool) -> None:
    """Does what `plan` says, or tells it."""
    with chip.connect(port) as loader, _one_line(port):
        found = chip.describe(loader)
        print(f"{port}: {found.description}")
        loader, flash_len = chip.attach(loader)
        steps = plan(firmware, found, flash_len)
        if dry_run:
            print("Would " + ";\nwould ".join(steps) + ".")
        else:
            _write(loader, firmware, 0 if is_remote(port) else baud)
    if not dry_run:
        wait_repl(port)


def _write(loader: esptool.ESPLoader, firmware: image.Image, baud: int) -> None:
    start = time.monotonic()
    print("Erasing the flash, which takes up to a minute, and writing.", flush=True)
    if baud not in (0, BAUD):
        loader.change_baud(baud)
    with Progress("writing") as progress:
        chip.report_to(progress)
        # It compares the hash of what the flash holds with that of the image at the end.
        esptool.write_flash(loader, [(firmware.offset, firmware.contents)], erase_all=True)
    seconds = time.monotonic() - start
    print(f"Wrote and verified {len(firmware.contents)} bytes in {seconds:.1f} s.", flush=True)


def wait_repl(port: str) -> None:
    """Waits for the MicroPython that has been written, and tells what it is."""
    port, found = console.wait(port, _REPL_LIMIT_S)
    if not found.version:
        raise CommandError(
            f"MicroPython is written, but does not answer on {port}; press RESET (EN) on the "
            "board, then make doctor"
        )
    print(f"MicroPython {found.version} answers on {port}: {found.machine}")
    print(worded("Next: make config, then make deploy."))


def tell_image(port: str) -> NoReturn:
    """CommandError with the image that the board on this port needs."""
    with chip.connect(port) as loader, _one_line(port):
        found = chip.describe(loader)
    raise CommandError(
        f"FIRMWARE is missing; this board is {found.description}: download the .bin of "
        f"{chip.image_for(found)}, and make flash FIRMWARE=file.bin"
    )


@contextmanager
def _one_line(port: str) -> Iterator[None]:
    """Makes one line of what esptool, and the port, raise while they work."""
    try:
        with system_errors():
            yield
    except (FatalError, OSError, ValueError) as error:  # a speed that the port can't have
        raise CommandError(
            f"{port}: flashing has failed ({chip.reason(error)}); check the cable, and try again "
            f"with make flash BAUD={BAUD}"
        )
