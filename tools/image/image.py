"""A MicroPython image for ESP32 boards: for which chip it is, where it goes, whether it is whole.

The file holds what flash holds from the bootloader's place on: the bootloader, at 0x8000 of flash
the partition table, and the application.  Formats are ESP-IDF's (esp_image_format.h,
esp_app_desc.h, esp_flash_partitions.h).  No board is needed.
"""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from esptool.bin_image import LoadFirmwareImage
from esptool.targets import ROM_LIST
from esptool.util import FatalError, flash_size_bytes

from tools.checkout import named
from tools.terminal import CommandError

_MAGIC = 0xE9
_HEADER_LEN = 24  # with the extended header
_CHIP_ID = slice(12, 14)
_DESCRIPTION = slice(32, 36)  # of the first segment
_APPLICATION = struct.pack("<I", 0xABCD5432)
_TABLE_OFFSET = 0x8000
_ENTRY_LEN = 32
_ENTRY_MAGIC = b"\xaa\x50"
_TYPE_APPLICATION = 0
_MAX_LEN = 32 * 1024 * 1024  # the largest flash that esptool knows without its own limits
_REMEDY = "take a file that ends in .bin from https://micropython.org/download/?port=esp32"
_OTHER_FORMATS = (
    (b"UF2\n", "a .uf2 file, for the drive that some boards show"),
    (b"\x7fELF", "an .elf file, for debuggers"),
    (b"PK", "a .zip archive; unpack it"),
    (b"\x1f\x8b", "a .gz archive; unpack it"),
    (b"<", "a web page, as saved instead of the download"),
)


class Image(NamedTuple):
    """An image that is whole: its chip as esptool names it, and where in flash it goes."""

    chip: str
    offset: int
    flash_len: int  # of the smallest flash that its bootloader accepts
    contents: bytes


def read(path: str) -> Image:
    """The image in a file; CommandError if it is not one for an ESP32, or not whole."""
    file = named(path)
    try:
        if file.stat().st_size > _MAX_LEN:
            raise CommandError(f"{path} is not an image: larger than any flash; {_REMEDY}")
        contents = file.read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}; FIRMWARE=file.bin names the image to flash")
    try:
        return parse(contents)
    except CommandError as error:
        raise CommandError(f"{path} is not an image to flash: {error}")


def parse(contents: bytes) -> Image:
    """The image that these bytes are; CommandError if they are none."""
    if contents[:1] != bytes([_MAGIC]):
        raise CommandError(f"{_format(contents)}; {_REMEDY}")
    target = _target(contents)
    bootloader = _load(target.CHIP_NAME, contents, "its first part")
    if contents[_DESCRIPTION] == _APPLICATION:
        raise CommandError(f"an application without bootloader, as in .app-bin; {_REMEDY}")
    _check_application(target, contents)
    return Image(
        target.CHIP_NAME,
        target.BOOTLOADER_FLASH_OFFSET,
        _flash_len(target, bootloader.flash_size_freq),
        contents,
    )


def _flash_len(target: Any, size_freq: int) -> int:
    for name, bits in target.FLASH_SIZES.items():
        if bits == size_freq & 0xF0:
            return flash_size_bytes(name) or 0
    return 0


def _format(contents: bytes) -> str:
    if not contents:
        return "it is empty"
    for start, what in _OTHER_FORMATS:
        if contents.lstrip().startswith(start):
            return what
    return "no image for an ESP32"


def _target(contents: bytes) -> Any:
    """esptool's class for the chip of an image."""
    if len(contents) < _HEADER_LEN:
        raise CommandError("cut off in its header; download it again")
    chip_id = int.from_bytes(contents[_CHIP_ID], "little")
    for target in ROM_LIST:
        # ESP8266 images have no such field.
        if target.CHIP_NAME.startswith("ESP32") and chip_id == target.IMAGE_CHIP_ID:
            return target
    raise CommandError(
        f"for no ESP32 that esptool knows (chip id {chip_id}), perhaps for an ESP8266"
    )


def _check_application(target: Any, contents: bytes) -> None:
    start = _TABLE_OFFSET - target.BOOTLOADER_FLASH_OFFSET
    offsets = list(_applications(contents[start : start + 0x1000]))
    if not offsets:
        raise CommandError(f"a bootloader without partition table and application; {_REMEDY}")
    start = offsets[0] - target.BOOTLOADER_FLASH_OFFSET
    if contents[start : start + 1] not in (bytes([_MAGIC]), b""):
        raise CommandError("damaged where its application begins; download it again")
    _load(target.CHIP_NAME, contents[start:], "its application")


def _applications(table: bytes) -> Iterator[int]:
    """The places in flash of the applications that a partition table names."""
    for at in range(0, len(table) - _ENTRY_LEN, _ENTRY_LEN):
        magic, kind, _, offset, _ = struct.unpack_from("<2sBBII", table, at)
        if magic != _ENTRY_MAGIC:
            return
        if kind == _TYPE_APPLICATION:
            yield offset


def _load(chip: str, contents: bytes, part: str) -> Any:
    try:
        image = LoadFirmwareImage(chip, contents)
        image.verify()
    except (FatalError, struct.error, IndexError, TypeError):
        raise CommandError(f"{part} is cut off or damaged; download it again")
    has_digest = image.append_digest
    if image.checksum != image.calculate_checksum() or (
        has_digest and image.stored_digest != image.calc_digest
    ):
        raise CommandError(
            f"{part} is cut off or damaged: its checksum is wrong; download it again"
        )
    return image
