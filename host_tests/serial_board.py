"""A board on a serial line, played on this computer, with flash, console and resets.

MicroPython for Unix is its processor (`board_console.py`), a file with a littlefs2 its flash, and a
TCP socket (`socket://`) or a pseudo-terminal its serial port.
"""

import array
import fcntl
import os
import selectors
import signal
import socket
import subprocess
import termios
import threading
import time
import tty
from pathlib import Path

import harness

FLASH_LEN = 1 << 20
_HEAP = "256k"  # the console itself is Python here
_HERE = Path(__file__).parent
_SOFT_RESETS = {3: "soft", 4: "raw"}  # as `board_console.py` leaves
_TURN_S = 0.02
_STUBBORN_S = 0.5
_CTRL_C = b"\x03"
_ROM = (
    b"ets Jul 29 2019 12:21:46\r\n\r\n"
    b"rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
    b"configsip: 0, SPIWP:0xee\r\nload:0x3fff0030,len:4892\r\nentry 0x400805d4\r\n"
)


def format_flash(path: Path, length: int = FLASH_LEN) -> Path:
    """Makes `path` an empty flash of `length` bytes."""
    path.write_bytes(b"\xff" * length)
    _run_littlefs("format", path)
    return path


def unpack_flash(path: Path, folder: Path) -> Path:
    """Copies what is in a flash into `folder`, which it makes."""
    folder.mkdir()
    _run_littlefs("unpack", path, folder)
    return folder


def _run_littlefs(*args):
    line = [*harness.micropython("4M"), str(_HERE / "littlefs.py"), *map(str, args)]
    subprocess.run(line, check=True, timeout=60)


