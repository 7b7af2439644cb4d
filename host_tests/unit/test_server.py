import asyncio
import gc
import os
import unittest
from time import ticks_ms

from microdot import Microdot, Request

import firmware.connection as connection_module
import firmware.http1 as http1
import firmware.listener as listener_module
import firmware.service as service_module
from firmware.listener import Listener
from firmware.slots import PURGED
from firmware.workers import WorkerPool
from host_tests.unit.fakes import Site, run_async, turns, until

GET = "GET %s HTTP/1.1\r\nHost: x\r\n\r\n"


class App:
    """An application whose `/held` and `/stream` last until the test says otherwise."""

    def __init__(self):
        self.gate = asyncio.Event()
        self.pool = WorkerPool()
        self.ended = 0
        self.app = Microdot()
        self._add_quick(self.app)
        self._add_long(self.app)

        @self.app.after_request
        async def after(request, response):
            if request.path == "/orphan":
                raise ValueError("after")
            return response

    def site(self, **options):
        return Site(self.app, self.pool, **options)

    def _add_quick(self, app):
        @app.get("/quick")
        async def quick(request):
            return "quick"

        @app.get("/held")
        async def held(request):
            try:
                await self.gate.wait()
            finally:
                self.ended += 1
            return "held"

        @app.get("/broken")
        async def broken(request):
            raise ValueError("handler")

        @app.get("/cancelled")
        async def cancelled(request):
            raise asyncio.CancelledError

        @app.get("/torn")
        async def torn(request):
            return iter(["one", 2])

    def _add_long(self, app):
        @app.get("/long")
        @self.pool.long
        async def long(request):
            try:
                await self.gate.wait()
            finally:
                self.ended += 1
            return "long"

        @app.get("/stream")
        @self.pool.long
        async def stream(request):
            return Endless()

        @app.post("/echo")
        @self.pool.long
        async def echo(request):
            return request.body

        @app.get("/orphan")
        @self.pool.long
        async def orphan(request):
            return Endless()


class Endless:
    """A body of "x", as fast as it is taken."""

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0.01)
        return "x"


class BreakingOff:
    """A streamed body: "a", then `piece`, or without one its own cancellation."""

    class Huge:
        """A piece that there is no memory for."""

        def __len__(self):
            raise MemoryError

    def __init__(self, piece):
        self._pieces = ["a", piece]

    def __aiter__(self):
        return self

    async def __anext__(self):
        piece = self._pieces.pop(0)
        if piece is None:
            raise asyncio.CancelledError
        return piece


def count_files():
    return len(os.listdir("/proc/self/fd"))


def count_tasks():
    """The tasks of the event loop; MicroPython does not tell, there the heap has to do."""
    return len(asyncio.all_tasks()) if hasattr(asyncio, "all_tasks") else 0


