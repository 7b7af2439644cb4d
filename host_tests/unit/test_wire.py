import asyncio
import errno
import unittest
from time import ticks_add, ticks_diff, ticks_ms

from firmware.slots import BUSY, GONE, READING, SENDING, TAKEN
from firmware.sock import Sock
from host_tests.unit.fakes import FakeSocket, open_wire, run_async, turns

PIECE_LEN = 1024


class TestReceive(unittest.TestCase):
    @run_async
    async def test_what_was_received_ahead_is_used_first(self):
        wire = open_wire(FakeSocket(b"later"), READING)
        wire.received = b"sooner"
        self.assertEqual(await wire.receive(3), b"soo")
        self.assertEqual(await wire.receive(), b"ner")
        self.assertEqual(await wire.receive(), b"later")

    @run_async
    async def test_a_client_that_has_closed_is_empty_and_one_that_reset_an_oserror(self):
        sock = FakeSocket()
        sock.has_ended = True
        self.assertEqual(await open_wire(sock).receive(), b"")
        sock.error = OSError(errno.ECONNRESET, "reset")
        with self.assertRaises(OSError):
            await open_wire(sock).receive()

    @run_async
    async def test_receiving_counts_as_use(self):
        wire = open_wire(FakeSocket(b"x"))
        before = wire.slot.use
        await wire.receive()
        self.assertLess(before, wire.slot.use)

    @run_async
    async def test_a_line_comes_whole_in_any_split_and_what_follows_is_kept(self):
        for step in (1, 3, 100):
            wire = open_wire(FakeSocket(b"line\r\nmore", step=step), READING)
            self.assertEqual(await wire.receive_line(20), b"line\r\n")
            self.assertEqual(await wire.receive(2), b"mo"[:step])

    @run_async
    async def test_a_line_may_have_its_limit_and_not_one_more(self):
        for limit, line in ((6, b"line\r\n"), (5, b"")):
            wire = open_wire(FakeSocket(b"line\r\n" + b"x" * 50, step=2), READING)
            self.assertEqual(await wire.receive_line(limit), line)
            self.assertLessEqual(len(wire.received), limit)

    @run_async
    async def test_the_beginning_of_a_line_stays_for_who_comes_next(self):
        sock = FakeSocket(b"li")
        wire = open_wire(sock, READING)
        reading = asyncio.create_task(wire.receive_line(20))
        await turns()
        reading.cancel()
        await turns()
        sock.incoming.append(b"ne\r\n")
        self.assertEqual(await wire.receive_line(20), b"line\r\n")

    def test_the_first_block_is_there_or_not_yet_or_the_client_has_gone(self):
        wire = open_wire(FakeSocket(b"GET"))
        self.assertTrue(wire.receive_now())
        self.assertEqual(wire.received, b"GET")
        sock = FakeSocket()
        wire = open_wire(sock)
        self.assertTrue(wire.receive_now())
        self.assertEqual(wire.received, b"")
        sock.has_ended = True
        self.assertFalse(wire.receive_now())
        sock.error = OSError(errno.ECONNRESET, "reset")
        self.assertFalse(wire.receive_now())
        sock.error = MemoryError()  # what has come is lost
        with self.assertRaises(MemoryError):
            wire.receive_now()


