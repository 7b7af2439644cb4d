"""Sets the clock by an NTP server (RFC 5905, 14); loaded when it is asked to.

Nothing here blocks.  `getaddrinfo` would, for as long as no name server answers, and a thread for
it alone would keep 8.5 KB for ever: so the name is looked up here, too (RFC 1035).
"""

import asyncio
import os
import socket
import struct
import time

import machine
import network
from micropython import const

_DNS_PORT = const(53)
_NTP_PORT = const(123)
_TURN_MS = const(20)
_TURNS = const(100)  # for each of the two answers
_MAX_LEN = const(512)
_MAX_NAME_LEN = const(256)
_IS_CLIENT = b"\x23"  # version 4
_MODE = const(7)
_SERVER = const(4)
_UNKNOWN_LEAP = const(3)
_MAX_STRATUM = const(15)
_ERA_S = const(4294967296)
_UNIX_S = const(2208988800)  # from 1900, where NTP begins, to 1970
_BOARD_S = const(3155673600)  # and to 2000, where a board's clock begins


async def set_clock(host: str, log: "Log") -> bool:
    """Whether it could be set."""
    seconds = await ask(host, network.ipconfig("dns"))
    if seconds is None:
        return False
    now = time.gmtime(seconds)
    machine.RTC().datetime(now[:3] + (now[6],) + now[3:6] + (0,))
    log.info("the clock is set: %d-%02d-%02d %02d:%02d:%02d UTC", *now[:6])
    return True


async def ask(host: str, dns: str | None) -> int | None:
    """Seconds, as `time.time()` has them; None if there is no answer, or none to be believed.

    host  a name, or an address
    dns   address of the name server, or None
    """
    address = host
    if not host.replace(".", "").isdigit():
        if not dns:
            return None
        query = encode_query(host, os.urandom(2))
        address = find_address(await _exchange(dns, _DNS_PORT, query), query)
    if not address:
        return None
    sent = os.urandom(8)  # no clock to send: something that only an answer knows
    return read_time(await _exchange(address, _NTP_PORT, _IS_CLIENT + bytes(39) + sent), sent)


def encode_query(name: str, identifier: bytes) -> bytes:
    """What asks a name server for the IPv4 address of a name."""
    labels = b"".join([bytes((len(each),)) + each.encode() for each in name.split(".") if each])
    return identifier + b"\x01\0\0\x01\0\0\0\0\0\0" + labels + b"\0\0\x01\0\x01"


def find_address(answer: bytes, query: bytes) -> str:
    """The first IPv4 address in the answer of a name server, "" without one."""
    at = len(query)  # which the answer repeats
    if answer[:2] != query[:2] or answer[12:at] != query[12:]:
        return ""
    end = len(answer)
    answer += bytes(_MAX_NAME_LEN)  # where one that was cut has nothing
    while at < end:
        while 0 < answer[at] < 0xC0:  # a label; above that, the place of one
            at += answer[at] + 1
        at += 2 if answer[at] else 1
        kind, _, _, length = struct.unpack_from(">HHIH", answer, at)
        at += 10
        if kind == 1 and length == 4 and at + 4 <= end:
            return "%d.%d.%d.%d" % tuple(answer[at : at + 4])
        at += length
    return ""


def read_time(answer: bytes, sent: bytes) -> int | None:
    """Seconds in the answer of an NTP server to what had `sent` for its time; None if it is none.

    Not one of somebody else, nor of a server that does not know the time itself.
    """
    if len(answer) < 48 or answer[24:32] != sent or answer[0] & _MODE != _SERVER:
        return None
    if answer[0] >> 6 == _UNKNOWN_LEAP or not 1 <= answer[1] <= _MAX_STRATUM:
        return None
    seconds = struct.unpack_from(">I", answer, 40)[0]
    if seconds < _ERA_S // 2:  # since 2036
        seconds += _ERA_S
    return seconds - (_BOARD_S if time.gmtime(0)[0] == 2000 else _UNIX_S)


async def _exchange(address: str, port: int, packet: bytes) -> bytes:
    """The first answer to a datagram, b"" if none comes."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.connect(socket.getaddrinfo(address, port)[0][-1])  # who else sends is not heard
        sock.send(packet)
        for _ in range(_TURNS):
            await asyncio.sleep_ms(_TURN_MS)
            try:
                return sock.recv(_MAX_LEN)
            except OSError:
                pass  # nothing yet
    except OSError:
        pass  # no way there
    finally:
        sock.close()
    return b""
