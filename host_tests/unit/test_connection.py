import asyncio
import unittest

import firmware
import firmware.heads as heads_module
from firmware.heads import head_length
from firmware.slots import IDLE, LINGERING
from host_tests.unit.fakes import run_async, turns, until
from host_tests.unit.sites import GET, App


class TestConnection(unittest.TestCase):
    @run_async
    async def test_requests_follow_each_other_on_one_connection(self):
        async with App().site() as site:
            peer = site.connect()
            for _ in range(20):
                self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()
            await site.wait_open(0)

    @run_async
    async def test_a_ping_of_the_server_is_answered_without_the_application_and_the_log(self):
        async with App().site() as site:
            for version in ("0", "1"):
                peer = site.connect()
                await peer.send("OPTIONS * HTTP/1.%s\r\nHost: \r\n\r\n" % version)
                answer = await peer.read_all()
                self.assertEqual(answer, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                peer.close()
            self.assertEqual([line for line in site.log.lines if "uri:" in line], [])
            peer = site.connect()
            self.assertIn(" 404 ", await peer.ask("GET * HTTP/1.1\r\nHost: x\r\n\r\n"))
            peer.close()

    @run_async
    async def test_one_that_asked_for_the_end_and_sent_more_gets_no_reset(self):
        async with App().site() as site:
            for version, field in (("1", "Connection: close\r\n"), ("0", "")):
                peer = site.connect()
                text = "GET /quick HTTP/1.%s\r\nHost: x\r\n%s\r\n" % (version, field)
                await peer.send(text + "x" * 3000)
                await until(lambda: LINGERING in [slot.state for slot in site.server.table.slots])
                self.assertIn("quick", await peer.read_all())
                peer.close()

    @run_async
    async def test_one_that_asked_for_the_end_closes_first_if_it_does_so_soon(self):
        async with App().site() as site:
            slots = site.server.table.slots
            states = []
            for version, field in (("1", "Connection: close\r\n"), ("1", ""), ("0", "")):
                peer = site.connect()
                await peer.send("GET /quick HTTP/1.%s\r\nHost: x\r\n%s\r\n" % (version, field))
                await peer.read()
                states.append([slot.state for slot in slots if slot.state])
                peer.close()
                await site.wait_open(0)
            self.assertEqual(states, [[LINGERING], [IDLE], []])
            peer = site.connect()
            await peer.send("GET /quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            self.assertIn("quick", await peer.read_all())  # one that waits for our end
            peer.close()

    @run_async
    async def test_a_handler_that_is_cancelled_by_what_it_awaits_is_a_line_and_a_traceback(self):
        app = App()

        @app.app.get("/cancelled")
        async def cancelled(request):
            raise asyncio.CancelledError

        async with app.site() as site:
            peer = site.connect()
            self.assertIn("HTTP/1.1 500 ", await peer.ask(GET % "/cancelled"))
            self.assertIn("request failed: CancelledError()", site.log.lines)
            peer.close()

    @run_async
    async def test_four_connections_at_full_load_are_served_alike(self):
        served = [0] * 4
        async with App().site(max_open_sockets=4) as site:
            peers = [site.connect() for _ in range(4)]
            await asyncio.gather(*[self.ask_often(peers[n], served, n) for n in range(4)])
            self.assertGreaterEqual(min(served), 80)
            for peer in peers:
                peer.close()

    async def ask_often(self, peer, served, number):
        while max(served) < 100:
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            served[number] += 1

    @run_async
    async def test_one_with_many_requests_in_a_row_lets_the_others_in(self):
        async with App().site() as site:
            greedy, modest = site.connect(), site.connect()
            await modest.ask(GET % "/quick")
            await greedy.send((GET % "/quick") * 25)
            self.assertIn("quick", await modest.ask(GET % "/quick"))
            self.assertLess(len([line for line in site.log.lines if "uri:" in line]), 12)
            greedy.close()
            modest.close()

    @run_async
    async def test_a_head_without_an_end_is_held_up_to_its_limit_and_no_further(self):
        held = []

        def measure(received, *limits):
            held.append(len(received))
            return head_length(received, *limits)

        heads_module.head_length = measure
        try:
            async with App().site(max_req_hdr_len=1024, max_uri_len=500) as site:
                peer = site.connect()
                sending = asyncio.create_task(peer.send("GET / HTTP/1.1\r\nA: " + "a" * 200000))
                self.assertIn("HTTP/1.1 431 ", await peer.read())
                sending.cancel()
                peer.close()
                await site.wait_open(0)
        finally:
            heads_module.head_length = head_length
        self.assertEqual(max(held), 1024)

    @run_async
    async def test_a_handler_that_is_cancelled_from_elsewhere_is_500_and_the_slot_lives(self):
        async with App().site(max_open_sockets=2, workers=1) as site:
            for _ in range(4):
                peer = site.connect()
                self.assertIn("HTTP/1.1 500 ", await peer.ask(GET % "/cancelled"))
                peer.close()
            await site.wait_open(0)

    @run_async
    async def test_a_client_that_is_refused_and_stays_is_closed_without_another_word(self):
        async with App().site() as site:
            peer = site.connect()
            await peer.send("NONSENSE\r\n\r\n")
            text = await peer.read_all()
            self.assertTrue(text.startswith("HTTP/1.1 400"))
            self.assertEqual(text.count("HTTP/1.1"), 1)
            peer.close()

    @run_async
    async def test_what_the_server_says_itself_has_the_date_once_the_clock_is_set(self):
        for is_set in (False, True):
            firmware.is_clock_set = is_set
            try:
                async with App().site() as site:
                    for request in ("NONSENSE\r\n\r\n", "OPTIONS * HTTP/1.0\r\n\r\n"):
                        peer = site.connect()
                        await peer.send(request)
                        text = await peer.read_all()
                        self.assertEqual("\r\nDate: " in text, is_set)
                        self.assertIn("\r\nConnection: close\r\n", text)
                        peer.close()
            finally:
                firmware.is_clock_set = False

    @run_async
    async def test_a_client_that_closes_frees_the_worker_that_says_nothing(self):
        app = App()
        async with app.site() as site:
            peer = site.connect()
            await peer.send(GET % "/long")
            await site.wait_line("invoking")
            peer.close()
            await site.pool.wait_ready()
            self.assertEqual(app.ended, 1)
            await site.wait_open(0)

    @run_async
    async def test_what_is_pipelined_behind_a_long_request_is_answered_after_it(self):
        app = App()
        async with app.site() as site:
            peer = site.connect()
            await peer.send(GET % "/long")
            await site.wait_line("invoking")
            await peer.send(GET % "/quick")
            slots = site.server.table.slots
            await until(lambda: any(s.owner._wire and s.owner._wire.received for s in slots))
            app.gate.set()  # now that the reaper has looked and found it
            text = await peer.read()
            while "quick" not in text:
                text += await peer.read()
            self.assertIn("long", text)
            peer.close()


class TestWaysOut(unittest.TestCase):
    """Wherever a connection is closed while its client still sends, the answer arrives."""

    async def send_on(self, peer, count=6):
        for _ in range(count):
            await peer.send("x" * 500)
            await turns()

    @run_async
    async def test_a_refused_head_behind_which_the_client_sends_on_is_answered(self):
        async with App().site() as site:
            peer = site.connect()
            await peer.send("GET / HTTP/3.0\r\n")
            await site.wait_line("refused with 505")
            self.assertFalse("server." in site.log.lines[-1])
            await self.send_on(peer)
            self.assertIn("HTTP/1.1 505 ", await peer.read())
            peer.close()
            await site.wait_open(0)

    @run_async
    async def test_an_early_answer_to_a_body_that_still_comes_arrives(self):
        async with App().site(max_body_len=300) as site:
            peer = site.connect()
            await peer.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n")
            await site.wait_line("refused with 413")
            self.assertTrue(site.log.lines[-1].endswith("; server.max_body_len"))
            await self.send_on(peer)
            self.assertIn("HTTP/1.1 413 ", await peer.read())
            peer.close()
            await site.wait_open(0)

    @run_async
    async def test_the_last_answer_arrives_although_more_requests_were_sent(self):
        async with App().site() as site:
            peer = site.connect()
            last = "GET /quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            await peer.send(last + (GET % "/quick") * 3)
            text = await peer.read_all()
            self.assertEqual(text.count("HTTP/1.1 200"), 1)
            self.assertTrue(text.endswith("quick"))
            peer.close()

    @run_async
    async def test_a_lingering_connection_gives_its_slot_to_a_newcomer(self):
        async with App().site(max_open_sockets=2, workers=1) as site:
            peers = [site.connect(), site.connect()]
            for peer in peers:
                self.assertIn(" 400 ", await peer.ask("NONSENSE\r\n"))
            newcomer = site.connect()
            self.assertIn("quick", await newcomer.ask(GET % "/quick"))
            for peer in peers + [newcomer]:
                peer.close()

    @run_async
    async def test_what_is_not_http_is_refused_at_its_first_bytes(self):
        async with App().site() as site:
            for first in ("\x16\x03\x01", "SSH-2.0-x\r\n", "\x10\x10\0\x04MQTT"):
                peer = site.connect()
                self.assertIn("HTTP/1.1 400 ", await peer.ask(first))
                peer.close()

    @run_async
    async def test_empty_lines_before_a_request_are_skipped(self):
        async with App().site() as site:
            peer = site.connect()
            for _ in range(3):
                await peer.send("\r\n")
                await site.wait_open(1)
                await turns()
            self.assertIn("quick", await peer.ask("\r\n\r\n" + GET % "/quick"))
            peer.close()

    @run_async
    async def test_a_long_head_takes_from_the_budget_and_gives_it_back(self):
        async with App().site(max_req_hdr_len=4096) as site:
            peer = site.connect()
            await peer.send("GET /quick HTTP/1.1\r\nHost: x\r\nA: " + "a" * 1000)
            await turns()
            await peer.send("a" * 2000)
            await until(lambda: site.memory.taken >= 2048)
            self.assertIn("quick", await peer.ask("\r\n\r\n"))
            self.assertEqual(site.memory.taken, 0)
            site.memory.budget = 1024
            await peer.send("GET /quick HTTP/1.1\r\nHost: x\r\nA: " + "a" * 1000)
            await turns()
            await peer.send("a" * 2000)
            self.assertIn("HTTP/1.1 503 Busy", await peer.read())
            peer.close()
            await site.wait_open(0)
            self.assertEqual(site.memory.taken, 0)

    @run_async
    async def test_a_long_head_that_is_whole_takes_what_it_is_long(self):
        async with App().site(max_req_hdr_len=4096) as site:
            peer = site.connect()
            head = (GET % "/held").replace("\r\n\r\n", "\r\nA: " + "a" * 1500 + "\r\n\r\n")
            await peer.send(head[:1024])
            await turns()
            await peer.send(head[1024:])
            await until(lambda: site.memory.taken == len(head))
            peer.close()
            await site.wait_open(0)
            self.assertEqual(site.memory.taken, 0)


class TestDeadlines(unittest.TestCase):
    @run_async
    async def test_defect_h_a_head_that_drips_is_408_at_the_deadline(self):
        async with App().site(recv_wait_timeout_ms=300) as site:
            peer = site.connect()
            dripping = asyncio.create_task(self.drip(peer))
            self.assertIn("HTTP/1.1 408 Request Timeout", await peer.read_all())
            dripping.cancel()
            peer.close()
            await site.wait_open(0)

    async def drip(self, peer):
        for octet in GET % ("/" + "a" * 100):
            await peer.send(octet)
            await asyncio.sleep(0.05)

    @run_async
    async def test_defect_f_a_long_request_past_its_deadline_is_503_and_its_worker_ready(self):
        app = App()
        async with app.site(timeout_ms=200) as site:
            peer = site.connect()
            self.assertIn("HTTP/1.1 503 ", await peer.ask(GET % "/long"))
            await site.pool.wait_ready()
            self.assertEqual(app.ended, 1)
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()

    @run_async
    async def test_a_body_that_does_not_come_is_408_at_the_deadline(self):
        async with App().site(recv_wait_timeout_ms=300) as site:
            peer = site.connect()
            await peer.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
            self.assertTrue((await peer.read_all()).startswith("HTTP/1.1 408"))
            peer.close()

    @run_async
    async def test_a_client_that_says_nothing_is_closed_without_a_word(self):
        async with App().site(recv_wait_timeout_ms=200) as site:
            peer = site.connect()
            self.assertEqual(await peer.read_all(), "")
            peer.close()

    @run_async
    async def test_a_client_that_idles_after_a_response_is_closed_without_a_word(self):
        async with App().site(keep_alive_timeout_ms=200) as site:
            peer = site.connect()
            await peer.ask(GET % "/quick")
            self.assertEqual(await peer.read_all(), "")
            peer.close()

    @run_async
    async def test_so_is_one_that_sends_an_empty_line_behind_its_request(self):
        async with App().site(keep_alive_timeout_ms=300, recv_wait_timeout_ms=200) as site:
            peer = site.connect()
            self.assertIn("quick", await peer.ask(GET % "/quick" + "\r\n"))
            await peer.send("\r\n")
            self.assertEqual(await peer.read_all(), "")
            peer.close()
