import asyncio
import errno
import unittest
from time import ticks_ms

from microdot import Microdot, Request

import firmware.wire as wire_module
from firmware.slots import BUSY, LINGERING, NEW, READING, SENDING, TAKEN
from host_tests.unit.fakes import FakeSocket, open_wire, run_async, turns, until
from host_tests.unit.sites import GET, App, Site

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

    @run_async
    async def test_a_frame_header_in_two_segments_is_one_header(self):
        wire = open_wire(FakeSocket(b"\x81\x05hello", step=1), BUSY)
        self.assertEqual(await wire.read(2), b"\x81\x05")
        self.assertEqual(await wire.readexactly(5), b"hello")
        self.assertEqual(wire.slot.state, TAKEN)

    @run_async
    async def test_a_read_is_short_and_readexactly_raises_when_the_client_has_closed(self):
        for function in ("read", "readexactly"):
            sock = FakeSocket(b"abc")
            sock.has_ended = True
            wire = open_wire(sock, BUSY)
            if function == "read":
                self.assertEqual(await wire.read(5), b"abc")
            else:
                with self.assertRaises(EOFError):
                    await wire.readexactly(5)


class TestHasGone(unittest.TestCase):
    def test_a_client_that_is_there_has_not_gone_and_what_it_sends_is_kept(self):
        sock = FakeSocket()
        wire = open_wire(sock, BUSY)
        self.assertFalse(wire.has_gone())
        sock.incoming.append(b"GET /next")
        self.assertFalse(wire.has_gone(3))
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
        for _ in range(20):
            self.assertFalse(wire.has_gone())
        self.assertEqual(len(wire.received), 512)
        self.assertEqual(len(sock.incoming[0]), 1488)

    def test_nothing_is_asked_while_the_application_reads_or_something_is_sent(self):
        sock = FakeSocket(b"x")
        wire = open_wire(sock, TAKEN)
        wire.is_reading = True
        self.assertFalse(wire.has_gone())
        wire.is_reading = False
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
        set_deadline = wire.set_deadline

        def note(ms):
            deadlines.append((ms, len(sock.sent)))
            set_deadline(ms)

        wire.set_deadline = note
        sending = asyncio.create_task(wire.send(b"x" * 10000))
        while not sending.done():
            await turns(2)
            sock.room = 500
        self.assertEqual([ms for ms, _ in deadlines], [700] * 3)
        self.assertTrue(all(b[1] - a[1] >= 4000 for a, b in zip(deadlines, deadlines[1:])))

    @run_async
    async def test_the_deadline_of_before_holds_again_when_all_is_sent(self):
        sock = FakeSocket(room=0)
        wire = open_wire(sock, SENDING)
        wire.slot.deadline = 12345
        sending = asyncio.create_task(wire.send(b"x" * 2000))
        await turns()
        self.assertTrue(wire.slot.deadline != 12345)
        sock.room = None
        await sending
        self.assertEqual(wire.slot.deadline, 12345)

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

    @run_async
    async def test_two_tasks_send_on_one_wire_and_nothing_is_lost_or_reordered(self):
        sock = FakeSocket(room=0)
        wire = open_wire(sock, BUSY)

        async def talk(octet):
            for number in range(5):
                await wire.awrite(b"<" + octet * (300 * number) + b">")

        tasks = [asyncio.create_task(talk(octet)) for octet in (b"a", b"b")]
        while not all(task.done() for task in tasks):
            await turns(1)
            sock.room = min(700, sock.room + 61)
        frames = [frame + b">" for frame in sock.sent.split(b">")[:-1]]
        for octet in (b"a", b"b"):
            mine = [frame for frame in frames if octet in frame]
            self.assertEqual(mine, [b"<" + octet * (300 * n) + b">" for n in range(1, 5)])
        self.assertEqual(len(frames), 10)

    @run_async
    async def test_half_a_frame_whose_sender_was_cancelled_makes_the_wire_fail(self):
        sock = FakeSocket(room=10)
        wire = open_wire(sock, BUSY)
        sending = asyncio.create_task(wire.awrite(b"x" * 3000))
        waiting = asyncio.create_task(wire.awrite(b"next"))
        await turns()
        sending.cancel()
        sock.room = None
        for attempt in (waiting, wire.awrite(b"other"), wire.send(b"third")):
            with self.assertRaises(OSError):
                await attempt
        self.assertEqual(sock.sent, b"x" * 10)

    @run_async
    async def test_a_sender_that_was_cancelled_before_its_turn_harms_nobody(self):
        sock = FakeSocket(room=10)
        wire = open_wire(sock, BUSY)
        sending = asyncio.create_task(wire.awrite(b"x" * 3000))
        waiting = asyncio.create_task(wire.awrite(b"never"))
        await turns()
        waiting.cancel()
        await turns()
        sock.room = None
        await sending
        await wire.awrite(b"next")
        self.assertEqual(sock.sent, b"x" * 3000 + b"next")

    @run_async
    async def test_once_the_application_has_sent_there_is_no_http_any_more(self):
        wire = open_wire(FakeSocket(), BUSY)
        self.assertFalse(wire.is_answered)
        await wire.awrite(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        self.assertTrue(wire.is_answered)
        self.assertEqual(wire.slot.state, TAKEN)


class TestLeave(unittest.TestCase):
    @run_async
    async def test_a_client_that_is_silent_when_all_was_read_is_left_at_once(self):
        for has_ended in False, True:
            sock = FakeSocket()
            sock.has_ended = has_ended
            wire = open_wire(sock, SENDING)
            await wire.leave()
            self.assertEqual(wire.slot.state, SENDING)

    @run_async
    async def test_a_client_that_has_reset_is_left_at_once(self):
        sock = FakeSocket()
        sock.error = OSError(errno.ECONNRESET, "reset")
        await open_wire(sock, SENDING).leave()

    @run_async
    async def test_what_a_client_still_sends_is_read_until_it_closes(self):
        for is_read, received in ((False, b""), (True, b"ahead"), (True, b"")):
            sock = FakeSocket(b"x" * 5000)
            wire = open_wire(sock, SENDING)
            wire.is_read = is_read
            wire.received = received
            leaving = asyncio.create_task(wire.leave())
            await until(lambda sock=sock: not sock.incoming)
            self.assertFalse(leaving.done())
            self.assertEqual(wire.slot.state, LINGERING)
            sock.has_ended = True
            await leaving
            self.assertEqual(wire.received, b"")

    @run_async
    async def test_a_client_that_pauses_for_two_seconds_is_cut_by_the_reaper(self):
        for state in NEW, READING, BUSY, SENDING, TAKEN, LINGERING:
            wire = open_wire(FakeSocket(), state)
            wire.is_read = False
            start = ticks_ms()
            leaving = asyncio.create_task(wire.leave())
            await turns()
            self.assertFalse(wire.slot.is_expired(start + 1900))
            self.assertTrue(wire.slot.is_expired(start + 2500))
            leaving.cancel()

    @run_async
    async def test_a_client_that_never_stops_sending_is_left_after_a_minute(self):
        class Endless(FakeSocket):
            def is_readable(self):
                return True

            def recv(self, length):
                return b"x"

        now = [0]
        ticks = wire_module.ticks_ms
        wire_module.ticks_ms = lambda: now[0]
        try:
            wire = open_wire(Endless(), SENDING)
            wire.is_read = False
            count = 0
            receive = wire.receive

            async def pass_time():
                nonlocal count
                count += 1
                now[0] += 1000
                return await receive()

            wire.receive = pass_time
            await wire.leave()
        finally:
            wire_module.ticks_ms = ticks
        self.assertEqual(count, 60)


class TestClose(unittest.TestCase):
    @run_async
    async def test_a_closed_wire_reads_and_sends_nothing_and_moves_no_deadline(self):
        sock = FakeSocket(b"of the next")
        wire = open_wire(sock, BUSY)
        wire.close()
        self.assertTrue(sock.is_closed)
        for use in (wire.read(5), wire.awrite(b"x"), wire.send(b"x")):
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

    def test_a_socket_that_fails_to_close_is_closed_all_the_same(self):
        sock = FakeSocket()

        def fail():
            raise OSError(errno.EBADF, "closed")

        sock.close = fail
        open_wire(sock).close()


class TestApplications(unittest.TestCase):
    def setUp(self):
        self._max_content_length = Request.max_content_length
        Request.max_content_length = 5000

    def tearDown(self):
        Request.max_content_length = self._max_content_length

    @run_async
    async def test_a_task_that_outlives_its_connection_does_not_reach_the_next_one(self):
        app = Microdot()
        kept = []

        @app.get("/keep")
        async def keep(request):
            kept.append(request.sock[1])
            return "kept"

        @app.get("/quick")
        async def quick(request):
            return "quick"

        async with Site(app, max_open_sockets=2, workers=1) as site:
            first = site.connect()
            await first.ask(GET % "/keep")
            first.close()
            await site.wait_open(0)
            second = site.connect()
            await second.ask(GET % "/quick")
            with self.assertRaises(OSError):
                await kept[0].awrite(b"secret")
            with self.assertRaises(OSError):
                await kept[0].read(10)
            self.assertTrue((await second.ask(GET % "/quick")).startswith("HTTP/1.1 200"))
            second.close()

    @run_async
    async def test_a_task_that_outlives_its_connection_keeps_off_the_deadline_of_the_next(self):
        app = App()
        kept = []

        @app.app.post("/keep")
        async def keep(request):
            kept.append(request)
            return "kept"

        async with app.site(max_open_sockets=2, workers=1) as site:
            first = site.connect()
            await first.ask("POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 4999\r\n\r\n")
            first.close()
            await site.wait_open(0)
            peers = [site.connect(), site.connect()]
            await site.wait_open(2)
            before = [slot.deadline for slot in site.server._table.slots]
            with self.assertRaises(OSError):
                await kept[0].stream.read(10)
            self.assertNotIn(None, before)
            self.assertEqual([slot.deadline for slot in site.server._table.slots], before)
            for peer in peers:
                peer.close()

    @run_async
    async def test_a_client_that_closes_its_sending_half_still_gets_what_is_being_sent(self):
        app = Microdot()

        @app.get("/file")
        async def file(request):
            return iter(["x" * 4000] * 1000)

        async with Site(app) as site:
            peer = site.connect()
            await peer.send("GET /file HTTP/1.0\r\n\r\n")
            if not hasattr(peer.sock, "shutdown"):  # MicroPython has none
                peer.close()
                return
            peer.sock.shutdown(1)
            await asyncio.sleep(0.3)  # the server waits for room to send, the reaper looks
            body = (await peer.read_all()).split("\r\n\r\n", 1)[1]
            self.assertEqual(len(body), 4000000)
            peer.close()
