"""Ports for what a test starts."""

import atexit
import collections
import socket

from tools.simulator.harness import LOCALHOST

_HELD = 64  # more than a test needs, or the tests of a file that share a board
_held: collections.deque[socket.socket] = collections.deque()


@atexit.register
def _release() -> None:
    for sock in _held:
        sock.close()


def reserve_port() -> int:
    """A TCP port of this computer where nobody listens, and that nobody else is given meanwhile.

    A socket holds it that is bound and does not listen: Linux then gives the port to no other
    process that asks for one, refuses whoever connects, and lets a server listen that sets
    SO_REUSEADDR, as they all do.
    """
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((LOCALHOST, 0))
    _held.append(sock)
    if len(_held) > _HELD:
        _held.popleft().close()
    return int(sock.getsockname()[1])
