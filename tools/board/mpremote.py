"""Runs code on a board and sends files to it, through mpremote's transport on an open console."""

import contextlib
import errno
import io
import re
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from tools.board import ports
from tools.board.console import Console
from tools.terminal import CommandError

_SCRIPTS = Path(__file__).parents[1] / "version" / "scripts"
_START_S = 60.0  # for the board's interpreter to start afresh, its boot.py included
_BOOT_S = 10.0  # for a boot.py
_CTRL_C = b"\x03"
_SILENCE_S = 90.0  # what the board does prints a line more often, however slow it is
# No filesystem, one that is damaged, or a flash that does not keep what is written.
_BROKEN_FLASH = re.compile(r"\b(ENODEV|EIO|EILSEQ|OSError: 84)\b")
_ITEMS_AT_A_TIME = 8  # of a list that is sent: its source is on the board's heap


class _Line:
    """A console with the names of pyserial that mpremote's transport uses."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.on_turn: Callable[[], None] = lambda: None

    def inWaiting(self) -> int:
        self.on_turn()
        return self._console.count_waiting()

    def read(self, size: int) -> bytes:
        """`size` bytes; fewer if the board is silent."""
        received = b""
        end = time.monotonic() + _SILENCE_S
        while len(received) < size and time.monotonic() < end:
            received += self._console.read(size - len(received))
        return received

    def write(self, block: bytes) -> None:
        self._console.write(block)


class _Transport(SerialTransport):
    """mpremote's own, but on a port that is open."""

    def __init__(self, line: _Line) -> None:
        self.in_raw_repl = False
        self.use_raw_paste = True
        self.mounted = False
        self.is_pty = False
        self.serial = line

    def read_until(self, *args: Any, timeout: float = _SILENCE_S, **options: Any) -> bytes:
        return super().read_until(*args, timeout=timeout, **options)

    def follow(self, timeout: float, data_consumer: Any = None) -> Any:
        """mpremote grants ten seconds for a piece of a file; a flash that is full of versions may
        take longer to find a free block."""
        return super().follow(max(timeout, _SILENCE_S), data_consumer)


class Remote:
    """A board that waits at its prompt.

    what_holds  what is true of the board if something fails, for the error
    Whatever fails is a CommandError, in one line.
    """

    def __init__(self, console: Console, what_holds: str = "the board has not changed") -> None:
        self._port = console.port
        self._line = _Line(console)
        self._transport = _Transport(self._line)
        self._what_holds = what_holds

    def start_afresh(self, on_turn: Callable[[], None] = lambda: None) -> None:
        """Restarts the interpreter, for an empty heap; main.py does not run.

        A boot.py that takes longer, as one that waits for a network, is interrupted.
        """
        due = time.monotonic() + _BOOT_S

        def interrupt() -> None:
            nonlocal due
            on_turn()
            if time.monotonic() > due:
                due += _BOOT_S
                self._line.write(_CTRL_C)

        with self._failures(), self._turns(interrupt):
            self._transport.enter_raw_repl(timeout_overall=_START_S)

    def run(self, programs: Sequence[str], on_turn: Callable[[], None] = lambda: None) -> list[str]:
        """Runs programs one after the other; the lines that they print."""
        printed = bytearray()
        with self._failures(), self._turns(on_turn):
            self._enter()
            for each in programs:
                _, failure = self._transport.exec_raw(each, _SILENCE_S, printed.extend)
                if failure:
                    raise TransportExecError(1, failure.decode("utf-8", "replace"))
        text = printed.replace(b"\x04", b"").decode("utf-8", "replace")
        return text.replace("\r\n", "\n").splitlines()

    def send(self, source: Path, path: str, on_progress: Callable[[int], None]) -> None:
        """Copies a file to `path`; `on_progress` is called with how many bytes are there."""
        content = source.read_bytes()
        with self._failures(path):
            self._enter()
            self._transport.fs_writefile(
                path, content, progress_callback=lambda done, _: on_progress(done)
            )

    def read(self, path: str) -> bytes:
        """The content of a file on the board."""
        with self._failures(path):
            self._enter()
            return bytes(self._transport.fs_readfile(path))

    def _enter(self) -> None:
        if not self._transport.in_raw_repl:
            self._transport.enter_raw_repl(soft_reset=False)

    @contextlib.contextmanager
    def _turns(self, on_turn: Callable[[], None]) -> Iterator[None]:
        self._line.on_turn = on_turn
        try:
            yield
        finally:
            self._line.on_turn = lambda: None

    @contextlib.contextmanager
    def _failures(self, path: str = "") -> Iterator[None]:
        """Makes one line of what fails, with a file at `path`; mpremote prints what it did not
        understand."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        except (TransportError, struct.error, OSError, ValueError, SyntaxError) as error:
            raise self._as_command_error(error, path)

    def _as_command_error(self, error: Exception, path: str) -> CommandError:
        text = error.error_output if isinstance(error, TransportExecError) else str(error)
        if getattr(error, "errno", 0) == errno.ENOSPC or re.search("ENOSPC|OSError: 28", text):
            return CommandError(f"The board's flash is full; {self._again()} with fewer files")
        if isinstance(error, TransportExecError):
            last = (text.strip() or "nothing").splitlines()[-1]
            return self._failed(last)
        if path and isinstance(error, OSError) and error.strerror == path:
            # So mpremote tells what the board's filesystem has raised.
            return self._failed(f"{path}: {errno.errorcode.get(error.errno or 0, error.errno)}")
        if "could not enter raw repl" in text:
            return CommandError(f"{self._port}: the board does not answer; press its reset button")
        if not isinstance(error, OSError):
            return CommandError(f"{self._port}: the board has stopped answering; {self._again()}")
        ports.check(self._port)
        return CommandError(f"{self._port}: the line to the board broke; {self._again()}")

    def _failed(self, why: str) -> CommandError:
        remedy = self._again()
        if _BROKEN_FLASH.search(why):
            remedy = "its flash is damaged or has no filesystem; make flash begins anew"
        return CommandError(f"{self._port}: the board failed: {why}; {remedy}")

    def _again(self) -> str:
        return f"{self._what_holds}; plug it in and try again"


def script(*names: str, **variables: str | Sequence[object]) -> list[str]:
    """The programs that are scripts of version/scripts/, with values for their capital names."""
    programs: list[str] = []
    for key, value in variables.items():
        if isinstance(value, str):
            programs.append(f"{key} = {value!r}")
            continue
        programs.append(f"{key} = []")
        for start in range(0, len(value), _ITEMS_AT_A_TIME):
            programs.append(f"{key} += {value[start : start + _ITEMS_AT_A_TIME]!r}")
    return programs + [(_SCRIPTS / f"{each}.py").read_text("utf-8") for each in ("files", *names)]
