"""The real esptool flashes MicroPython onto a bootloader, or refuses before it erases."""

import subprocess
import sys
import termios

import pytest
from esptool.util import FatalError

from host_tests.serial.board import SerialBoard
from host_tests.serial.esp32 import Esp32Board, image_for, official_image
from tools.checkout import ROOT
from tools.commands.flash import _write, plan, wait_repl
from tools.image.chip import Chip, connect
from tools.image.image import Image
from tools.terminal import CommandError

MB = 1 << 20


def flash(port, *args, **options):
    line = [sys.executable, "-m", "tools", "flash", "--port", port, *args]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, **options)


def stderr_line(done):
    """The one line that a command ended with."""
    assert done.returncode == 1 and "Traceback" not in done.stderr, done
    (line,) = done.stderr.splitlines()
    return line


@pytest.fixture
def esp32(tmp_path):
    with Esp32Board(tmp_path) as started:
        yield started


def test_the_official_image_is_written_and_micropython_answers(esp32, tmp_path):
    done = flash(esp32.port, "--firmware", str(official_image()))
    assert done.returncode == 0 and done.stderr == "", done
    assert "Wrote and verified 1702240 bytes in " in done.stdout
    assert "MicroPython v1.25.0 answers on socket://127.0.0.1:" in done.stdout
    assert done.stdout.endswith("Next: make config, then make deploy.\n")
    contents = official_image().read_bytes()
    assert esp32.flash[0x1000 : 0x1000 + len(contents)] == contents


def test_an_esp32_s3_gets_its_image_at_0x0(tmp_path):
    contents = image_for("esp32s3")
    path = tmp_path / "s3.bin"
    path.write_bytes(contents)
    with Esp32Board(tmp_path, "esp32s3") as board:
        done = flash(board.port, "--firmware", str(path))
        assert done.returncode == 0, done
        assert board.flash[: len(contents)] == contents


def test_a_dry_run_tells_and_changes_nothing(esp32, tmp_path):
    esp32.flash[0x1000:0x1004] = kept = b"kept"
    done = flash(esp32.port, "--firmware", str(official_image()), "--dry-run")
    assert done.returncode == 0, done
    assert "Would erase the whole flash" in done.stdout
    assert "would write 1702240 bytes at 0x1000" in done.stdout
    assert esp32.flash[0x1000:0x1004] == kept


def test_an_image_for_another_chip_is_refused_before_anything_is_erased(esp32, tmp_path):
    assert flash(esp32.port, "--firmware", str(official_image())).returncode == 0
    path = tmp_path / "c3.bin"
    path.write_bytes(image_for("esp32c3"))
    line = stderr_line(flash(esp32.port, "--firmware", str(path)))
    assert line.startswith("The image is for ESP32-C3, the board is ESP32; it needs ESP32_GENERIC ")
    assert "https://micropython.org/download/ESP32_GENERIC/" in line
    contents = official_image().read_bytes()
    assert esp32.flash[0x1000 : 0x1000 + len(contents)] == contents


def test_without_an_image_it_says_which_one_and_where(esp32):
    line = stderr_line(flash(esp32.port))
    assert line.startswith("FIRMWARE is missing; this board is ESP32-D0WD")
    assert "ESP32_GENERIC from https://micropython.org/download/ESP32_GENERIC/" in line
    assert "SPIRAM" in line and line.endswith("make flash FIRMWARE=file.bin")


def test_a_file_that_is_no_image_is_refused_before_the_port_is_opened(tmp_path):
    path = tmp_path / "page.bin"
    path.write_text("<html>")
    line = stderr_line(flash("/dev/ttyUSB99", "--firmware", str(path)))
    assert "page.bin is not an image to flash: a web page" in line


def test_a_port_that_is_not_there_is_refused():
    line = stderr_line(flash("/dev/ttyUSB99", "--firmware", str(official_image())))
    assert line.startswith("/dev/ttyUSB99 is not there; plug the board in")


def test_a_chip_that_does_not_answer_is_told_about_the_boot_button():
    with SerialBoard() as board:
        line = stderr_line(flash(board.port, "--firmware", str(official_image())))
    assert "does not answer; hold BOOT, press and release RESET (EN)" in line


