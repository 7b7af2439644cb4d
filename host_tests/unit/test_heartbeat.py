import asyncio
import errno
import unittest
from time import ticks_add, ticks_diff, ticks_ms

from microdot import Microdot
from microdot.sse import with_sse
from microdot.websocket import with_websocket

import firmware.heartbeat as heartbeat_module
from firmware.heartbeat import Heartbeat
from firmware.slots import BUSY, LINGERING, TAKEN
from firmware.sock import Sock
from host_tests.unit.fakes import FakeSocket, open_wire, run_async, turns, until
from host_tests.unit.sites import GET, Site

PING = b"\x89\x00"
PONG = b"\x8a\x80mask"
CLOSE = b"\x88\x80mask"
TEXT = b"\x81\x81mask\x0c"
SECOND = 1000
HANDSHAKE = (
    "GET /push HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n"
)
ACCEPT = b"Sec-WebSocket-Accept: x\r\n\r\n"


def fall_silent(heart):
    """For as long as it takes until a comment is due."""
    heart._asked = ticks_add(ticks_ms(), -20 * SECOND)


class TestHeartbeat(unittest.TestCase):
    def setUp(self):
        self.now = 0
        self._ticks_ms = heartbeat_module.ticks_ms
        heartbeat_module.ticks_ms = lambda: self.now
        self.sock = FakeSocket()
        self.wire = open_wire(self.sock, BUSY)
        self.heart = self.wire.heart = Heartbeat()

    def tearDown(self):
        heartbeat_module.ticks_ms = self._ticks_ms

    def has_stopped(self, seconds):
        """Whether it has within so many seconds, as the reaper asks."""
        end = self.now + seconds * SECOND
        while self.now < end:
            self.now += 100
            if self.wire.has_gone() or self.heart.has_stopped(self.wire):
                return True
        return False

    def test_a_client_is_asked_after_twenty_seconds_without_a_byte(self):
        self.assertFalse(self.has_stopped(19))
        self.assertEqual(self.sock.sent, b"")
        self.assertFalse(self.has_stopped(1))
        self.assertEqual(self.sock.sent, PING)

    def test_one_that_does_not_answer_for_a_minute_has_gone(self):
        self.assertFalse(self.has_stopped(59))
        self.assertEqual(self.sock.sent, 2 * PING)
        self.assertTrue(self.has_stopped(1))

    def test_one_that_answers_may_be_silent_for_hours_though_nobody_reads(self):
        for count in range(200):  # more of them than are kept of what is sent ahead
            self.assertFalse(self.has_stopped(21))
            self.assertEqual(len(self.sock.sent), (count + 1) * len(PING))
            self.sock.incoming.append(PONG)
        self.assertFalse(self.has_stopped(1))
        self.assertEqual(self.wire.received, b"")

    def test_a_text_or_a_length_that_looks_like_a_close_is_none(self):
        for parts, has_closed in (
            ((b"\x81\x82", b"mask", b"\x88\x00"), False),
            ((b"\x81\xfe", b"\x88\xb8", b"mask", b"x" * 35000), False),
            ((b"\x81\x82", b"mask", b"\x88\x00", b"\x88\x80", b"mask"), True),
            ((b"\x88\x82", b"mask", b"\x6e\x89"), True),
        ):
            heart = Heartbeat()
            for part in parts:
                heart.note(part)
            heart.note_sent(b"\x88\x00")
            self.assertEqual(heart.is_closing, not has_closed)

    def test_one_that_sends_is_not_asked(self):
        for _ in range(10):
            self.sock.incoming.append(b"\x81\x80mask")
            self.assertFalse(self.has_stopped(19))
        self.assertEqual(self.sock.sent, b"")

    def test_what_it_has_sent_before_its_answer_is_kept(self):
        self.sock.incoming += [b"\x81\x80", b"mask", PONG]
        self.assertFalse(self.has_stopped(1))
        self.assertEqual(self.wire.received, b"\x81\x80mask" + PONG)

    def test_one_of_which_no_more_is_received_has_no_deadline_but_that_of_tcp(self):
        self.wire.received = b"x" * 512
        self.assertFalse(self.has_stopped(600))
        self.assertEqual(self.sock.sent, 30 * PING)
        self.sock.error = OSError(errno.ETIMEDOUT, "no answer")
        self.assertTrue(self.has_stopped(21))

    def test_no_ping_comes_between_the_parts_of_something_else(self):
        self.wire.is_partial = True
        self.assertFalse(self.has_stopped(59))
        self.assertEqual(self.sock.sent, b"")

    def test_a_ping_that_went_out_in_part_lets_nothing_follow(self):
        self.sock.room = 1
        self.assertFalse(self.has_stopped(21))
        self.assertTrue(self.wire.is_partial)

    def test_one_that_says_good_bye_has_gone_in_a_second_if_nobody_reads_that(self):
        self.sock.incoming.append(CLOSE)
        self.assertFalse(self.has_stopped(1))
        self.assertTrue(self.has_stopped(1))

    @run_async
    async def test_what_the_application_reads_is_a_sign_of_life(self):
        self.now = 59 * SECOND
        self.sock.incoming.append(PONG)
        self.assertEqual(await Sock(self.wire).read(2), PONG[:2])
        self.assertFalse(self.has_stopped(59))


