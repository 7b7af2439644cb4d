"""Ports for the unit tests, on both interpreters and in several processes at a time."""

import os
import socket


def bind_free(sock):
    """Binds `sock` to a port of 127.0.0.1 that nobody else has, which it returns.

    Port 0 would do, but MicroPython does not tell which one it has become.
    """
    port = 20000 + int.from_bytes(os.urandom(2), "little") % 10000
    while True:
        try:
            sock.bind(socket.getaddrinfo("127.0.0.1", port)[0][-1])
            return port
        except OSError:  # it is taken
            port += 1


def find_free():
    """A TCP port of 127.0.0.1 that is free now."""
    sock = socket.socket()
    try:
        return bind_free(sock)
    finally:
        sock.close()
