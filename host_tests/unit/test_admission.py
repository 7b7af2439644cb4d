import asyncio
import unittest
from time import ticks_add, ticks_diff, ticks_ms

from microdot import Microdot

from firmware.slots import NEW, PURGED
from host_tests.unit.fakes import run_async, turns, until
from host_tests.unit.sites import GET, App, Site, count_calls


class TestAdmission(unittest.TestCase):
    @run_async
    async def test_when_all_slots_idle_the_least_recently_used_is_closed_for_a_newcomer(self):
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

    @run_async
    async def test_defect_a_with_all_at_work_a_newcomer_gets_503_and_the_loop_stays_idle(self):
        app = App()
        async with app.site(max_open_sockets=3) as site:
            peers = [site.connect() for _ in range(3)]
            for peer in peers[:2]:
                await peer.send(GET % "/long")
            await peers[2].send(GET % "/held")
            await site.wait_line("uri:", 3)
            waits = count_calls(site.server._listener, "wait_pending")
            for _ in range(2):
                newcomer = site.connect()
                answer = await newcomer.ask(GET % "/quick")
                self.assertIn("HTTP/1.1 503 Busy\r\n", answer)
                await site.wait_line("refused with 503: ")
                self.assertTrue(site.log.lines[-1].endswith("; server.max_open_sockets"))
                self.assertEqual(await newcomer.read(), "")
                newcomer.close()
            await asyncio.sleep(0.3)  # in which a busy loop would go round thousands of times
            self.assertLessEqual(len(waits), 4)
            app.gate.set()
            for peer in peers:
                self.assertIn("200 OK", await peer.read())
                peer.close()

    @run_async
    async def test_a_newcomer_that_says_nothing_gets_503_too(self):
        async with App().site(max_open_sockets=2, workers=1) as site:
            peers = [site.connect() for _ in range(2)]
            for peer in peers:
                await peer.send(GET % "/held")
            await site.wait_line("uri:", 2)
            newcomer = site.connect()
            start = ticks_ms()
            self.assertIn("503 Busy", await newcomer.read_all())
            self.assertLess(ticks_diff(ticks_ms(), start), 3000)
            for peer in peers + [newcomer]:
                peer.close()

    @run_async
    async def test_every_client_of_a_storm_is_answered_through_one_slot(self):
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

    @run_async
    async def test_defect_g_a_close_that_comes_late_does_not_hit_the_next_on_the_slot(self):
        async with App().site(max_open_sockets=2, workers=1) as site:
            first = site.connect()
            await first.ask(GET % "/quick")
            owner = [slot.owner for slot in site.server.table.slots if slot.state][0]
            for _ in range(3):  # decided three times before the task could run
                owner.cut(PURGED)
            self.assertEqual(await first.read(), "")
            second = site.connect()
            self.assertIn("quick", await second.ask(GET % "/quick"))
            await turns()
            self.assertIn("quick", await second.ask(GET % "/quick"))
            first.close()
            second.close()

    @run_async
    async def test_a_connection_cut_before_its_first_step_frees_its_slot(self):
        async with App().site(max_open_sockets=2, workers=1) as site:
            connection = site.server.table.slots[0].owner
            take = connection.take

            def take_and_cut(sock, address):
                take(sock, address)
                connection.cut(PURGED)

            connection.take = take_and_cut
            peer = site.connect()
            self.assertIn("HTTP/1.1 503 Busy\r\n", await peer.read())
            await site.wait_open(0)
            peer.close()
            connection.take = take
            peer = site.connect()
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            peer.close()

    @run_async
    async def test_a_newcomer_is_served_while_a_cut_handler_is_slow_to_end(self):
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
            await until(lambda: any(slot.reason for slot in site.server.table.slots))
            newcomer = site.connect()
            self.assertIn("quick", await newcomer.ask(GET % "/quick"))
            self.assertEqual(site.server.count_open(), 3)  # the slow one among them
            for peer in peers[:2] + [newcomer]:
                peer.close()


class TestTurnedAway(unittest.TestCase):
    """503 on the spare slot, when every other is at work or memory is short."""

    async def fill(self, site):
        peers = [site.connect() for _ in range(3)]
        for peer in peers:
            await peer.send(GET % "/held")
        await site.wait_line("uri: /held", 3)
        return peers

    @run_async
    async def test_a_newcomer_whose_request_takes_its_time_gets_503_for_an_answer(self):
        async with App().site(max_open_sockets=3) as site:
            peers = await self.fill(site)
            newcomer = site.connect()
            await until(lambda: site.server.table.spare.state == NEW)
            self.assertIn("503 Busy", await newcomer.ask(GET % "/quick"))
            for peer in peers + [newcomer]:
                peer.close()

    @run_async
    async def test_newcomers_that_stay_do_not_hold_the_spare_slot(self):
        async with App().site(max_open_sockets=3) as site:
            peers = await self.fill(site)
            newcomers = [site.connect() for _ in range(3)]
            for newcomer in newcomers:
                self.assertIn("503 Busy", await newcomer.ask(GET % "/quick"))
            for peer in peers + newcomers:
                peer.close()

    @run_async
    async def test_a_head_request_that_is_turned_away_gets_no_body(self):
        async with App().site(max_open_sockets=3) as site:
            peers = await self.fill(site)
            newcomer = site.connect()
            answer = await newcomer.ask("HEAD /quick HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue("503 Busy" in answer and answer.endswith("\r\n\r\n"))
            for peer in peers + [newcomer]:
                peer.close()

    @run_async
    async def test_a_newcomer_that_is_purged_before_its_request_has_come_gets_503(self):
        async with App().site(max_open_sockets=3) as site:
            peer = site.connect()
            await site.wait_open(1)
            site.server._slots[0].owner.cut(PURGED)
            self.assertIn("HTTP/1.1 503 Busy\r\n", await peer.read())
            peer.close()

    @run_async
    async def test_one_that_has_said_nothing_for_long_is_purged_without_a_word(self):
        async with App().site(max_open_sockets=3) as site:
            peer = site.connect()
            await site.wait_open(1)
            slot = site.server._slots[0]
            slot.since = ticks_add(slot.since, -300)
            slot.owner.cut(PURGED)
            self.assertEqual(await peer.read(), "")
            peer.close()

    @run_async
    async def test_a_newcomer_that_is_slow_to_send_is_not_purged_for_the_next(self):
        async with App().site(max_open_sockets=3) as site:
            slow = [site.connect() for _ in range(3)]
            await site.wait_open(3)
            late = site.connect()
            await late.send(GET % "/quick")
            await asyncio.sleep(0.15)  # as long as a request takes over a slow link
            for peer in slow:
                self.assertIn("quick", await peer.ask(GET % "/quick"))
            self.assertIn("quick", await late.read())
            for peer in slow + [late]:
                peer.close()

    @run_async
    async def test_who_is_purged_for_a_newcomer_is_not_one_whose_request_is_there_unread(self):
        async with App().site(max_open_sockets=3) as site:
            peers = [site.connect() for _ in range(3)]
            await site.wait_open(3)
            for slot in site.server.table.slots:
                slot.since = ticks_add(slot.since, -1000)  # the loop has stood still
            peers[0].sock.send((GET % "/quick").encode())
            newcomer = site.connect()
            newcomer.sock.send((GET % "/quick").encode())
            self.assertIn("quick", await newcomer.read())
            self.assertIn("quick", await peers[0].read())
            self.assertEqual(await peers[1].read(), "")
            for peer in peers + [newcomer]:
                peer.close()