class TestWire(unittest.TestCase):
    @run_async
    async def test_a_websocket_has_one_from_its_handshake_on_and_nothing_else_has(self):
        wire = open_wire(FakeSocket(), BUSY)
        for data in (b"HTTP/1.1 101 Switching Protocols\r\n", bytearray(b"more\r\n")):
            await Sock(wire).awrite(data)
            self.assertIs(wire.heart, None)
        await Sock(wire).awrite(ACCEPT)
        heart = wire.heart
        await Sock(wire).awrite(ACCEPT)
        self.assertIs(wire.heart, heart)


class TestEvents(unittest.TestCase):
    def setUp(self):
        self.gate = asyncio.Event()
        self.app = Microdot()

        @self.app.get("/events")
        @with_sse
        async def events(request, sse):
            await self.gate.wait()
            await sse.send("one")

        @self.app.get("/own")
        async def own(request):
            return Silent(), 200, {"Content-Type": "text/event-stream"}

    @run_async
    async def test_an_event_stream_that_is_silent_gets_a_comment_every_twenty_seconds(self):
        async with Site(self.app) as site:
            peer = site.connect()
            await peer.ask(GET % "/events")
            wire = await site.wait_wire()
            for _ in range(3):
                fall_silent(wire.heart)
                self.assertEqual(await peer.read(), "3\r\n:\n\n\r\n")
            self.gate.set()
            text = ""
            while not text.endswith("\r\n0\r\n\r\n"):
                text += await peer.read()
            self.assertIn("data: one\n\n", text)
            self.assertIs(wire.heart, None)
            peer.close()

    @run_async
    async def test_nothing_is_added_while_the_socket_is_full_or_something_is_being_sent(self):
        async with Site(self.app) as site:
            peer = site.connect()
            await peer.ask(GET % "/events")
            wire = await site.wait_wire()
            heart, wire.heart = wire.heart, None
            fall_silent(heart)
            wire.is_partial = True
            self.assertFalse(heart.has_stopped(wire))
            wire.is_partial = False
            sock, wire._sock = wire._sock, FakeSocket(room=4)
            for _ in range(3):
                fall_silent(heart)
                self.assertFalse(heart.has_stopped(wire))
            self.assertEqual(wire._sock.sent, b"3\r\n:")
            wire._sock.room = 100
            heart._asked = ticks_ms()
            self.assertFalse(heart.has_stopped(wire))
            self.assertEqual(wire._sock.sent, b"3\r\n:\n\n\r\n")
            wire._sock = sock
            peer.close()

    @run_async
    async def test_one_that_is_not_microdots_may_be_in_the_middle_of_an_event(self):
        async with Site(self.app) as site:
            peer = site.connect()
            await peer.ask(GET % "/own")
            self.assertIs((await site.wait_wire()).heart, None)
            peer.close()