class TestAdmission(unittest.TestCase):
    def test_when_all_slots_idle_the_least_recently_used_is_closed_for_a_newcomer(self):
        async def play():
            async with App().site(max_open_sockets=3) as site:
                peers = [site.connect() for _ in range(3)]
                for peer in peers:
                    self.assertIn("quick", await peer.ask(GET % "/quick"))
                await peers[0].ask(GET % "/quick")  # now the second is the least recently used
                newcomer = site.connect()
                self.assertIn("quick", await newcomer.ask(GET % "/quick"))
                self.assertEqual(await peers[1].read(), "")
                for peer in (peers[0], peers[2]):
                    self.assertIn("quick", await peer.ask(GET % "/quick"))
                for peer in peers + [newcomer]:
                    peer.close()

        run_async(play())

    def test_defect_a_with_all_at_work_a_newcomer_gets_503_and_the_loop_stays_idle(self):
        async def play():
            app = App()
            async with app.site(max_open_sockets=3) as site:
                peers = [site.connect() for _ in range(3)]
                for peer in peers[:2]:
                    await peer.send(GET % "/long")
                await peers[2].send(GET % "/held")
                await site.wait_line("uri:", 3)
                knocks = count_calls(site.server._listener, "wait_knock")
                for _ in range(2):
                    newcomer = site.connect()
                    answer = await newcomer.ask(GET % "/quick")
                    self.assertIn("HTTP/1.1 503 Busy\r\n", answer)
                    self.assertEqual(await newcomer.read(), "")
                    newcomer.close()
                await asyncio.sleep(0.3)  # in which a busy loop would go round thousands of times
                self.assertLessEqual(len(knocks), 4)
                app.gate.set()
                for peer in peers:
                    self.assertIn("200 OK", await peer.read())
                    peer.close()

        run_async(play())

    def test_a_newcomer_who_says_nothing_gets_503_too(self):
        async def play():
            async with App().site(max_open_sockets=2, workers=1) as site:
                peers = [site.connect() for _ in range(2)]
                for peer in peers:
                    await peer.send(GET % "/held")
                await site.wait_line("uri:", 2)
                newcomer = site.connect()
                self.assertIn("503 Busy", await newcomer.read_all())
                for peer in peers + [newcomer]:
                    peer.close()

        run_async(play())

    def test_every_client_of_a_storm_is_answered_through_one_slot(self):
        async def play():
            app = App()
            async with app.site(max_open_sockets=3, backlog_conn=8) as site:
                busy = [site.connect() for _ in range(2)]
                for peer in busy:
                    await peer.send(GET % "/stream")
                await site.wait_line("invoking", 2)
                storm = [site.connect() for _ in range(8)]
                for peer in storm:
                    await peer.send(GET % "/quick")
                for peer in storm:
                    self.assertIn("quick", await peer.read())
                for peer in storm + busy:
                    peer.close()

        run_async(play())

    def test_defect_g_a_close_that_comes_late_does_not_hit_the_next_on_the_slot(self):
        async def play():
            async with App().site(max_open_sockets=2, workers=1) as site:
                first = site.connect()
                await first.ask(GET % "/quick")
                owner = [slot.owner for slot in site.server._table.slots if slot.state][0]
                for _ in range(3):  # decided three times before the task could run
                    owner.cut(PURGED)
                self.assertEqual(await first.read(), "")
                second = site.connect()
                self.assertIn("quick", await second.ask(GET % "/quick"))
                await turns()
                self.assertIn("quick", await second.ask(GET % "/quick"))
                first.close()
                second.close()

        run_async(play())

    def test_a_connection_cut_before_its_first_step_frees_its_slot(self):
        async def play():
            async with App().site(max_open_sockets=2, workers=1) as site:
                connection = site.server._table.slots[0].owner
                take = connection.take

                def take_and_cut(sock, address):
                    take(sock, address)
                    connection.cut(PURGED)

                connection.take = take_and_cut
                peer = site.connect()
                self.assertEqual(await peer.read(), "")
                await site.wait_open(0)
                peer.close()
                connection.take = take
                peer = site.connect()
                self.assertIn("quick", await peer.ask(GET % "/quick"))
                peer.close()

        run_async(play())


