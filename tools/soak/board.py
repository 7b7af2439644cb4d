"""The server that is soaked: `make run` in a process of its own, or an address."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from tools import target
from tools.checkout import ROOT
from tools.simulator import harness
from tools.simulator.lines import Lines
from tools.terminal import CommandError

_START_S = 30
_ANSWER_S = 10
_QUIET_S = 0.05
_READINGS = 8
# In a line of the log they tell of something that must not happen, whatever clients do.  A request
# for which there is no memory is none of these: it gets 503.
_FAULTS = ("Traceback", "lost exception", "does not end", "restarting", "starting again")


class Address:
    """A board in the network: there is no console, and its link is its own."""

    has_console = False

    def __init__(self, host: str) -> None:
        target.check(host)
        self.host, self.port = target.parse(host)

    def read_status(self) -> dict[str, Any] | None:
        """What /status.json tells; None if it does not."""
        try:
            url = f"http://{self.host}:{self.port}/status.json"
            with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:
                return dict(json.load(answer))
        except (OSError, ValueError):
            return None

    def lose_link(self, seconds: float) -> None:
        raise NotImplementedError

    def read_heap(self) -> int | None:
        """Bytes in use after a collection; None if there is no telling."""
        return None

    def faults(self) -> list[str]:
        """Lines of its log that must not be there."""
        return []

    def stop(self) -> None:
        pass


class Simulated(Address):
    """`make run`."""

    has_console = True

    def __init__(self, runtime: str) -> None:
        self.host, self.port = harness.LOCALHOST, harness.find_port()
        line = [sys.executable, "-m", "tools", "run", "--runtime", runtime]
        self._process = subprocess.Popen(
            [*line, "--port", str(self.port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._lines = Lines(self._process)
        try:
            self._lines.wait("Registering URI handlers", 0, _START_S)
        except TimeoutError:
            self.stop()
            raise CommandError("\n".join(["it does not start:", *self._lines[-5:]]))

    def lose_link(self, seconds: float) -> None:
        """The link goes, and comes back."""
        self._type("down", "Stopping webserver")
        time.sleep(seconds)
        self._type("up", "Registering URI handlers")

    def read_heap(self) -> int | None:
        """The least of several readings, with a request before each.

        What lies on the C stack may look like a pointer to a block until it looks different.
        """
        readings = []
        for _ in range(_READINGS):
            self.read_status()
            line = self._type("heap", "heap in use:")
            if line:
                readings.append(int(line.split()[-1]))
            time.sleep(_QUIET_S)
        return min(readings, default=None)

    def faults(self) -> list[str]:
        found = [line for line in self._lines if any(fault in line for fault in _FAULTS)]
        if self._process.poll() is not None:
            found.append(f"the board has ended with status {self._process.returncode}")
        return found

    def stop(self) -> None:
        try:
            self._process.communicate("quit\n", _ANSWER_S)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def _type(self, text: str, expected: str) -> str:
        """Types a line; the line that answers, "" if none comes: `faults` tells if it has ended."""
        assert self._process.stdin
        start = len(self._lines)
        try:
            self._process.stdin.write(f"{text}\n")
            self._process.stdin.flush()
            return self._lines[self._lines.wait(expected, start, _ANSWER_S)]
        except OSError:  # TimeoutError is one
            return ""
