"""Clients that are a burden, while others are served.  They stay until they are killed.

`python -m tools.bench.clients JSON` says `ready` when all have begun:

    stream     read `/long`, and are tried again until they get it
    hold       send half a head and then wait; when they are cut they are gone
    reconnect  the same, but come back 50 to 150 ms later
    poll       read `/status.json` once a second, on a connection that is kept
    pour       send bytes without a newline as fast as they are taken, and come back at once
"""

import json
import math
import random
import select
import socket
import sys
import time
from dataclasses import dataclass
from typing import NoReturn

_HALF = b"GET /quick HTTP/1.1\r\nHost: bench\r\nX-Slow: "
_LONG = b"GET /long HTTP/1.1\r\nHost: bench\r\n\r\n"
_STATUS = b"GET /status.json HTTP/1.1\r\nHost: bench\r\n\r\n"
_FLOOD = b"a" * 65536
_POLL_MS = 1
_POLL_S = 1
_RETURN_S = (0.05, 0.15)  # by chance, so that they don't come in step


@dataclass
class Burden:
    """`count` clients of one kind."""

    port: int
    kind: str
    count: int
    host: str = "127.0.0.1"


class _Client:
    """One of them; `first` is what it sends before it waits."""

    first = b""
    returns = False
    pause_s = (0.0, 0.0)  # before it does, from and to
    events = select.POLLIN

    def __init__(self, burden: Burden, poller: "select.poll") -> None:
        self._burden = burden
        self._poller = poller
        self.has_begun = False
        self.return_s = 0.0
        self.connect()

    def connect(self) -> None:
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.connect_ex((self._burden.host, self._burden.port))
        self._poller.register(self.sock, select.POLLOUT)

    def turn(self, now: float) -> None:
        """What the time asks for."""
        if self.is_due(now):
            self.connect()

    def step(self, events: int) -> None:
        try:
            if events & select.POLLOUT:
                self.write()
            else:
                self.read()
        except OSError:
            self.lose()

    def write(self) -> None:
        self.sock.send(self.first)
        self.has_begun = True
        self._poller.modify(self.sock, self.events)

    def read(self) -> None:
        if not self.sock.recv(65536):
            self.lose()

    def lose(self) -> None:
        """It was cut."""
        self._poller.unregister(self.sock)
        self.sock.close()
        self.has_begun = True
        pause_s = random.uniform(*self.pause_s) if self.returns else math.inf
        self.return_s = time.monotonic() + pause_s

    def is_due(self, now: float) -> bool:
        """Whether it is to come back now."""
        return self.sock.fileno() < 0 and self.return_s <= now


class Hold(_Client):
    first = _HALF


class Reconnect(_Client):
    first = _HALF
    returns = True
    pause_s = _RETURN_S


class Pour(_Client):
    first = _FLOOD
    returns = True
    events = select.POLLIN | select.POLLOUT


class Stream(_Client):
    """It has begun when the first line is there."""

    first = _LONG
    returns = True
    pause_s = _RETURN_S

    def write(self) -> None:
        self.sock.send(self.first)
        self._poller.modify(self.sock, self.events)

    def read(self) -> None:
        block = self.sock.recv(65536)
        if b"<div>req: " in block:
            self.has_begun = True
        elif not block or b" 503 " in block[:16]:
            self.lose()
            self.has_begun = False


class Poll(_Client):
    """It has begun when the first answer is there."""

    first = _STATUS
    returns = True

    def write(self) -> None:
        self.sock.send(self.first)
        self.ask_s = time.monotonic() + _POLL_S
        self._poller.modify(self.sock, self.events)

    def read(self) -> None:
        super().read()
        self.has_begun = True

    def turn(self, now: float) -> None:
        super().turn(now)
        if self.sock.fileno() >= 0 and self.has_begun and now >= self.ask_s:
            self.step(select.POLLOUT)


_KINDS = {"hold": Hold, "poll": Poll, "pour": Pour, "reconnect": Reconnect, "stream": Stream}


def run(burden: Burden) -> NoReturn:
    """Until it is killed."""
    random.seed(burden.kind)
    poller = select.poll()
    clients = [_KINDS[burden.kind](burden, poller) for _ in range(burden.count)]
    is_ready = False
    while True:
        now = time.monotonic()
        for each in clients:
            each.turn(now)
        by_fd = {each.sock.fileno(): each for each in clients}
        for fd, events in poller.poll(_POLL_MS):
            by_fd[fd].step(events)
        if not is_ready and all(each.has_begun for each in clients):
            is_ready = True
            print("ready", flush=True)


if __name__ == "__main__":
    run(Burden(**json.loads(sys.argv[1])))
