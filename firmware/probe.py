"""Whether the server answers a connection from the board itself; loaded for each question."""

import asyncio
import socket

from micropython import const

_TURN_MS = const(20)
# Answered by the server itself (RFC 9110, 9.3.7), and by no handler of the application.
_PROBE = b"OPTIONS * HTTP/1.0\r\n\r\n"


async def probe(
    health: "Health", address: str, port: int, timeout_s: float, has_clients: bool
) -> bool:
    """Whether it does; `health.has_connected` is noted.

    What can't be tried is no proof against it: without a socket its clients have them all, and a
    stack that has never made such a connection can't make one to itself.  But a server without a
    client, for which there is no socket, has an application that keeps them.
    """
    try:
        sock = socket.socket()
    except OSError:
        return has_clients
    try:
        return bool(await asyncio.wait_for(_ask(health, sock, address, port), timeout_s))
    except asyncio.TimeoutError:
        return not health.has_connected
    finally:
        sock.close()


async def _ask(health: "Health", sock: "Anything", address: str, port: int) -> bytes:
    """The beginning of the answer, b"" if the connection was closed instead."""
    sock.setblocking(False)
    try:
        sock.connect(socket.getaddrinfo(address, port)[0][-1])
    except OSError:
        pass  # it takes a moment
    await _until(sock.send, _PROBE)
    health.has_connected = True
    return await _until(sock.recv, 8)


async def _until(call: "Function", argument: object) -> "Anything":
    """What a socket's function returns as soon as it does not fail."""
    while True:
        try:
            return call(argument)
        except OSError:
            await asyncio.sleep_ms(_TURN_MS)
