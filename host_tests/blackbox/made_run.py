"""`make run`, as somebody at a terminal has it: its lines, its server, and how it is ended."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

from host_tests.blackbox.board import RemoteBoard
from tools.checkout import ROOT
from tools.simulator import harness

_WAIT_S = 20
_END_S = 5.0  # for nothing of it to be left
START = """
from microdot import Microdot
from firmware import run
app = Microdot()

@app.get("/quick")
async def quick(request):
    return "quick"

@app.get("/hang")
async def hang(request):
    print("HANGS")
    while True:
        pass

"""
MAIN = f"{START}run(app)\n"


class MadeRun(RemoteBoard):
    """A run of an application in `folder`, which gets the text `main` as its main.py.

    options  of the command line
    before   words in front of it
    """

    def __init__(self, runtime, folder, main=MAIN, config=None, options=(), before=(), port=None):
        super().__init__(f"127.0.0.1:{port or harness.find_port()}")
        folder.mkdir(exist_ok=True)
        (folder / "main.py").write_text(main, encoding="utf-8")
        line = [*before, sys.executable, "-m", "tools", "run", "--runtime", runtime]
        line += ["--app", str(folder), "--port", str(self.port), *options]
        if config is not None:
            (folder / "settings.json").write_text(json.dumps(config))
            line += ["--config", str(folder / "settings.json")]
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            line,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # what is left of it is found by its group
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.is_left():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(_WAIT_S)
        self._reader.join(_WAIT_S)
        self.process.stdin.close()
        self.process.stdout.close()

    def wait_line(self, text: str, start: int = 0) -> str:
        """The first line from `start` that contains `text`; waits for it."""
        deadline = time.monotonic() + _WAIT_S
        while True:
            if found := [line for line in self.lines[start:] if text in line]:
                return found[0]
            assert time.monotonic() < deadline and self._reader.is_alive(), "\n".join(self.lines)
            time.sleep(0.01)

    def wait_up(self):
        self.wait_line("Registering URI handlers")
        return self

    def wait_end(self) -> int:
        """Its exit status, when it has ended by itself."""
        status = self.process.wait(_WAIT_S)
        self._reader.join(_WAIT_S)
        return status

    def has_gone(self) -> bool:
        """Whether nothing of it is left within five seconds."""
        deadline = time.monotonic() + _END_S
        while self.is_left() and time.monotonic() < deadline:
            self.process.poll()
            time.sleep(0.02)
        return not self.is_left()

    def is_left(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
            return True
        except ProcessLookupError:
            return False

    def hang(self):
        """A request makes its application busy for ever."""
        with self.connect() as client:
            client.send("GET", "/hang")
            self.wait_line("HANGS")

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