class TestAccept(unittest.TestCase):
    def setUp(self):
        self._can_open = listener_module._can_open

    def tearDown(self):
        listener_module._can_open = self._can_open

    def test_want_of_sockets_or_memory_is_met_without_spinning_and_ends_nothing(self):
        listener_module._can_open = lambda: False
        for error in (OSError(23), MemoryError()):
            self.fail_with(error, 1)

    def test_a_client_who_has_gone_from_the_queue_costs_nobody_his_connection(self):
        self.fail_with(OSError(103), 0)

    def fail_with(self, error, warnings):
        async def play():
            async with App().site() as site:
                listener = site.server._listener
                idle = site.connect()
                await idle.ask(GET % "/quick")
                listener._sock = FailingSocket(listener._sock, error, 4)
                knocks = count_calls(listener, "wait_knock")
                peer = site.connect()
                self.assertIn("quick", await peer.ask(GET % "/quick"))
                self.assertLessEqual(len(knocks), 6)
                failed = [line for line in site.log.lines if "accept failed" in line]
                self.assertEqual(len(failed), warnings)
                self.assertEqual("quick" in await idle.ask(GET % "/quick"), not warnings)
                idle.close()
                peer.close()

        run_async(play())

    def test_a_client_who_resets_right_after_accept_leaves_no_socket(self):
        async def play():
            async with App().site() as site:
                listener = site.server._listener
                listener._sock = ResettingSocket(listener._sock)
                before = count_files()
                peers = [site.connect() for _ in range(3)]
                for peer in peers:
                    self.assertEqual(await peer.read(), "")
                    peer.close()
                self.assertEqual(count_files(), before)
                listener._sock = listener._sock.sock

        run_async(play())

    def test_want_of_sockets_closes_the_least_recently_used_idle_connection(self):
        listener_module._can_open = lambda: False

        async def play():
            async with App().site(max_open_sockets=3) as site:
                idle = site.connect()
                await idle.ask(GET % "/quick")
                listener = site.server._listener
                listener._sock = FailingSocket(listener._sock, OSError(23), 3)
                peer = site.connect()
                self.assertIn("quick", await peer.ask(GET % "/quick"))
                self.assertEqual(await idle.read(), "")
                peer.close()
                idle.close()

        run_async(play())

    def test_a_port_that_is_taken_is_an_oserror_and_leaves_nothing_open(self):
        async def play():
            async with App().site() as site:
                before = count_files()
                with self.assertRaises(OSError):
                    Listener(site.log).open("127.0.0.1", site.port, 5)
                self.assertEqual(count_files(), before)

        run_async(play())


