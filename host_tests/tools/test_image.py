"""An image is read whole, or the error says what it is."""

import pytest

from host_tests.serial.esp32 import IMAGE_NAME, image_for, official_image
from host_tests.tools.expect import error_line
from tools.image import image
from tools.terminal import CommandError

# From MicroPython's own instructions for each board.
OFFSETS = {
    "esp32": 0x1000,
    "esp32s2": 0x1000,
    "esp32s3": 0x0,
    "esp32c2": 0x0,
    "esp32c3": 0x0,
    "esp32c6": 0x0,
    "esp32h2": 0x0,
    "esp32c5": 0x2000,
    "esp32p4": 0x2000,
}
APPLICATION_AT = 0x10000 - 0x1000


@pytest.fixture(scope="module")
def official():
    return official_image().read_bytes()


def test_the_official_image_is_for_an_esp32_and_goes_to_0x1000(official):
    found = image.read(str(official_image()))
    assert found == image.Image("ESP32", 0x1000, 4 << 20, official)


@pytest.mark.parametrize("chip", OFFSETS)
def test_an_image_for_each_chip_goes_where_micropython_says(chip):
    contents = image_for(chip)
    found = image.parse(contents)
    assert found.chip.lower().replace("-", "") == chip
    assert (found.offset, found.contents) == (OFFSETS[chip], contents)


def test_the_flash_that_the_bootloader_wants_is_told():
    assert image.parse(image_for("esp32s3", "16MB")).flash_len == 16 << 20


@pytest.mark.parametrize("length", [1, 23, 24, 100, 0x4D80, 0x8000, 0xF001, 1_000_000, -1])
def test_a_cut_image_is_refused(official, length):
    line = error_line(image.parse, official[:length])
    assert "cut off" in line and line.endswith("; download it again")


@pytest.mark.parametrize("at", [1000, APPLICATION_AT + 1000, 1_500_000])
def test_a_damaged_image_is_refused(official, at):
    damaged = official[:at] + bytes([official[at] ^ 1]) + official[at + 1 :]
    assert "checksum is wrong; download it again" in error_line(image.parse, damaged)


def test_an_application_alone_is_refused(official):
    line = error_line(image.parse, official[APPLICATION_AT:])
    assert line.startswith("an application without bootloader, as in .app-bin; take a file that")


def test_a_bootloader_alone_is_refused(official):
    assert error_line(image.parse, official[:0x7000]).startswith(
        "a bootloader without partition table"
    )


@pytest.mark.parametrize(
    "contents, what",
    [
        (b"", "it is empty"),
        (b"\n<!DOCTYPE html>", "a web page"),
        (b"UF2\nWQ]\x9e", "a .uf2 file"),
        (b"PK\x03\x04", "a .zip archive"),
        (b"\x7fELF\x01", "an .elf file"),
        (bytes(100_000), "no image for an ESP32"),
    ],
)
def test_another_kind_of_file_is_called_by_its_name(contents, what):
    line = error_line(image.parse, contents)
    assert line.startswith(what) and "https://micropython.org/download/" in line


def test_an_image_for_an_unknown_chip_is_refused(official):
    assert "chip id 77" in error_line(image.parse, official[:12] + b"\x4d\x00" + official[14:])


def test_a_file_that_can_not_be_read_is_refused_with_its_name(tmp_path):
    for path in (tmp_path / IMAGE_NAME, tmp_path):
        with pytest.raises(CommandError, match=f"^{path}: .*; FIRMWARE=file.bin names the image"):
            image.read(str(path))
