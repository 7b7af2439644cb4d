"""biplane, with `/quick`.  Argument: port.

It is written for CircuitPython: what MicroPython names otherwise is put in its place here.
"""

import errno
import os
import socket
import sys
import time

import biplane


class Clock:
    monotonic = staticmethod(time.time)


class Socket:
    """A client's, as CircuitPython has it."""

    def __init__(self, sock):
        self._sock = sock
        self.send = sock.send
        self.close = sock.close

    def recv_into(self, buffer, length):
        received = self._sock.readinto(buffer, length)
        if received is None:
            raise OSError(errno.EAGAIN)
        return received


class Listener:
    def __init__(self):
        self._sock = socket.socket()
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.setblocking = self._sock.setblocking
        self.listen = self._sock.listen

    def bind(self, address):
        self._sock.bind(socket.getaddrinfo(*address)[0][-1])

    def accept(self):
        sock, address = self._sock.accept()
        sock.setblocking(False)
        return Socket(sock), address


def say_nothing(*words):
    """It has no setting against its three lines a request."""


biplane.time = Clock
biplane.print = say_nothing
server = biplane.Server()


@server.route("/quick")
def quick(query_parameters, headers, body):
    return biplane.Response("random: %d\n" % int.from_bytes(os.urandom(4), "little"))


for _ in server.start(Listener(), ("127.0.0.1", int(sys.argv[2]))):
    pass
