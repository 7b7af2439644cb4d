"""uhttp-server, with `/quick`.  Argument: port.

MicroPython for Unix has no `select.select` and no addresses as tuples, which a board has: they are
made here, in Python.
"""

import os
import select
import socket
import sys

import uhttp.server


class Listener:
    """A listening socket, whose addresses are tuples."""

    def __init__(self):
        self.sock = sock = socket.socket()
        self.setsockopt = sock.setsockopt
        self.listen = sock.listen

    def bind(self, address):
        self.sock.bind(socket.getaddrinfo(*address)[0][-1])

    def accept(self):
        return self.sock.accept()[0], ("127.0.0.1", 0)


class Sockets:
    """The module."""

    SOCK_STREAM = socket.SOCK_STREAM
    SOL_SOCKET = socket.SOL_SOCKET
    SO_REUSEADDR = socket.SO_REUSEADDR
    IPPROTO_TCP = 6
    TCP_NODELAY = 1
    socket = Listener


class Select:
    """The module.  What is watched stays registered from one call to the next."""

    def __init__(self):
        self._poller = select.poll()
        self._masks = {}

    def select(self, readable, writable, exceptional, timeout):
        masks = {}
        for each in readable:
            masks[each] = select.POLLIN
        for each in writable:
            masks[each] = masks.get(each, 0) | select.POLLOUT
        if masks != self._masks:
            self._watch(masks)
        by_sock = {id(self._sock_of(each)): each for each in masks}
        read, write = [], []
        for sock, events in self._poller.ipoll(int(timeout * 1000)):
            if events & ~select.POLLOUT:
                read.append(by_sock[id(sock)])
            if events & select.POLLOUT:
                write.append(by_sock[id(sock)])
        return read, write, []

    def _watch(self, masks):
        self._poller = select.poll()
        for each, mask in masks.items():
            self._poller.register(self._sock_of(each), mask)
        self._masks = masks

    def _sock_of(self, each):
        return each.sock if isinstance(each, Listener) else each


uhttp.server._socket = Sockets
uhttp.server._select = Select()
server = uhttp.server.HttpServer("127.0.0.1", int(sys.argv[2]))
while True:
    client = server.wait()
    if client:
        if client.path == "/quick":
            text = "random: %d\n" % int.from_bytes(os.urandom(4), "little")
            client.respond(text, headers={"content-type": "text/plain"})
        else:
            client.respond("not found", status=404)
