"""The chip of a board, as esptool finds it in its bootloader, and which MicroPython it needs."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import esptool
from esp_pylib.logger import EspLog, EspLogBase
from esptool.cmds import detect_flash_size
from esptool.util import FatalError, flash_size_bytes

from tools.board import ports
from tools.terminal import CommandError, Progress

_AGAIN = "check the cable, and try again"
_ATTEMPTS = 7  # as the esptool command does: about ten seconds
_DOWNLOAD = "https://micropython.org/download/"
# What esptool calls a chip, and the boards that MicroPython publishes images for.
_BOARDS = {
    "ESP32": "ESP32_GENERIC",
    "ESP32-S2": "ESP32_GENERIC_S2",
    "ESP32-S3": "ESP32_GENERIC_S3",
    "ESP32-C2": "ESP32_GENERIC_C2",
    "ESP32-C3": "ESP32_GENERIC_C3",
    "ESP32-C5": "ESP32_GENERIC_C5",
    "ESP32-C6": "ESP32_GENERIC_C6",
    "ESP32-H2": "ESP32_GENERIC_H2",
    "ESP32-P4": "ESP32_GENERIC_P4",
}
_NOTES = {
    "ESP32": "its variant SPIRAM if this is a WROVER module or has PSRAM",
    "ESP32-H2": "it has no Wi-Fi, so httpd32 needs Ethernet",
    "ESP32-P4": "its variant C6_WIFI or C5_WIFI if there is such a chip beside it for Wi-Fi",
}
_OCTAL_PSRAM = ("Embedded PSRAM 8MB", "Embedded PSRAM 16MB")  # of an ESP32-S3; smaller is quad


class Chip(NamedTuple):
    """A chip: the family's name in esptool, what is printed on it, and what it has."""

    name: str
    description: str
    features: tuple[str, ...]


class _Log(EspLogBase):
    """Turns esptool's output into a progress line; what goes wrong comes as an exception."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def print(self, *_: object, **__: object) -> None:
        self._progress.show()

    def progress_bar(self, cur_iter: int, total_iters: int, *_: object, **__: object) -> None:
        self._progress.show(cur_iter / total_iters)

    def err(self, *_: object, **__: object) -> None:
        pass

    warn = note = hint = debug = set_verbosity = err


def report_to(progress: Progress) -> None:
    """Lets `progress` show what esptool does from now on."""
    EspLog.set_logger(_Log(progress))


@contextmanager
def connect(port: str, attempts: int = _ATTEMPTS) -> Iterator[esptool.ESPLoader]:
    """A connection to the bootloader of the chip on a port; at the end the board starts anew.

    CommandError if there is none, or it breaks.
    """
    with Progress(f"looking for the chip on {port}") as progress:
        report_to(progress)
        try:
            with ports.system_errors():
                loader = esptool.detect_chip(port, connect_attempts=attempts)
        except FatalError as error:
            # Where the port did not open, esptool tells so in several lines.
            if isinstance(error.__context__, OSError):
                raise ports.as_command_error(port, error.__context__)
            raise CommandError(_no_answer(port))
        except OSError as error:
            raise ports.as_command_error(port, error)
    with loader:
        try:
            with ports.system_errors():
                yield loader
        except (FatalError, OSError) as error:
            raise CommandError(f"{port}: the chip has fallen silent ({reason(error)}); {_AGAIN}")
        finally:
            with suppress(FatalError, OSError):  # the board may be gone
                loader.hard_reset()


def reason(error: Exception) -> str:
    """What esptool or the port has raised, for a line."""
    return str(error).strip().split("\n")[0].rstrip(".")


def describe(loader: esptool.ESPLoader) -> Chip:
    """What the connected chip is."""
    features = tuple(loader.get_chip_features())
    return Chip(loader.CHIP_NAME, loader.get_chip_description(), features)


def attach(loader: esptool.ESPLoader) -> tuple[Any, int | None]:
    """A faster connection that reaches the flash, and the flash's bytes, None if unknown."""
    with Progress("starting esptool's flasher on the chip") as progress:
        report_to(progress)
        stub = esptool.run_stub(loader)
        esptool.attach_flash(stub)
        size = detect_flash_size(stub)
    return stub, size and flash_size_bytes(size)


def image_for(chip: Chip) -> str:
    """Which image this chip needs and where it is, as the end of a sentence."""
    board = _BOARDS.get(chip.name)
    if board is None:
        return f"look for one at {_DOWNLOAD}?port=esp32; MicroPython has no generic image for it"
    return ", ".join([f"{board} from {_DOWNLOAD}{board}/", *_variant(chip)])


def _variant(chip: Chip) -> list[str]:
    if chip.name == "ESP32-S3" and any(each.startswith(_OCTAL_PSRAM) for each in chip.features):
        return ["its variant SPIRAM_OCT, because of the octal PSRAM"]
    if chip.name == "ESP32" and "Embedded PSRAM" in chip.features:
        return ["its variant SPIRAM, because of the PSRAM"]
    return [_NOTES[chip.name]] if chip.name in _NOTES else []


def _no_answer(port: str) -> str:
    reset = "press and release RESET (EN)"
    if port.startswith("socket:"):
        reset += ", which no tool can do over socket://"
    return (
        f"The chip on {port} does not answer; hold BOOT, {reset}, let go of BOOT, and try again; "
        "else it is the cable, or not an ESP32"
    )