def test_a_cable_that_is_pulled_while_writing_is_one_line(tmp_path):
    with Esp32Board(tmp_path, cut_at=300_000) as board:
        line = stderr_line(flash(board.port, "--firmware", str(official_image())))
    assert "flashing has failed (" in line
    assert line.endswith("check the cable, and try again with make flash BAUD=115200")


def test_micropython_that_does_not_answer_afterwards_is_told_about_reset(monkeypatch):
    monkeypatch.setattr("tools.commands.flash._REPL_LIMIT_S", 0.5)
    with SerialBoard() as board, pytest.raises(CommandError, match=r"press RESET \(EN\) on the"):
        wait_repl(board.port)


class Loader:
    """What esptool connects to, as far as resets and speeds go."""

    reset_count = 0

    def __init__(self):
        self.speeds: list[int] = []
        self.change_baud = self.speeds.append

    def __enter__(self):
        return self

    def __exit__(self, *_):
        assert self.reset_count == 1

    def hard_reset(self):
        self.reset_count += 1


@pytest.mark.parametrize(
    ("baud", "changed"), [(460800, [460800]), (57600, [57600]), (115200, []), (0, [])]
)
def test_it_is_written_at_the_speed_that_was_asked_for(monkeypatch, baud, changed):
    loader = Loader()
    monkeypatch.setattr("esptool.write_flash", lambda *_, **__: None)
    _write(loader, Image("ESP32", 0x1000, MB, b""), baud)
    assert loader.speeds == changed


def test_the_board_starts_anew_also_when_something_is_refused(monkeypatch):
    loader = Loader()
    monkeypatch.setattr("esptool.detect_chip", lambda *_, **__: loader)
    with pytest.raises(CommandError), connect("/dev/ttyUSB0"):
        raise CommandError("the wrong image")
    assert loader.reset_count == 1


@pytest.mark.parametrize(
    "error",
    [FatalError("Timed out.\nMore."), OSError(5, "I/O"), termios.error(5, "I/O")],
    ids=["chip", "system", "terminal"],
)
def test_a_chip_that_falls_silent_is_one_line(monkeypatch, error):
    monkeypatch.setattr("esptool.detect_chip", lambda *_, **__: Loader())
    with pytest.raises(CommandError) as raised, connect("/dev/ttyUSB0"):
        raise error
    line = str(raised.value)
    assert line.startswith("/dev/ttyUSB0: the chip has fallen silent (") and "\n" not in line


def test_a_port_that_goes_while_the_chip_is_looked_for_is_one_line(monkeypatch):
    def detect_chip(*_, **__):
        raise termios.error(5, "Input/output error")

    monkeypatch.setattr("esptool.detect_chip", detect_chip)
    with pytest.raises(CommandError, match="does not open.*; unplug the board, plug it in"):
        connect("/dev/ttyUSB0").__enter__()


def test_a_speed_that_is_none_is_refused_before_the_port_is_opened():
    for baud in ("fast", "0", "-1", "9999999999", "²"):
        line = stderr_line(flash("/dev/ttyUSB99", "--firmware", "x.bin", f"--baud={baud}"))
        assert line == f"BAUD={baud}: bit/s, as 460800 or 115200"


def test_a_flash_that_is_too_small_is_refused():
    firmware = Image("ESP32-S3", 0, 8 * MB, b"")
    with pytest.raises(CommandError, match="needs 8 MB of flash, the board has 4 MB"):
        plan(firmware, Chip("ESP32-S3", "", ()), 4 * MB)
    assert plan(firmware, Chip("ESP32-S3", "", ()), 8 * MB)
    assert plan(firmware, Chip("ESP32-S3", "", ()), None)


@pytest.mark.parametrize(
    "chip, features, text",
    [
        ("ESP32", ("Embedded PSRAM",), "its variant SPIRAM, because"),
        ("ESP32-S3", ("Wi-Fi", "Embedded PSRAM 8MB (AP_3v3)"), "its variant SPIRAM_OCT, because"),
        ("ESP32-P4", (), "C6_WIFI"),
        ("ESP32-H2", (), "no Wi-Fi"),
        ("ESP32-C61", (), "https://micropython.org/download/?port=esp32"),
    ],
)
def test_the_variant_for_what_the_chip_has_is_named(chip, features, text):
    with pytest.raises(CommandError, match="the board is") as error:
        plan(Image("ESP32-C3", 0, 4 * MB, b""), Chip(chip, "", features), 4 * MB)
    assert text in str(error.value)
