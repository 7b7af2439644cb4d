"""`make run`, as somebody at a terminal has it: its lines, its server, and how it is ended."""

import json
import os
import signal
import subprocess
import sys

from host_tests.blackbox.board import RemoteBoard
from host_tests.ports import reserve_port
from host_tests.waiting import wait_for
from tools.checkout import ROOT
from tools.simulator.lines import Lines

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
        super().__init__(f"127.0.0.1:{port or reserve_port()}")
        folder.mkdir(exist_ok=True)
        (folder / "main.py").write_text(main, encoding="utf-8")
        line = [*before, sys.executable, "-m", "tools", "run", "--runtime", runtime]
        line += ["--app", str(folder), "--port", str(self.port), *options]
        if config is not None:
            (folder / "settings.json").write_text(json.dumps(config))
            line += ["--config", str(folder / "settings.json")]
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
        self.lines = Lines(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.is_left():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(_WAIT_S)
        self.lines.join(_WAIT_S)
        self.process.stdin.close()
        self.process.stdout.close()

    def wait_line(self, text: str, start: int = 0) -> str:
        """The first line from `start` that contains `text`; waits for it."""
        return self.lines[self.lines.wait(text, start, _WAIT_S)]

    def wait_up(self):
        self.wait_line("Registering URI handlers")
        return self

    def wait_end(self) -> int:
        """Its exit status, when it has ended by itself."""
        status = self.process.wait(_WAIT_S)
        self.lines.join(_WAIT_S)
        return status

    def wait_gone(self):
        """Returns when nothing of it is left, which takes five seconds at most."""
        wait_for(lambda: not self.is_left(), _END_S)

    def is_left(self) -> bool:
        self.process.poll()
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
