import asyncio
import errno
import unittest
from time import ticks_ms

import firmware.linger as linger_module
from firmware.heartbeat import Comments
from firmware.linger import linger
from firmware.slots import BUSY, LINGERING, NEW, READING, SENDING, TAKEN
from host_tests.unit.fakes import FakeSocket, open_wire, run_async, turns, until


class TestLinger(unittest.TestCase):
    @run_async
    async def test_a_client_that_is_silent_when_all_was_read_is_left_at_once(self):
        for has_ended in False, True:
            sock = FakeSocket()
            sock.has_ended = has_ended
            wire = open_wire(sock, SENDING)
            await linger(wire)
            self.assertEqual(wire.slot.state, SENDING)

    @run_async
    async def test_a_client_that_has_said_that_it_closes_has_a_moment_to_do_so_first(self):
        sock = FakeSocket()
        wire = open_wire(sock, SENDING)
        start = ticks_ms()
        leaving = asyncio.create_task(linger(wire, True))
        await turns()
        self.assertFalse(leaving.done())
        self.assertEqual(wire.slot.state, LINGERING)
        self.assertFalse(wire.slot.is_expired(start + 90))
        self.assertTrue(wire.slot.is_expired(start + 500))
        sock.has_ended = True
        await leaving

    @run_async
    async def test_a_client_that_has_closed_is_not_waited_for(self):
        sock = FakeSocket()
        sock.has_ended = True
        wire = open_wire(sock, SENDING)
        await linger(wire, True)
        self.assertEqual(wire.slot.state, SENDING)

    @run_async
    async def test_a_client_that_has_reset_is_left_at_once(self):
        sock = FakeSocket()
        sock.error = OSError(errno.ECONNRESET, "reset")
        await linger(open_wire(sock, SENDING))

    @run_async
    async def test_one_of_whom_something_was_lost_to_exhausted_memory_is_not_silent(self):
        sock = FakeSocket()
        wire = open_wire(sock, BUSY)
        sock.error = MemoryError()
        receive_now = wire.receive_now

        def lose():
            try:
                receive_now()
            finally:
                sock.error = None

        wire.receive_now = lose
        leaving = asyncio.create_task(linger(wire))
        await turns()
        self.assertEqual((leaving.done(), wire.slot.state), (False, LINGERING))
        sock.has_ended = True
        await leaving

    @run_async
    async def test_what_a_client_still_sends_is_read_until_it_closes(self):
        for is_read, received in ((False, b""), (True, b"ahead"), (True, b"")):
            sock = FakeSocket(b"x" * 5000)
            wire = open_wire(sock, SENDING)
            wire.is_read = is_read
            wire.received = received
            leaving = asyncio.create_task(linger(wire))
            await until(lambda sock=sock: not sock.incoming)
            self.assertFalse(leaving.done())
            self.assertEqual(wire.slot.state, LINGERING)
            sock.has_ended = True
            await leaving
            self.assertEqual(wire.received, b"")

    @run_async
    async def test_a_client_that_has_sent_ahead_is_not_left_at_once(self):
        wire = open_wire(FakeSocket(), SENDING)
        wire.received = b"GET /next"
        leaving = asyncio.create_task(linger(wire))
        await turns()
        self.assertFalse(leaving.done())
        self.assertEqual(wire.slot.state, LINGERING)
        leaving.cancel()

    @run_async
    async def test_the_client_of_an_event_stream_has_nothing_to_say(self):
        wire = open_wire(FakeSocket(), SENDING)
        wire.heart = Comments(None)
        await linger(wire)
        self.assertEqual(wire.slot.state, SENDING)

    @run_async
    async def test_a_client_that_pauses_has_two_seconds_until_its_deadline(self):
        for state in NEW, READING, BUSY, SENDING, TAKEN, LINGERING:
            wire = open_wire(FakeSocket(), state)
            wire.is_read = False
            start = ticks_ms()
            leaving = asyncio.create_task(linger(wire))
            await turns()
            self.assertFalse(wire.slot.is_expired(start + 1900))
            self.assertTrue(wire.slot.is_expired(start + 2500))
            leaving.cancel()

    @run_async
    async def test_a_client_that_never_stops_sending_is_left_after_a_minute(self):
        class Endless(FakeSocket):
            def is_readable(self):
                return True

            def readinto(self, buffer, length):
                buffer[0] = 120
                return 1

        now = [0]
        ticks = linger_module.ticks_ms
        linger_module.ticks_ms = lambda: now[0]
        try:
            wire = open_wire(Endless(), SENDING)
            wire.is_read = False
            count = 0
            receive = wire.receive

            async def pass_time(limit):
                nonlocal count
                count += 1
                now[0] += 1000
                return await receive(limit)

            wire.receive = pass_time
            await linger(wire)
        finally:
            linger_module.ticks_ms = ticks
        self.assertEqual(count, 60)
