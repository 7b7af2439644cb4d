"""The servers that are measured, each a process under MicroPython on a free port of this machine.

All run from compiled .mpy with the same heap.  What they print goes into a file, as to a console
that takes everything at once; with the probe, answers come through a pipe.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from tools.bench import peers
from tools.checkout import ROOT
from tools.simulator.harness import find_port
from tools.simulator.interpreter import die_with_parent, micropython
from tools.terminal import CommandError
from tools.version.build import build, compile_microdot, compile_module


class Kind(NamedTuple):
    """Of a server: its module in board/, an argument of it, its log level."""

    module: str
    argument: str = ""
    level: str = "warning"


_PAGE = "page.html"
_PAGE_LEN = 20 * 1024

KINDS = {
    "httpd32": Kind("serve_httpd32"),
    "info": Kind("serve_httpd32", level="info"),
    "microdot": Kind("serve_microdot"),
    "bare": Kind("serve_bare", "keep"),
    "bare_close": Kind("serve_bare", "close"),
    # With the routes of board/application.py.
    "application": Kind("serve_application", _PAGE),
    "microdot_application": Kind("serve_microdot", _PAGE),
    # Of PyPI.
    "biplane": Kind("serve_biplane"),
    "uhttp": Kind("serve_uhttp"),
}
HOST = "127.0.0.1"

_SCRIPTS = ROOT / "build" / "bench"
_WHOLE = _SCRIPTS / "whole"  # Microdot with its own server, which a board goes without
_APPLICATION = _SCRIPTS / "deployed"  # what a board has of it
_BOARD = Path(__file__).parent / "board"
_START_S = 60  # under valgrind it takes long
_POLL_S = 0.001


class Failure(CommandError):
    """A server or one of its clients does not do as it should; one line."""


def prepare() -> dict[str, str]:
    """Compiles everything; the MICROPYPATH from which each of `KINDS` runs."""
    board = build()
    build(board=_APPLICATION, main=_BOARD / "serve_application.py")
    _SCRIPTS.mkdir(parents=True, exist_ok=True)
    for source in sorted(_BOARD.glob("*.py")):
        compile_module(source, _SCRIPTS / f"{source.stem}.mpy")
    compile_microdot(_WHOLE)
    peers.fetch()
    peers.compile_into(_SCRIPTS)
    path = f"{board}:{board}/lib:.frozen:{_SCRIPTS}"
    paths = dict.fromkeys(KINDS, path)
    paths["microdot"] = paths["microdot_application"] = f"{_WHOLE}:{path}"
    paths["application"] = f"{_APPLICATION}:{_APPLICATION}/lib:.frozen:{_SCRIPTS}"
    return paths


class Server:
    """One of `KINDS`, running.

    heap      as MicroPython takes it: "192k"
    has_probe whether `ask` works
    prefix    a command that runs it: valgrind and the like
    settings  sections of httpd32's configuration, besides port and log level
    """

    def __init__(
        self,
        kind: str,
        path: str,
        heap: str,
        has_probe: bool = False,
        prefix: Sequence[str] = (),
        settings: dict[str, Any] | None = None,
    ) -> None:
        module, argument, level = KINDS[kind]
        self.kind = kind
        self.port = find_port()
        self.folder = Path(tempfile.mkdtemp(prefix="httpd32-bench-"))
        self._write_config(level, settings or {})
        words = [module, str(self.port), argument, "probe" if has_probe else ""]
        line = [*prefix, *micropython(heap), "-m", "serve", *words]
        self.started_s = time.monotonic()
        self.process = self._spawn(line, path, has_probe)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_ready(self) -> float:
        """Seconds from the start of the process to its first answer."""
        while time.monotonic() - self.started_s < _START_S:
            if self.process.poll() is not None:
                break
            try:
                fetch(self.port)
                return time.monotonic() - self.started_s
            except OSError:
                time.sleep(_POLL_S)
        raise Failure(f"{self.kind} does not start: {self.last_line()}")

    def ask(self, question: str) -> str:
        """The probe's answer."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(question.encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise Failure(f"{self.kind} has ended: {self.last_line()}")
        return answer.decode().strip()

    def cpu_s(self) -> float | None:
        """Processor time it has used so far; None where the system does not tell."""
        try:
            text = Path(f"/proc/{self.process.pid}/schedstat").read_text()
        except OSError:
            return None
        return int(text.split()[0]) / 1e9

    def end(self) -> int:
        """Ends it with a signal after which tools around it still report; its exit status."""
        os.killpg(self.process.pid, signal.SIGTERM)
        return self.process.wait(_START_S)

    def stop(self) -> None:
        """Ends it, whatever it does."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def console(self) -> str:
        """What it has printed, and tools around it."""
        return (self.folder / "console").read_text(errors="replace")

    def last_line(self) -> str:
        """The end of that, for a message."""
        return self.console().strip().split("\n")[-1] or f"exit status {self.process.poll()}"

    def _write_config(self, level: str, settings: dict[str, Any]) -> None:
        config = {
            "server": {"port": self.port, **settings.get("server", {})},
            "demo": settings.get("demo", {}),
            "log": {"level": level},
            "network": {"wifi": [{"ssid": "simulated", "password": ""}], "ntp_host": ""},
        }
        (self.folder / "config.json").write_text(json.dumps(config))
        (self.folder / _PAGE).write_bytes(bytes(_PAGE_LEN))

    def _spawn(self, line: list[str], path: str, has_probe: bool) -> subprocess.Popen[bytes]:
        with (self.folder / "console").open("wb") as console:
            return subprocess.Popen(
                line,
                cwd=self.folder,
                env={**os.environ, "MICROPYPATH": path},
                stdin=subprocess.PIPE if has_probe else subprocess.DEVNULL,
                stdout=subprocess.PIPE if has_probe else console,
                stderr=console,
                start_new_session=True,  # Ctrl-C is ours; valgrind's children end with it
                preexec_fn=die_with_parent,
            )


class Rack:
    """The servers of a run: each is started when it is first needed, and lives to the end."""

    def __init__(self, heap: str) -> None:
        self.heap = heap
        self._paths = prepare()
        self._stack = ExitStack()
        self._servers: dict[str, Server] = {}

    def __enter__(self) -> "Rack":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def get(self, kind: str) -> Server:
        """The one that is measured for throughput: nothing looks into it."""
        if kind not in self._servers:
            self._servers[kind] = self._stack.enter_context(self.start(kind))
            self._servers[kind].wait_ready()
        return self._servers[kind]

    def start(self, kind: str, **options: Any) -> Server:
        """A fresh one, for the caller to stop."""
        return Server(kind, self._paths[kind], options.pop("heap", self.heap), **options)


def fetch(port: int, timeout_s: float = 5, request: bytes = b"") -> bytes:
    """The response to one `/quick` on a connection of its own; OSError without one."""
    with socket.create_connection((HOST, port), timeout_s) as sock:
        sock.sendall(request or b"GET /quick HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
        received = b""
        while b"random: " not in received:
            block = sock.recv(4096)
            if not block:
                raise ConnectionError("no answer")
            received += block
        return received
