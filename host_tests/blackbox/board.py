"""A board to test: a process on this computer, or an address where one answers."""

import contextlib
import errno
import itertools
import json
import os
import random
import resource
import subprocess
import time

from host_tests.blackbox import deployed
from host_tests.blackbox.client import Client
from host_tests.ports import reserve_port
from host_tests.waiting import wait_for
from tools.simulator import harness
from tools.simulator.flash import Flash
from tools.simulator.lines import Lines
from tools.version import build

_START_S = 20
_WAIT_S = 10
_SOURCE_PORTS = range(10000, 20000)  # Linux and other tests choose higher ones


def _count_ports():
    start = random.randrange(len(_SOURCE_PORTS))
    return itertools.cycle([*_SOURCE_PORTS[start:], *_SOURCE_PORTS[:start]])


class RemoteBoard:
    """A server that runs already: it can be asked, not controlled.

    It is taken for a board.  That has twelve TCP connections, those among them whose one end is
    closed, and six on its queue; a SYN beyond that is dropped, and comes again after 1, 2, 4 s, or
    through an emulator's network after 6 and 12.

    A connection that the board has closed first stays in TIME-WAIT there for two minutes; a SYN
    from the same port gets an ACK meanwhile, and no more.  So each client of all tests has a port
    of its own.  Not on this computer, where the tests of some minutes would have used them all.

    patience_s  for an answer, if a SYN is dropped more than once
    slack_s     how much later something may be, because one packet was lost
    quick_s     for most quick requests
    crowd       clients at a time without a SYN that is dropped
    """

    patience_s = 60
    slack_s = 7
    quick_s = 0.3
    crowd = 10
    _ports = _count_ports()

    def __init__(self, target: str):
        host, _, port = target.partition(":")
        self.host, self.port = host, int(port or 80)
        self.max_open_sockets = 7
        self._is_here = self.host in ("127.0.0.1", "localhost")

    def connect(self, timeout_s: float = 0) -> Client:
        timeout_s = timeout_s or self.patience_s
        if self._is_here:
            return Client(self.host, self.port, timeout_s)
        while True:
            try:
                return Client(self.host, self.port, timeout_s, next(self._ports))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise

    def get(self, path: str):
        """The response to one GET on a connection of its own."""
        with self.connect() as client:
            return client.request("GET", path)

    def wait_alone(self):
        """Returns when no client of other tests is left, or some client stays that is not theirs.

        A board whose `/status.json` is not to be had does not tell: then at once.
        """
        with contextlib.suppress(AssertionError):
            wait_for(self._is_alone, 3 + self.slack_s)

    def _is_alone(self) -> bool:
        response = self.get("/status.json")
        if response.status == 503:
            return False
        return response.status != 200 or json.loads(response.body)["sockets"]["open"] == 1

    def start_long(self, path: str = "/long") -> Client:
        """A connection with a `/long` on it whose first line was received.

        That is `first_line` of the client.  A client that has just gone may hold its worker for a
        moment yet: then it is tried again.
        """
        deadline = time.monotonic() + 3 + self.slack_s
        client = self.connect()
        while True:
            client.send("GET", path)
            response = client.begin()
            if response.status == 200:
                client.first_line = client.read_piece()
                assert client.first_line.startswith(b"<div>req: ")
                return client
            client.finish(response)
            assert response.status == 503 and time.monotonic() < deadline


class Board(RemoteBoard):
    """The firmware in a process of its own, with its console.

    server, demo, log   sections of the configuration
    limit_files   the number of file descriptors it may have
    main   the text of its main.py, if it is not that of the checkout
    app    or the path of one
    waits, port   whether to wait until it serves; where, if not on a free port
    """

    patience_s = 10
    slack_s = 0
    quick_s = 0.1
    crowd = 30

    def __init__(
        self,
        runtime,
        folder,
        limit_files=None,
        waits=True,
        port=None,
        main=None,
        app=None,
        **config,
    ):
        super().__init__("127.0.0.1:%d" % (port or reserve_port()))
        self.runtime = runtime
        server = config.get("server", {})
        self.max_open_sockets = server.get("max_open_sockets", self.max_open_sockets)
        harness.complete(config, str(self.port))
        self.flash = Flash(folder)
        sources = _sources(runtime, folder, main, app)
        version = self.flash.install(sources, config)
        self.process = harness.spawn(
            harness.command(runtime, self.flash, version, config, sources=sources),
            folder,
            (lambda: _limit_files(limit_files)) if limit_files else (lambda: None),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.lines = Lines(self.process)
        if waits:
            self.wait_line("Registering URI handlers", timeout_s=_START_S)
            self._sockets_at_start = self.count_sockets()

    def say(self, command: str):
        """A line on its standard input: down, up, quit, heap."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def wait_line(self, text: str, start: int = 0, timeout_s: float = _WAIT_S) -> int:
        """The number of the first line from `start` that contains `text`; waits for it."""
        return self.lines.wait(text, start, timeout_s)

    def count_lines(self, text: str) -> int:
        return sum(text in line for line in self.lines)

    def drop_link(self):
        """Returns when the server has stopped."""
        mark = len(self.lines)
        self.say("down")
        self.wait_line("Stopping webserver", mark)
        self.heap_in_use()  # is answered by the task that has stopped it

    def restore_link(self):
        mark = len(self.lines)
        self.say("up")
        self.wait_line("Registering URI handlers", mark)

    def wait_closed(self):
        """Returns when it has closed every connection."""
        deadline = time.monotonic() + _WAIT_S
        while self.count_sockets() > self._sockets_at_start:
            assert time.monotonic() < deadline, "connections stay open"
            self.heap_in_use()  # a turn of its loop

    def heap_in_use(self) -> int:
        mark = len(self.lines)
        self.say("heap")
        return int(self.lines[self.wait_line("heap in use:", mark)].split()[-1])

    def heap_level(self) -> int:
        """The least heap in use of several readings, each after it has served another crowd.

        The collector takes what looks like a pointer on the C stack for one, and MicroPython's
        loop leaves pointers to tasks that have ended in those that wait, as each connection's does
        until it is used again: so some block is found only when others have been at work.
        """
        readings = []
        self.wait_closed()
        for count in (*range(self.max_open_sockets, 0, -1), 1, 2, 1):
            self._serve_crowd(count)
            self.wait_closed()
            readings.append(self.heap_in_use())
        return min(readings)

    def _serve_crowd(self, count):
        """Answers a request on each of `count` connections at a time."""
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self.connect()) for _ in range(count)]
            for client in clients:  # one that is silent for long is closed
                client.send("GET", "/quick")
            for client in clients:
                assert client.receive().status == 200

    def count_sockets(self) -> int:
        folder = f"/proc/{self.process.pid}/fd"
        count = 0
        for fd in os.listdir(folder):
            try:
                count += os.readlink(f"{folder}/{fd}").startswith("socket:")
            except FileNotFoundError:
                pass  # closed in the meantime
        return count

    def count_files(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_s(self) -> float:
        """Processor time it has used so far."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> int:
        """Ends it; its exit status."""
        if self.process.poll() is None:
            self.say("quit")
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.lines.join(_WAIT_S)
        self.process.stdin.close()
        self.process.stdout.close()
        return status


def _sources(runtime, folder, main, app):
    """What goes onto the flash of a board, with a main.py of its own if there is one."""
    if main is not None:
        app = folder / "main.py"
        app.write_text(main)
    if app:
        return harness.sources(runtime, app)
    if runtime == "cpython":
        return harness.sources(runtime)
    return build.files(deployed.folder())


def _limit_files(count):
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