class TestHasGone(unittest.TestCase):
    def test_a_client_that_is_there_has_not_gone_and_what_it_sends_is_kept(self):
        sock = FakeSocket()
        wire = open_wire(sock, BUSY)
        self.assertFalse(wire.has_gone())
        sock.incoming.append(b"GET /next")
        self.assertFalse(wire.has_gone())
        self.assertFalse(wire.has_gone())
        self.assertEqual(wire.received, b"GET /next")

    def test_a_client_that_has_closed_or_reset_has_gone(self):
        sock = FakeSocket()
        sock.has_ended = True
        self.assertTrue(open_wire(sock, BUSY).has_gone())
        sock.error = OSError(errno.ECONNRESET, "reset")
        self.assertTrue(open_wire(sock, BUSY).has_gone())

    def test_no_more_than_512_bytes_are_kept(self):
        sock = FakeSocket(b"x" * 2000)
        wire = open_wire(sock, BUSY)
        wire.slot.since = ticks_ms()
        for _ in range(20):
            self.assertFalse(wire.has_gone())
        self.assertEqual(len(wire.received), 512)
        self.assertEqual(len(sock.incoming[0]), 1488)

    def test_of_a_response_that_stays_more_is_dropped_until_the_client_has_closed(self):
        sock = FakeSocket(b"GET /next HTTP/1.1\r\n" + b"x" * 5000)
        wire = open_wire(sock, BUSY)
        wire.slot.lasts = True
        for _ in range(20):
            self.assertFalse(wire.has_gone())
        self.assertFalse(sock.incoming)
        self.assertEqual((len(wire.received), wire.is_dropped), (512, True))
        sock.has_ended = True
        self.assertTrue(wire.has_gone())

    def test_nothing_is_dropped_of_a_websocket(self):
        sock = FakeSocket(b"x" * 2000)
        wire = open_wire(sock, TAKEN)
        wire.slot.lasts = True
        for _ in range(20):
            self.assertFalse(wire.has_gone())
        self.assertEqual((len(wire.received), len(sock.incoming[0])), (512, 1488))
        self.assertFalse(wire.is_dropped)

    def test_nothing_is_asked_while_the_application_reads_or_something_is_sent(self):
        sock = FakeSocket(b"x")
        wire = open_wire(sock, TAKEN)
        wire.is_awaited = True
        self.assertFalse(wire.has_gone())
        wire.is_awaited = False
        wire._stream.out_buf = b"waits"
        self.assertFalse(wire.has_gone())
        self.assertEqual(wire.received, b"")