class TestConnection(unittest.TestCase):
    def test_requests_follow_each_other_on_one_connection(self):
        async def play():
            async with App().site() as site:
                peer = site.connect()
                for _ in range(20):
                    self.assertIn("quick", await peer.ask(GET % "/quick"))
                peer.close()
                await site.wait_open(0)

        run_async(play())

    def test_four_connections_at_full_load_are_served_alike(self):
        async def ask_often(peer, served, number):
            while max(served) < 100:
                self.assertIn("quick", await peer.ask(GET % "/quick"))
                served[number] += 1

        async def play():
            async with App().site(max_open_sockets=4) as site:
                peers = [site.connect() for _ in range(4)]
                served = [0] * 4
                await asyncio.gather(*[ask_often(peers[n], served, n) for n in range(4)])
                self.assertGreaterEqual(min(served), 80)
                for peer in peers:
                    peer.close()

        run_async(play())

    def test_one_with_many_requests_in_a_row_lets_the_others_in(self):
        async def play():
            async with App().site() as site:
                greedy, modest = site.connect(), site.connect()
                await modest.ask(GET % "/quick")
                await greedy.send((GET % "/quick") * 25)
                self.assertIn("quick", await modest.ask(GET % "/quick"))
                self.assertLess(len([line for line in site.log.lines if "uri:" in line]), 12)
                greedy.close()
                modest.close()

        run_async(play())

    def test_defect_d_a_body_that_drips_arrives_whole_on_the_worker(self):
        async def play():
            async with App().site(max_body_len=300) as site:
                peer = site.connect()
                for length in (1, 2, 299, 300):
                    body = "".join(chr(97 + n % 26) for n in range(length))
                    text = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length
                    for octet in text + body:
                        await peer.send(octet)
                        await turns(2)
                    answer = await peer.read()
                    self.assertEqual(answer.split("\r\n\r\n", 1)[1], body)
                peer.close()

        run_async(play())

    def test_a_body_one_past_the_limit_is_413(self):
        async def play():
            async with App().site(max_body_len=300) as site:
                peer = site.connect()
                head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 301\r\n\r\n"
                self.assertIn("413", await peer.ask(head))
                peer.close()

        run_async(play())

    def test_a_head_without_an_end_is_held_up_to_its_limit_and_no_further(self):
        held = []

        def measure(received, *limits):
            held.append(len(received))
            return http1.head_length(received, *limits)

        async def play():
            async with App().site(max_req_hdr_len=1024, max_uri_len=500) as site:
                peer = site.connect()
                sending = asyncio.create_task(peer.send("GET / HTTP/1.1\r\nA: " + "a" * 200000))
                self.assertIn("HTTP/1.1 431 ", await peer.read())
                sending.cancel()
                peer.close()
                await site.wait_open(0)

        service_module.head_length = measure
        try:
            run_async(play())
        finally:
            service_module.head_length = http1.head_length
        self.assertEqual(max(held), 1024)

    def test_a_handler_that_raises_is_500_and_the_connection_goes_on(self):
        async def play():
            async with App().site() as site:
                peer = site.connect()
                self.assertIn("HTTP/1.1 500 ", await peer.ask(GET % "/broken"))
                self.assertIn("quick", await peer.ask(GET % "/quick"))
                peer.close()

        run_async(play())

    def test_a_handler_that_is_cancelled_from_elsewhere_is_500_and_the_slot_lives(self):
        async def play():
            async with App().site(max_open_sockets=2, workers=1) as site:
                for _ in range(4):
                    peer = site.connect()
                    self.assertIn("HTTP/1.1 500 ", await peer.ask(GET % "/cancelled"))
                    peer.close()
                await site.wait_open(0)

        run_async(play())

    def test_a_body_in_one_piece_has_the_length_it_has_whatever_its_handler_says(self):
        async def play():
            app = Microdot()

            @app.get("/")
            async def wrong(request):
                body = "" if request.method == "HEAD" else "hello"
                return body, 200, {"Content-Length": request.args["length"]}

            async with Site(app) as site:
                peer = site.connect()
                for length in "3", "9", "abc":
                    answer = await peer.ask(GET % ("/?length=" + length))
                    self.assertIn("\r\nContent-Length: 5\r\n", answer)
                    self.assertEqual(answer.lower().count("content-length"), 1)
                    self.assertTrue(answer.endswith("\r\n\r\nhello"))
                answer = await peer.ask("HEAD /?length=7 HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertIn("\r\nContent-Length: 7\r\n", answer)
                peer.close()

        run_async(play())

    def test_a_body_that_raises_cuts_the_connection_without_an_end(self):
        async def play():
            async with App().site() as site:
                peer = site.connect()
                answer = await peer.ask(GET % "/torn") + await peer.read_all()
                self.assertIn("3\r\none\r\n", answer)
                self.assertNotIn("0\r\n\r\n", answer)
                peer.close()

        run_async(play())

    def test_nothing_is_added_to_a_response_that_breaks_off(self):
        async def play():
            app = Microdot()

            @app.get("/cancelled")
            async def cancelled(request):
                return BreakingOff(None)

            @app.get("/short")
            async def short(request):
                return BreakingOff(BreakingOff.Huge())

            async with Site(app) as site:
                for path in "/cancelled", "/short":
                    peer = site.connect()
                    await peer.send(GET % path)
                    self.assertTrue((await peer.read_all()).endswith("\r\n1\r\na\r\n"))
                    peer.close()

        run_async(play())

    def test_who_is_refused_and_stays_is_closed_without_another_word(self):
        async def play():
            async with App().site() as site:
                peer = site.connect()
                await peer.send("NONSENSE\r\n\r\n")
                text = await peer.read_all()
                self.assertTrue(text.startswith("HTTP/1.1 400"))
                self.assertEqual(text.count("HTTP/1.1"), 1)
                peer.close()

        run_async(play())

    def test_a_worker_is_not_lost_when_an_after_request_handler_raises(self):
        async def play():
            async with App().site() as site:
                peer = site.connect()
                for _ in range(3):
                    self.assertIn("HTTP/1.1 500 ", await peer.ask(GET % "/orphan"))
                await site.pool.wait_ready()
                peer.close()

        run_async(play())

    def test_a_client_who_closes_frees_the_worker_that_says_nothing(self):
        async def play():
            app = App()
            async with app.site() as site:
                peer = site.connect()
                await peer.send(GET % "/long")
                await site.wait_line("invoking")
                peer.close()
                await site.pool.wait_ready()
                self.assertEqual(app.ended, 1)
                await site.wait_open(0)

        run_async(play())

    def test_a_client_who_closes_his_sending_half_still_gets_what_is_being_sent(self):
        async def play():
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

        run_async(play())

    def test_what_is_pipelined_behind_a_long_request_is_answered_after_it(self):
        async def play():
            app = App()
            async with app.site() as site:
                peer = site.connect()
                await peer.send(GET % "/long")
                await site.wait_line("invoking")
                await peer.send(GET % "/quick")
                slots = site.server._table.slots
                await until(lambda: any(s.owner._wire and s.owner._wire.received for s in slots))
                app.gate.set()  # now that the reaper has looked and found it
                text = await peer.read()
                while "quick" not in text:
                    text += await peer.read()
                self.assertIn("long", text)
                peer.close()

        run_async(play())

    def test_a_client_who_does_not_read_is_cut_at_the_send_deadline(self):
        async def play():
            app = Microdot()

            @app.get("/flood")
            async def flood(request):
                return iter("x" * 4000 for _ in range(10000))

            async with Site(app, send_wait_timeout_ms=200) as site:
                peer = site.connect()
                await peer.send(GET % "/flood")
                await site.wait_open(1)
                await site.wait_open(0)
                peer.close()

        run_async(play())


UPLOAD = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


class TestBadHandlers(unittest.TestCase):
    def setUp(self):
        self._max_content_length = Request.max_content_length
        Request.max_content_length = 5000

    def tearDown(self):
        Request.max_content_length = self._max_content_length

    def test_a_task_that_outlives_its_connection_does_not_reach_the_next_one(self):
        async def play():
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

        run_async(play())

    def test_a_task_that_outlives_its_connection_keeps_off_the_deadline_of_the_next(self):
        async def play():
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

        run_async(play())

    def test_the_reaper_takes_nothing_from_a_handler_that_reads_by_itself(self):
        async def play():
            app = Microdot()

            @app.get("/wire")
            async def wire(request):
                return await request.sock[0].read(10)

            @app.post("/body")
            async def body(request):
                return await request.stream.read(10)

            async with Site(app) as site:
                for text in (
                    GET % "/wire",
                    "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 4999\r\n\r\n",
                ):
                    peer = site.connect()
                    await peer.send(text)
                    await site.wait_line("uri: ", 1)
                    await turns()
                    peer.sock.send(b"mine")
                    site.server._sweep(ticks_ms())
                    self.assertTrue((await peer.read()).endswith("mine"))
                    peer.close()
                    await site.wait_open(0)
                    site.log.lines.clear()

        run_async(play())

    def test_a_cancellation_that_comes_late_does_not_hit_the_next_job(self):
        """MicroPython's wait_for, cancelled, cancels its caller once more when its inner ends."""

        async def play():
            app = Microdot()
            pool = WorkerPool()

            async def slow_to_end():
                try:
                    await asyncio.sleep(60)
                finally:
                    await asyncio.sleep(0.2)

            @app.get("/waits")
            @pool.long
            async def waits(request):
                await asyncio.wait_for(slow_to_end(), 60)

            @app.get("/next")
            @pool.long
            async def next_one(request):
                await asyncio.sleep(0.5)
                return "next"

            async with Site(app, pool, workers=1) as site:
                first = site.connect()
                await first.send(GET % "/waits")
                await site.wait_line("invoking")
                first.close()
                await site.pool.wait_ready()
                second = site.connect()
                self.assertIn("next", await second.ask(GET % "/next"))
                second.close()

        run_async(play())

    def test_a_client_who_vanishes_after_his_upload_frees_the_worker(self):
        async def play():
            app = Microdot()
            pool = WorkerPool()

            @app.post("/upload")
            @pool.long
            async def upload(request):
                while await request.stream.read(500):
                    pass
                await asyncio.sleep(60)

            async with Site(app, pool, max_body_len=100) as site:
                peer = site.connect()
                await peer.send(UPLOAD + "x" * 1000)
                await site.wait_line("invoking")
                peer.close()
                await site.pool.wait_ready()

        run_async(play())

    def test_a_handler_that_gives_up_waiting_for_a_body_is_not_timed_out_later(self):
        async def play():
            app = Microdot()

            @app.post("/upload")
            async def upload(request):
                try:
                    await asyncio.wait_for(request.stream.read(100), 0.1)
                except asyncio.TimeoutError:
                    pass
                await asyncio.sleep(0.6)
                return "gave up"

            async with Site(app, max_body_len=10, recv_wait_timeout_ms=300) as site:
                peer = site.connect()
                self.assertIn("gave up", await peer.ask(UPLOAD))
                peer.close()

        run_async(play())

    def test_a_newcomer_is_served_while_a_cut_handler_is_slow_to_end(self):
        async def play():
            app = Microdot()

            @app.get("/slow")
            async def slow(request):
                try:
                    await asyncio.sleep(60)
                finally:
                    await asyncio.sleep(0.8)

            @app.get("/quick")
            async def quick(request):
                return "quick"

            async with Site(app, max_open_sockets=3) as site:
                peers = [site.connect() for _ in range(3)]
                for peer in peers[:2]:
                    await peer.ask(GET % "/quick")
                await peers[2].send(GET % "/slow")
                await site.wait_line("uri: /slow")
                peers[2].close()
                await until(lambda: any(slot.reason for slot in site.server._table.slots))
                newcomer = site.connect()
                self.assertIn("quick", await newcomer.ask(GET % "/quick"))
                self.assertEqual(site.server.count_open(), 3)  # the slow one among them
                for peer in peers[:2] + [newcomer]:
                    peer.close()

        run_async(play())

    def test_want_of_memory_is_503_and_one_line(self):
        async def play():
            app = Microdot()

            @app.get("/quick")
            async def quick(request):
                return "quick"

            async with Site(app) as site:

                def fail(request):
                    raise MemoryError("no room")

                app.find_route = fail  # which Microdot calls before it catches anything
                peer = site.connect()
                self.assertIn("HTTP/1.1 503 Busy", await peer.ask(GET % "/quick"))
                self.assertIn("out of memory: no room", site.log.lines)
                self.assertEqual(await peer.read(), "")
                peer.close()
                await site.wait_open(0)

        run_async(play())

    def test_want_of_memory_while_no_client_is_there_ends_no_connection(self):
        async def play():
            async with App().site() as site:
                connections = [slot.owner for slot in site.server._table.slots]
                for connection in connections:
                    connection._arrived = ShortOfMemory(connection._arrived)
                for _ in range(2 * len(connections)):
                    peer = site.connect()
                    self.assertIn("quick", await peer.ask(GET % "/quick"))
                    peer.close()
                    await site.wait_open(0)
                await site.wait_line("out of memory", len(connections))

        run_async(play())

    def test_want_of_memory_that_lasts_leaves_the_processor_to_others(self):
        async def play():
            async with App().site() as site:
                connection = site.server._table.slots[0].owner
                short = connection._arrived = ShortOfMemory(connection._arrived, 5)
                peer = site.connect()
                self.assertIn("quick", await peer.ask(GET % "/quick"))
                peer.close()
                await site.wait_open(0)
                count = 0
                while short.times:
                    count += 1
                    await turns(1)
                self.assertTrue(count > 5)
                peer = site.connect()
                self.assertIn("quick", await peer.ask(GET % "/quick"))
                peer.close()

        run_async(play())

    def test_bytes_that_were_lost_for_want_of_memory_never_tear_a_request(self):
        async def play():
            app = App()
            async with app.site(max_open_sockets=3) as site:
                look = connection_module.Wire.look

                def lose(wire, *args):
                    look(wire, *args)
                    wire.received = b""
                    raise MemoryError

                connection_module.Wire.look = lose
                try:
                    peer = site.connect()
                    await peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n")
                    self.assertIn("HTTP/1.1 503 Busy", await peer.read())
                    peer.close()
                    await site.wait_open(0)
                finally:
                    connection_module.Wire.look = look

        run_async(play())

    def test_a_long_request_ends_when_what_is_sent_behind_it_was_lost(self):
        async def play():
            async with App().site() as site:
                look = connection_module.Wire.look
                peer = site.connect()
                await peer.send(GET % "/long")
                await site.wait_line("invoking")

                def lose(wire, *args):
                    raise MemoryError

                connection_module.Wire.look = lose
                try:
                    self.assertEqual(await peer.read_all(), "")
                    await site.wait_open(0)
                    await site.pool.wait_ready()
                finally:
                    connection_module.Wire.look = look
                peer.close()

        run_async(play())

    def test_a_client_who_still_sends_is_not_reset_for_want_of_memory(self):
        async def play():
            app = App()
            async with app.site() as site:

                async def fail(wire, head):
                    raise MemoryError

                site.server._service.receive_body = fail
                peer = site.connect()
                head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n"
                self.assertIn("HTTP/1.1 503 Busy", await peer.ask(head))
                for _ in range(3):
                    await peer.send("x" * 1000)
                self.assertEqual(await peer.read(), "")  # it is closed, and not reset
                peer.close()
                await site.wait_open(0)

        run_async(play())


class ShortOfMemory:
    """An event for which there is no memory to wait, some times."""

    def __init__(self, event, times=1):
        self.times = times
        self._event = event
        self.set = event.set
        self.clear = event.clear

    async def wait(self):
        if self.times:
            self.times -= 1
            raise MemoryError
        await self._event.wait()


class TestDeadlines(unittest.TestCase):
    def test_defect_h_a_head_that_drips_is_408_at_the_deadline(self):
        async def play():
            async with App().site(recv_wait_timeout_ms=300) as site:
                peer = site.connect()
                dripping = asyncio.create_task(self.drip(peer))
                self.assertIn("HTTP/1.1 408 Request Timeout", await peer.read_all())
                dripping.cancel()
                peer.close()
                await site.wait_open(0)

        run_async(play())

    async def drip(self, peer):
        for octet in GET % ("/" + "a" * 100):
            await peer.send(octet)
            await asyncio.sleep(0.05)

    def test_defect_f_a_long_request_past_its_deadline_is_503_and_its_worker_ready(self):
        async def play():
            app = App()
            async with app.site(timeout_ms=200) as site:
                peer = site.connect()
                self.assertIn("HTTP/1.1 503 ", await peer.ask(GET % "/long"))
                await site.pool.wait_ready()
                self.assertEqual(app.ended, 1)
                self.assertIn("quick", await peer.ask(GET % "/quick"))
                peer.close()

        run_async(play())

    def test_a_body_that_does_not_come_is_408_at_the_deadline(self):
        async def play():
            async with App().site(recv_wait_timeout_ms=300) as site:
                peer = site.connect()
                await peer.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
                self.assertTrue((await peer.read_all()).startswith("HTTP/1.1 408"))
                peer.close()

        run_async(play())

    def test_who_says_nothing_is_closed_without_a_word(self):
        async def play():
            async with App().site(recv_wait_timeout_ms=200) as site:
                peer = site.connect()
                self.assertEqual(await peer.read_all(), "")
                peer.close()

        run_async(play())

    def test_who_idles_after_a_response_is_closed_without_a_word(self):
        async def play():
            async with App().site(keep_alive_timeout_ms=200) as site:
                peer = site.connect()
                await peer.ask(GET % "/quick")
                self.assertEqual(await peer.read_all(), "")
                peer.close()

        run_async(play())


class TestStop(unittest.TestCase):
    def test_defect_c_a_stop_in_the_middle_of_long_requests_loses_nothing(self):
        async def play():
            app = App()
            async with app.site(max_open_sockets=5) as site:
                files = heap = None
                for cycle in range(20):
                    peers = [site.connect() for _ in range(5)]
                    await peers[0].send(GET % "/long")
                    await peers[1].send(GET % "/stream")
                    for peer in peers[2:]:
                        await peer.ask(GET % "/quick")
                    await site.wait_line("invoking", 2)
                    await site.server.stop()
                    self.assertEqual(site.server.count_open(), 0)
                    self.assertEqual(site.pool.count_ready(), 2)
                    self.assertEqual(app.ended, cycle + 1)
                    for peer in peers:
                        peer.close()
                    await turns()
                    self.assertEqual([line for line in site.log.lines if "failed" in line], [])
                    site.log.lines.clear()
                    peer = peers = None
                    gc.collect()
                    if cycle == 1:
                        files, heap = (count_files(), count_tasks()), gc.mem_alloc()
                    elif cycle > 1:
                        self.assertEqual((count_files(), count_tasks()), files)
                        self.assertLess(gc.mem_alloc(), heap + 200)
                    await site.server.start("127.0.0.1")

        run_async(play())

    def test_a_stop_with_grace_lets_the_busy_finish_and_closes_the_idle(self):
        async def play():
            app = App()
            async with app.site() as site:
                idle, busy = site.connect(), site.connect()
                await idle.ask(GET % "/quick")
                await busy.send(GET % "/long")
                await site.wait_line("invoking")
                stopping = asyncio.create_task(site.server.stop(5000))
                self.assertEqual(await idle.read(), "")
                app.gate.set()
                answer = await busy.read_all()
                self.assertIn("200 OK", answer)
                self.assertIn("Connection: close", answer)
                await stopping
                idle.close()
                busy.close()

        run_async(play())

    def test_a_stop_cancels_the_busy_when_the_grace_is_over(self):
        async def play():
            app = App()
            async with app.site() as site:
                busy = site.connect()
                await busy.send(GET % "/long")
                await site.wait_line("invoking")
                await site.server.stop(200)
                self.assertEqual((app.ended, site.pool.count_ready()), (1, 2))
                busy.close()

        run_async(play())

    def test_start_and_stop_are_idle_when_there_is_nothing_to_do(self):
        async def play():
            async with App().site() as site:
                await site.server.start("127.0.0.1")
                await site.server.stop()
                await site.server.stop()
                self.assertFalse(site.server.is_running())
                await site.server.start("127.0.0.1")
                self.assertTrue(site.server.is_running())

        run_async(play())

    def test_a_stop_at_once_after_the_start_ends_everything(self):
        async def play():
            app = App()
            site = app.site()
            site.pool.start(2, 1000, site.log)
            for _ in range(3):
                await site.server.start("127.0.0.1")
                await site.server.stop()
            await site.server.close()
            await site.pool.close()

        run_async(play())

    def test_close_after_a_start_that_was_interrupted_gives_the_port_back(self):
        async def play():
            site = App().site()
            info = site.log.info

            def interrupt(text, *args):
                if text == "Registering URI handlers":
                    raise RuntimeError
                info(text, *args)

            site.log.info = interrupt
            with self.assertRaises(RuntimeError):
                await site.server.start("127.0.0.1")
            await site.server.close()
            site.log.info = info
            await site.server.start("127.0.0.1")
            await site.server.close()

        run_async(play())


class FailingSocket:
    """A listening socket whose next `count` accepts fail."""

    def __init__(self, sock, error, count):
        self._sock = sock
        self._error = error
        self._count = count

    def accept(self):
        if self._count:
            self._count -= 1
            raise self._error
        return self._sock.accept()

    def close(self):
        self._sock.close()


class ResettingSocket:
    """A listening socket whose clients have reset when they are accepted."""

    def __init__(self, sock):
        self.sock = sock

    def accept(self):
        sock, address = self.sock.accept()
        return self._Reset(sock), address

    class _Reset:
        def __init__(self, sock):
            self._sock = sock

        def setblocking(self, blocking):
            pass

        def setsockopt(self, *args):
            raise OSError(22)

        def close(self):
            self._sock.close()


def count_calls(thing, name):
    """A list that grows by each call of a method of `thing`."""
    calls = []
    method = getattr(thing, name)

    def counted(*args):
        calls.append(args)
        return method(*args)

    setattr(thing, name, counted)
    return calls
