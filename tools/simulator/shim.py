"""Gives CPython the names of MicroPython that the firmware uses.

The firmware is written for MicroPython and the host adapts to it.  `install()` is called once,
before anything of `firmware/` is imported.
"""

import asyncio
import gc
import selectors
import socket
import sys
import time
import traceback
from typing import TextIO

from tools.simulator import micropython, uctypes

_BOOT_NS = time.monotonic_ns()
_TICKS_PERIOD = 1 << 30  # as on the board, so that a test can cross it
_OLD_NAMES = ("asyncio", "binascii", "collections", "errno", "hashlib", "io", "json", "os")
_OLD_NAMES += ("random", "re", "select", "socket", "struct", "sys", "time")


class Socket(socket.socket):
    """CPython's, which is no stream."""

    def readinto(self, buffer: memoryview, limit: int) -> int | None:
        try:
            return self.recv_into(buffer, min(limit, len(buffer)))
        except BlockingIOError:
            return None


class Stream:
    """MicroPython's `asyncio.Stream` over a non-blocking socket: its names, its semantics."""

    def __init__(self, s: socket.socket, e: dict[str, object] | None = None) -> None:
        self.s = s
        self.e = e or {}
        self.out_buf = b""

    def get_extra_info(self, name: str) -> object:
        return self.e[name]

    async def read(self, n: int = -1) -> bytes:
        received = b""
        while True:
            await self._wait_ready(reading=True)
            if n == 0:
                return b""
            try:
                block = self.s.recv(n if n > 0 else 4096)
            except BlockingIOError:
                continue
            if n > 0 or not block:
                return received + block
            received += block

    async def readexactly(self, n: int) -> bytes:
        received = b""
        while len(received) < n:
            block = await self.read(n - len(received))
            if not block:
                raise EOFError
            received += block
        return received

    async def readline(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            octet = await self.read(1)
            if not octet:
                break
            line += octet
        return line

    def write(self, data: bytes) -> None:
        if not self.out_buf:
            data = data[self._send(data) :]
        self.out_buf += data

    async def drain(self) -> None:
        if not self.out_buf:
            await asyncio.sleep(0)
        while self.out_buf:
            await self._wait_ready(reading=False)
            self.out_buf = self.out_buf[self._send(self.out_buf) :]

    async def awrite(self, data: bytes) -> None:
        self.write(data)
        await self.drain()

    def close(self) -> None:
        pass

    async def wait_closed(self) -> None:
        self.s.close()

    aclose = wait_closed

    def _send(self, data: bytes) -> int:
        try:
            return self.s.send(data)
        except BlockingIOError:
            return 0

    async def _wait_ready(self, reading: bool) -> None:
        loop = asyncio.get_running_loop()
        add, remove = (
            (loop.add_reader, loop.remove_reader)
            if reading
            else (loop.add_writer, loop.remove_writer)
        )
        fd = self.s.fileno()
        if fd < 0:
            raise OSError(9, "EBADF")
        ready = loop.create_future()
        add(fd, lambda: ready.done() or ready.set_result(None))
        try:
            await ready
        finally:
            remove(fd)


def install() -> None:
    if hasattr(time, "ticks_ms"):
        return
    sys.modules["micropython"] = micropython
    sys.modules["uctypes"] = uctypes
    for name in _OLD_NAMES:  # `ujson` for `json`
        sys.modules["u" + name] = __import__(name)
    time.ticks_ms = lambda: (time.monotonic_ns() - _BOOT_NS) // 1000000 % _TICKS_PERIOD
    time.ticks_add = lambda ticks, delta: (ticks + delta) % _TICKS_PERIOD
    time.ticks_diff = _ticks_diff
    time.ticks_us = lambda: time.monotonic_ns() // 1000 % _TICKS_PERIOD
    time.ticks_cpu = time.ticks_us
    time.sleep_ms = lambda ms: time.sleep(ms / 1000)
    time.sleep_us = lambda us: time.sleep(us / 1000000)
    asyncio.sleep_ms = lambda ms: asyncio.sleep(ms / 1000)
    socket.socket = Socket  # that of `accept`, too
    asyncio.StreamReader = asyncio.StreamWriter = Stream
    asyncio.new_event_loop = lambda: None  # that of `asyncio.run` has gone by itself
    gc.mem_alloc = lambda: len(gc.get_objects())  # not bytes, but it grows when something leaks
    gc.mem_free = lambda: 1 << 16
    gc.threshold = _Threshold()
    sys.print_exception = _print_exception
    if hasattr(selectors, "PollSelector"):
        # poll() knows every kind of file, /dev/null too, and needs no descriptor of its own.
        selectors.DefaultSelector = selectors.PollSelector
    if hasattr(asyncio, "WindowsSelectorEventLoopPolicy"):  # the other has no `add_reader`
        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())


class _Threshold:
    """`gc.threshold` keeps what it was told, as MicroPython's does; -1 before."""

    _length = -1

    def __call__(self, length: int | None = None) -> int | None:
        if length is None:
            return self._length
        self._length = length
        return None


def _ticks_diff(end: int, start: int) -> int:
    half = _TICKS_PERIOD // 2
    return (end - start + half) % _TICKS_PERIOD - half


def _print_exception(error: BaseException, file: TextIO | None = None) -> None:
    traceback.print_exception(error, file=file or sys.stdout)
