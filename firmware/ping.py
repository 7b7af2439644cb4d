"""Asks a host for a sign of life; loaded when it is asked for.

An echo request (RFC 792) over a raw socket, which MicroPython for ESP32 has: nearly every gateway
answers it, and it needs no port that is open.  lwIP hands the reply on with its IP header.
"""

import asyncio
import socket

from micropython import const

_ICMP = const(1)
_HEADER_LEN = const(20)
_ECHO = b"\x08\x00\x8f\xcb\x68\x33\x00\x01"  # with its checksum, an identifier, a number
_REPLY = b"\x00\x00\x97\xcb\x68\x33\x00\x01"
_MAX_LEN = const(64)
_TURN_MS = const(50)
_TURNS = const(40)


async def ping(
    address: str, make_socket: "Function" = socket.socket, turn_ms: int = _TURN_MS
) -> bool | None:
    """Whether the host at `address` answers within two seconds; None if it can't be asked."""
    try:
        sock = make_socket(socket.AF_INET, socket.SOCK_RAW, _ICMP)
    except OSError:
        return None
    try:
        sock.setblocking(False)
        sock.sendto(_ECHO, socket.getaddrinfo(address, 0)[0][-1])
        for _ in range(_TURNS):
            await asyncio.sleep_ms(turn_ms)
            try:
                if sock.recv(_MAX_LEN)[_HEADER_LEN:] == _REPLY:
                    return True
            except OSError:
                pass  # nothing yet
        return False
    except OSError:
        return None
    finally:
        sock.close()