class TestGoodBye(unittest.TestCase):
    @run_async
    async def test_a_websocket_that_is_only_sent_to_is_closed_when_its_client_wants_that(self):
        app = Microdot()

        @app.get("/push")
        @with_websocket
        async def push(request, ws):
            await asyncio.sleep(3600)

        async with Site(app) as site:
            peer = site.connect()
            answer = await peer.ask(HANDSHAKE)
            wire = await site.wait_wire()
            while "Accept" not in answer:
                answer += await peer.read()
            peer.sock.send(CLOSE)
            await until(lambda: wire.received)
            wire.heart._heard = ticks_add(ticks_ms(), -SECOND)
            await site.wait_open(0)
            self.assertEqual(peer.sock.recv(10), b"\x88\x00")
            peer.close()

    async def close(self, handler, *sent):
        """What a client reads that sends `sent`, each when the one before has had its effect."""
        app = Microdot()
        app.get("/push")(with_websocket(handler))
        async with Site(app) as site:
            peer = site.connect()
            await peer.send(HANDSHAKE)
            wire = await site.wait_wire()
            for data in sent:
                await until(lambda: wire.heart and wire.slot.state in (TAKEN, LINGERING))
                self.assertEqual(site.server.count_open(), 1)
                peer.sock.send(data)
                await turns()
            start = ticks_ms()
            await site.wait_open(0)
            self.assertLess(ticks_diff(ticks_ms(), start), SECOND)
            data = peer.sock.recv(1000)
            self.assertEqual(peer.sock.recv(1), b"")
            peer.close()
            return data

    @run_async
    async def test_a_client_that_is_told_that_it_is_over_is_heard_out(self):
        async def once(request, ws):
            await ws.receive()
            await ws.send("last")

        for last in (CLOSE, TEXT + CLOSE, b"\x88\x82mask\x6e\x89"):
            data = await self.close(once, TEXT, TEXT, last)
            self.assertTrue(data.endswith(b"\x81\x04last\x88\x00"))

    @run_async
    async def test_one_that_has_sent_its_good_bye_ahead_is_closed_at_once(self):
        async def later(request, ws):
            await until(lambda: len(request.wire.received) >= len(TEXT + CLOSE))

        self.assertTrue((await self.close(later, TEXT + CLOSE)).endswith(b"\x88\x00"))

    @run_async
    async def test_one_that_closes_first_is_closed_at_once(self):
        async def echo(request, ws):
            while True:
                await ws.send(await ws.receive())

        for last in (CLOSE, b"\x88\x82mask\x6e\x89"):
            data = await self.close(echo, TEXT, last)
            self.assertTrue(data.endswith(b"\x81\x01a\x88\x00"))


class Silent:
    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.Event().wait()


class TestSlot(unittest.TestCase):
    @run_async
    async def test_the_slot_of_a_client_that_does_not_answer_comes_back_and_the_log_says_why(self):
        app = Microdot()
        ended = []

        @app.get("/socket")
        async def socket(request):
            await request.sock[1].awrite(ACCEPT)
            try:
                await request.sock[0].read(1)
            finally:
                ended.append(1)

        async with Site(app) as site:
            peer = site.connect()
            await peer.ask(GET % "/socket")
            wire = await site.wait_wire()
            wire.heart._heard = ticks_add(ticks_ms(), -60 * SECOND)
            await site.wait_open(0)
            self.assertEqual(ended, [1])
            await site.wait_line("a WebSocket's client does not answer: ")
            peer.close()
