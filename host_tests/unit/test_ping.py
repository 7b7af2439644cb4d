import errno
import unittest

from firmware.ping import ping
from host_tests.unit.fakes import run_async

HEADER = b"\x45" + bytes(19)


class FakeRaw:
    """A raw socket, on which `received` comes, one a time; and what was sent."""

    def __init__(self, *received, error=None):
        self._received = list(received)
        self._error = error
        self.sent = b""
        self.is_closed = False

    def __call__(self, family, kind, protocol):
        self.protocol = protocol
        return self

    def setblocking(self, blocks):
        self.blocks = blocks

    def sendto(self, packet, address):
        if self._error:
            raise self._error
        self.sent = packet

    def recv(self, length):
        received = self._received.pop(0) if self._received else None
        if received is None:
            raise OSError(errno.EAGAIN)
        return HEADER + received

    def close(self):
        self.is_closed = True


def checksum(packet):
    total = sum(packet[at] << 8 | packet[at + 1] for at in range(0, len(packet), 2))
    return total % 0xFFFF


def reply_to(packet):
    """As a host sends it: type 0, and a checksum for that (RFC 792)."""
    rest = b"\0\0\0\0" + packet[4:]
    filled = 0xFFFF - checksum(rest)
    return b"\0\0" + bytes((filled >> 8, filled & 0xFF)) + packet[4:]


async def ask(sock):
    return await ping("127.0.0.1", sock, 0)


class TestPing(unittest.TestCase):
    @run_async
    async def test_what_is_sent_is_an_echo_request_with_its_checksum(self):
        sock = FakeRaw()
        await ask(sock)
        self.assertEqual(sock.sent[:2], b"\x08\0")
        self.assertEqual((checksum(sock.sent), sock.protocol, sock.blocks), (0, 1, False))

    @run_async
    async def test_the_reply_is_a_sign_of_life_among_others(self):
        sock = FakeRaw()
        await ask(sock)
        reply = reply_to(sock.sent)
        sock = FakeRaw(None, sock.sent, reply[:-1] + b"\x07", None, reply)
        self.assertTrue(await ask(sock))
        self.assertTrue(sock.is_closed)

    @run_async
    async def test_what_is_no_reply_to_it_is_none(self):
        sock = FakeRaw()
        self.assertIs(await ask(sock), False)
        self.assertTrue(sock.is_closed)
        again = FakeRaw(sock.sent, b"", b"\x03\x01" + bytes(40))  # the host can't be reached
        self.assertIs(await ask(again), False)

    @run_async
    async def test_what_can_not_be_asked_is_neither(self):
        def refuse(*args):
            raise OSError(errno.EACCES)

        self.assertIsNone(await ask(refuse))
        sock = FakeRaw(error=OSError(118))
        self.assertIsNone(await ask(sock))
        self.assertTrue(sock.is_closed)