class TestSend(unittest.TestCase):
    @run_async
    async def test_what_the_socket_takes_at_once_goes_at_once(self):
        sock = FakeSocket()
        data = b"x" * 100000
        await open_wire(sock, SENDING).send(data)
        self.assertEqual((sock.sent, sock.sizes), (data, [100000]))

    @run_async
    async def test_a_large_send_over_a_small_buffer_copies_a_piece_at_a_time(self):
        sock = FakeSocket(room=5760)
        wire = open_wire(sock, SENDING)
        data = bytes(n * 7 % 256 for n in range(40000))
        written = []
        write = wire._stream.write
        wire._stream.write = lambda piece: (written.append(piece), write(piece))
        sending = asyncio.create_task(wire.send(data))
        while not sending.done():
            await turns(3)
            sock.room = min(5760, sock.room + 1000)
        await sending
        self.assertEqual(sock.sent, data)
        self.assertTrue(written)
        for piece in written:
            self.assertIs(type(piece), memoryview)
            self.assertLessEqual(len(piece), PIECE_LEN)

    @run_async
    async def test_a_client_has_the_time_out_anew_for_each_4_kb(self):
        sock = FakeSocket(room=0)
        wire = open_wire(sock, SENDING, send_wait_timeout_ms=700)
        deadlines = []
        set_deadline = wire._set_send_deadline

        def note():
            set_deadline()
            deadlines.append((ticks_diff(wire.slot.send_deadline, ticks_ms()), len(sock.sent)))

        wire._set_send_deadline = note
        sending = asyncio.create_task(wire.send(b"x" * 10000))
        while not sending.done():
            await turns(2)
            sock.room = 500
        self.assertEqual([600 < ms <= 700 for ms, _ in deadlines], [True] * 3)
        self.assertTrue(all(b[1] - a[1] >= 4000 for a, b in zip(deadlines, deadlines[1:])))

    @run_async
    async def test_what_is_sent_has_a_deadline_beside_that_of_what_is_received(self):
        sock = FakeSocket(room=0)
        wire = open_wire(sock, SENDING)
        slot = wire.slot
        wire.set_deadline(60000)
        due = slot.deadline
        sending = asyncio.create_task(wire.send(b"x" * 2000))
        await turns()
        self.assertEqual(slot.deadline, due)
        wire.set_deadline(None)  # the body is there
        self.assertTrue(slot.is_expired(ticks_add(ticks_ms(), 5001)))
        sock.room = None
        await sending
        self.assertFalse(slot.is_expired(ticks_add(ticks_ms(), 5001)))

    @run_async
    async def test_who_has_no_air_to_send_has_it_too(self):
        air = []
        wire = open_wire(FakeSocket(), SENDING, has_air=lambda length, asker: bool(air))
        sending = asyncio.create_task(wire.send(b"x" * 2000))
        await turns()
        self.assertTrue(wire.slot.is_expired(ticks_add(ticks_ms(), 5001)))
        air.append(1)
        await sending
        self.assertFalse(wire.slot.is_expired(ticks_add(ticks_ms(), 5001)))

    @run_async
    async def test_who_gives_up_for_want_of_air_in_the_middle_is_followed_by_nothing(self):
        for room, is_broken in ((0, False), (500, True)):
            sock = FakeSocket(room=room)
            answers = iter([room > 0] + [False] * 20)
            wire = open_wire(sock, SENDING, has_air=lambda *_, answers=answers: next(answers))
            sending = asyncio.create_task(wire.send(b"x" * 2000))
            await turns()
            sending.cancel()
            await turns()
            self.assertEqual((len(sock.sent), wire.is_partial), (room, is_broken))

    @run_async
    async def test_one_that_is_being_cut_keeps_the_time_when_it_is_cut_again(self):
        wire = open_wire(FakeSocket(room=0), SENDING)
        sending = asyncio.create_task(wire.send(b"x" * 2000))
        await turns()
        now = ticks_ms()
        wire.slot.cut(GONE, now)
        wire.set_deadline(None)
        wire._set_send_deadline()
        again = [wire.slot.is_expired(ticks_add(now, ms)) for ms in (999, 1000)]
        self.assertEqual(again, [False, True])
        sending.cancel()
        await turns()

    @run_async
    async def test_defect_i_sending_counts_as_use(self):
        sock = FakeSocket(room=1)
        wire = open_wire(sock, SENDING)
        before = wire.slot.use
        sending = asyncio.create_task(wire.send(b"x" * 2000))
        await turns()
        sock.room = None
        await sending
        self.assertLess(before, wire.slot.use)


class TestClose(unittest.TestCase):
    @run_async
    async def test_a_closed_wire_reads_and_sends_nothing_and_moves_no_deadline(self):
        sock = FakeSocket(b"of the next")
        wire = open_wire(sock, BUSY)
        wire.close()
        self.assertTrue(sock.is_closed)
        for use in (Sock(wire).read(5), Sock(wire).awrite(b"x"), wire.send(b"x")):
            with self.assertRaises(OSError):
                await use
        wire.set_deadline(100)
        self.assertIsNone(wire.slot.deadline)
        self.assertEqual((wire.slot.state, sock.sent), (BUSY, b""))

    @run_async
    async def test_a_sender_that_waits_when_the_wire_is_closed_sends_no_more(self):
        sock = FakeSocket(room=0)
        wire = open_wire(sock, SENDING)
        sending = asyncio.create_task(wire.send(b"x" * 3000))
        await turns()
        wire.close()
        sock.room = None
        with self.assertRaises(OSError):
            await sending
        self.assertLessEqual(len(sock.sent), PIECE_LEN)

    def test_an_application_may_close_it_before_the_server_does(self):
        wire = open_wire(FakeSocket(), TAKEN)
        wire.close()
        self.assertTrue(wire.has_gone())
        wire.close()

    def test_a_socket_that_fails_to_close_is_closed_all_the_same(self):
        sock = FakeSocket()

        def fail():
            raise OSError(errno.EBADF, "closed")

        sock.close = fail
        open_wire(sock).close()
