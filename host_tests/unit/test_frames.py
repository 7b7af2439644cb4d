import asyncio
import unittest

from microdot import Request, websocket
from microdot.websocket import WebSocket, WebSocketError

from firmware.frames import mend, unmask
from firmware.slots import BUSY
from firmware.sock import Sock
from host_tests.unit.fakes import FakeSocket, HeapTaken, open_wire
from host_tests.unit.sites import Owner

MASK = b"\x0fa\x00\xff"
TEXT = WebSocket.TEXT
BINARY = WebSocket.BINARY


def make_frame(opcode, payload):
    """As a client sends it."""
    length = len(payload)
    if length < 126:
        coded = bytes([0x80 | length])
    elif length < 65536:
        coded = b"\xfe" + length.to_bytes(2, "big")
    else:
        coded = b"\xff" + length.to_bytes(8, "big")
    masked = bytes(octet ^ MASK[at % 4] for at, octet in enumerate(payload))
    return bytes([0x80 | opcode]) + coded + MASK + masked


class Asked:
    """A request of which only the socket matters; its client closes after what it has sent."""

    def __init__(self, sent):
        sock = FakeSocket()
        sock.incoming = [sent[at : at + 1000] for at in range(0, len(sent), 1000)]
        sock.has_ended = True
        wire = open_wire(sock, BUSY)
        wire.slot.owner = Owner()
        self.sock = (Sock(wire),) * 2


class TestFrames(unittest.TestCase):
    def setUp(self):
        self._kept = WebSocket._read_frame
        mend(websocket)

    def tearDown(self):
        WebSocket._read_frame = self._kept
        WebSocket.max_message_length = -1

    def receive(self, sent):
        return asyncio.run(WebSocket(Asked(sent)).receive())

    def test_a_message_of_any_length_is_what_the_client_has_masked(self):
        for length in (1, 2, 3, 4, 5, 125, 126, 1024, 1025, 4096):
            payload = bytes(ord("a") + at % 26 for at in range(length))
            self.assertEqual(self.receive(make_frame(TEXT, payload)), payload.decode())
            received = self.receive(make_frame(BINARY, payload))
            self.assertEqual(received, payload)
            self.assertTrue(isinstance(received, bytes))

    def test_each_message_ends_where_the_next_begins(self):
        socket = WebSocket(Asked(make_frame(TEXT, b"one") + make_frame(TEXT, b"x" * 2000)))
        self.assertEqual(asyncio.run(socket.receive()), "one")
        self.assertEqual(asyncio.run(socket.receive()), "x" * 2000)

    def test_one_that_is_too_long_is_refused_before_it_has_come(self):
        for limit, length in ((100, 101), (-1, Request.max_body_length + 1)):
            WebSocket.max_message_length = limit
            head = make_frame(TEXT, b"x" * length)[:14]
            with self.assertRaises(WebSocketError):
                self.receive(head)

    def test_a_limit_of_0_is_none(self):
        WebSocket.max_message_length = 0
        self.assertEqual(len(self.receive(make_frame(BINARY, b"x" * 70000))), 70000)

    def test_a_client_that_does_not_mask_is_refused(self):
        with self.assertRaises(WebSocketError):
            self.receive(b"\x81\x03one")

    def test_a_client_that_closes_ends_it_between_two_and_in_the_middle_of_one(self):
        for sent, expected in ((b"", WebSocketError), (make_frame(TEXT, b"one")[:-1], EOFError)):
            with self.assertRaises(expected):
                self.receive(sent)

    def test_a_message_is_unmasked_where_it_lies_and_copied_once(self):
        payload = bytearray(4000)
        with HeapTaken() as taken:
            unmask(payload, MASK)
        self.assertLess(taken.length, 5000)
