"""A sender of responses over a played socket, and bodies for it."""

import asyncio
import unittest

from microdot.microdot import Response

from firmware.http1 import Head
from firmware.response import Sender
from firmware.slots import BUSY
from host_tests.unit.fakes import FakeLog, FakeMemory, FakeSocket, open_wire


class Pieces:
    """A body of these pieces, which never waits; an exception among them is raised.

    taken  how many were asked for
    """

    def __init__(self, *pieces):
        self._pieces = list(pieces)
        self.taken = 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        self.taken += 1
        if not self._pieces:
            raise StopAsyncIteration
        piece = self._pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        if isinstance(piece, asyncio.Event):
            await piece.wait()
            return ""
        return piece


class Sent(unittest.TestCase):
    def setUp(self):
        self.log = FakeLog()
        self.memory = FakeMemory()
        self.sender = Sender(self.memory, self.log, 5000)
        self.sock = FakeSocket()

    def wire(self):
        self.wire_ = open_wire(self.sock, BUSY)
        return self.wire_

    async def send(self, response, method="GET", version="1.1", keep_alive=True):
        """Whether the connection may go on."""
        if isinstance(response, Pieces):
            response = Response(response)
        text = "%s / HTTP/%s\r\nHost: x\r\n\r\n" % (method, version)
        sent = self.sender.send(self.wire(), Head(text.encode(), 100), response, keep_alive)
        return sent if isinstance(sent, bool) else await sent

    def fields(self):
        return self.sock.sent.split(b"\r\n\r\n", 1)[0].split(b"\r\n")

    def body(self):
        return self.sock.sent.split(b"\r\n\r\n", 1)[1]