class SerialBoard:
    """A board at the serial port `port`, running until `stop()`.

    flash      the file that is its flash, from `format_flash`; None for a board without MicroPython
    says       what it sends instead, again and again
    every_s    how often
    is_pty     whether its port is a pseudo-terminal
    hangs_up   whether a reset closes the line, as with a chip that is its own USB device
    """

    def __init__(
        self, flash: Path | None = None, says=b"", every_s=0.2, is_pty=False, hangs_up=False
    ):
        self._hangs_up = hangs_up
        self._flash = flash
        self._says = says
        self._every_s = every_s
        self._says_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._process: subprocess.Popen | None = None
        self._listener: socket.socket | None = None
        self._line: socket.socket | None = None
        self._master: int | None = None
        self._last = b""
        self._stubborn_at: float | None = None
        self._typed_since = 0  # bytes after the last Ctrl-C
        self._keyboard = os.pipe()  # outlives a soft reset, as a UART's buffer does
        self._bytes_to_cut: int | None = None
        self.is_cut = False
        self.console = b""  # all that it has sent
        self.byte_count = 0  # sent and received
        self.reset_count = 0
        os.set_blocking(self._keyboard[1], False)
        if is_pty:
            self._open_pty()
        else:
            self._listen()
        self._has_ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def cut_after(self, count: int):
        """Power and line are lost after `count` more bytes, sent or received."""
        self._bytes_to_cut = count

    def power_on(self):
        """After a cut: the line is back and the board starts."""
        self._bytes_to_cut = None
        self.is_cut = False

    def wait_text(self, text: bytes, start: int = 0, timeout_s: float = 20) -> int:
        """Where `text` begins in what it has sent after `start`; waits for it."""
        deadline = time.monotonic() + timeout_s
        while (found := self.console.find(text, start)) < 0:
            assert time.monotonic() < deadline, f"no {text!r} in {self.console[start:]!r}"
            time.sleep(_TURN_S)
        return found

    def press_reset(self):
        self._process.kill()

    def cut(self):
        """Loses power and line now."""
        self.cut_after(0)
        self._wait(lambda: self.is_cut)

    def wait_client(self):
        """Returns when somebody has opened its port, if that is a socket."""
        self._wait(lambda: self._line)

    def stop(self):
        self._has_ended = True
        self._thread.join(10)
        self._kill()
        self._hang_up()
        self._selector.close()
        for end in self._keyboard:
            os.close(end)
        if self._listener:
            self._listener.close()
        if self._master is not None:
            os.close(self._master)
            os.close(self._slave)

    def _wait(self, has_come):
        deadline = time.monotonic() + 20
        while not has_come():
            assert time.monotonic() < deadline
            time.sleep(_TURN_S)

    def _listen(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = "socket://127.0.0.1:%d" % self._listener.getsockname()[1]
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _open_pty(self):
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        os.set_blocking(self._master, False)
        self._selector.register(self._master, selectors.EVENT_READ, self._receive_pty)

    def _run(self):
        while not self._has_ended:
            for key, _ in self._selector.select(_TURN_S):
                key.data(key.fileobj)
            self._turn()

    def _turn(self):
        self._cut_if_due()
        if self.is_cut:
            return
        now = time.monotonic()
        if self._flash and self._process is None:
            self._send(_ROM)
            self._start("hard")
        elif not self._flash and self._says and now >= self._says_at:
            self._says_at = now + self._every_s
            self._send(self._says)
        if self._stubborn_at and now >= self._stubborn_at:
            self._stubborn_at = None
            if self._process and self._unread_len() > self._typed_since:
                # A program that never waits: the signal may strike anywhere, which is rare there.
                self._process.send_signal(signal.SIGINT)

    def _start(self, mode):
        self.reset_count += 1
        script, shims = str(_HERE / "board_console.py"), str(_HERE / "shims")
        self._process = subprocess.Popen(
            [*harness.micropython(_HEAP), script, str(self._flash), shims, mode],
            stdin=self._keyboard[0],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._selector.register(self._process.stdout, selectors.EVENT_READ, self._relay)

    def _relay(self, stdout):
        """What the processor sends; at its end, the next start."""
        block = os.read(stdout.fileno(), 4096)
        if block:
            self._send(self._cook(block))
            return
        status = self._end()
        if status in _SOFT_RESETS:
            self._start(_SOFT_RESETS[status])
        elif self._hangs_up:
            self._hang_up()

    def _cook(self, block):
        """A board ends its lines with CR LF."""
        text = (self._last + block).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        text = text[len(self._last.replace(b"\n", b"\r\n")) :]
        self._last = block[-1:]
        return text

    def _send(self, block):
        block = self._count(block)
        self.console += block
        try:
            if self._master is not None:
                os.write(self._master, block)
            elif self._line:
                self._line.sendall(block)
        except OSError:
            pass  # nobody listens
        self._cut_if_due()

    def _accept(self, listener):
        if self.is_cut:
            listener.accept()[0].close()
        else:
            self._selector.unregister(listener)  # the next client waits until this one has gone
            self._line = listener.accept()[0]
            self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._line.settimeout(10)
            self._selector.register(self._line, selectors.EVENT_READ, self._receive)

    def _receive(self, line):
        try:
            block = line.recv(4096)
        except OSError:
            block = b""
        if block:
            # pyserial leaves Nagle's algorithm on: it waits for this acknowledgement.
            if hasattr(socket, "TCP_QUICKACK"):
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            self._type(block)
        else:
            self._hang_up()

    def _receive_pty(self, master):
        try:
            self._type(os.read(master, 4096))
        except OSError:
            pass

    def _type(self, block):
        block = self._count(block)
        if self._process:
            try:
                os.write(self._keyboard[1], block)
            except OSError:
                pass  # full, as the board's own buffer may be
            self._typed_since += len(block)
            if _CTRL_C in block:
                self._stubborn_at = time.monotonic() + _STUBBORN_S
                self._typed_since = len(block) - block.rindex(_CTRL_C) - 1
        self._cut_if_due()

    def _unread_len(self):
        """Bytes that the processor has not taken."""
        count = array.array("i", [0])
        fcntl.ioctl(self._keyboard[0], termios.FIONREAD, count)
        return count[0]

    def _count(self, block):
        """What of `block` still goes over the line."""
        if self._bytes_to_cut is not None:
            block = block[: self._bytes_to_cut]
            self._bytes_to_cut -= len(block)
        self.byte_count += len(block)
        return block

    def _cut_if_due(self):
        if self._bytes_to_cut == 0 and not self.is_cut:
            self.is_cut = True
            self._kill()
            self._hang_up()

    def _kill(self):
        if self._process:
            self._process.kill()
            self._end()

    def _end(self) -> int:
        """The process has ended, or is about to; its status."""
        process, self._process = self._process, None
        self._selector.unregister(process.stdout)
        self._stubborn_at = None
        status = process.wait(10)
        process.stdout.close()
        if status not in _SOFT_RESETS and (unread := self._unread_len()):
            os.read(self._keyboard[0], unread)
        return status

    def _hang_up(self):
        if self._line:
            self._selector.unregister(self._line)
            self._line.close()
            self._line = None
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
