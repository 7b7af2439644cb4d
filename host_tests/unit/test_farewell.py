"""Who gets no response of the application is told so in one short error, or closed."""

import unittest

from host_tests.unit.fakes import run_async
from host_tests.unit.sites import GET, App


class TestTurnedAway(unittest.TestCase):
    @run_async
    async def test_while_memory_is_short_newcomers_get_503_and_the_idle_are_closed(self):
        app = App()
        async with app.site(max_open_sockets=3) as site:
            idle, busy = site.connect(), site.connect()
            await idle.ask(GET % "/quick")
            await busy.send(GET % "/held")
            await site.wait_line("uri: /held")
            site.memory.is_exhausted = True
            self.assertEqual(await idle.read(), "")
            self.assertIsNone(site.server._parser._last)  # it may lie where the heap has grown
            newcomer = site.connect()
            self.assertIn("503 Busy", await newcomer.ask(GET % "/quick"))
            site.memory.is_exhausted = False
            again = site.connect()
            self.assertIn("quick", await again.ask(GET % "/quick"))
            app.gate.set()
            self.assertIn("held", await busy.read())
            for peer in (idle, busy, newcomer, again):
                peer.close()

    @run_async
    async def test_while_there_is_no_room_newcomers_get_503_and_the_others_go_on(self):
        async with App().site(max_open_sockets=3) as site:
            idle = site.connect()
            await idle.ask(GET % "/quick")
            site.memory.has_room = False
            newcomer = site.connect()
            self.assertIn("503 Busy", await newcomer.ask(GET % "/quick"))
            await site.wait_line("out of memory: no room for a newcomer")
            self.assertIn("quick", await idle.ask(GET % "/quick"))
            idle.close()
            newcomer.close()

    @run_async
    async def test_while_the_radio_has_no_memory_who_is_refused_is_closed_without_a_word(self):
        app = App()
        async with app.site(max_open_sockets=2) as site:
            idle, busy = site.connect(), site.connect()
            await idle.ask(GET % "/quick")
            await busy.send(GET % "/held")
            await site.wait_line("uri: /held")
            site.memory.radio.is_deaf = True
            site.memory.budget = 0
            await idle.send("GET /quick HTTP/1.1\r\nHost: x\r\nA: " + "a" * 600)  # a long head
            self.assertEqual(await idle.read_all(), "")
            site.memory.is_exhausted = True
            newcomer = site.connect()
            await newcomer.send(GET % "/quick")
            self.assertEqual(await newcomer.read_all(), "")
            await site.wait_line("closed, since the radio has no memory", 2)
            site.memory.is_exhausted = site.memory.radio.is_deaf = False
            app.gate.set()
            self.assertIn("held", await busy.read())
            for peer in (idle, busy, newcomer):
                peer.close()

    @run_async
    async def test_then_nobody_is_let_in_though_there_are_slots_and_the_others_go_on(self):
        async with App().site(max_open_sockets=3) as site:
            kept = site.connect()
            await kept.ask(GET % "/quick")
            site.memory.radio.is_deaf = True
            newcomer = site.connect()
            await newcomer.send(GET % "/quick")
            self.assertEqual(await newcomer.read_all(), "")
            await site.wait_line("closed, since the radio has no memory")
            self.assertNotIn("No sockets are available", site.log.lines)
            self.assertIn("quick", await kept.ask(GET % "/quick"))
            site.memory.radio.is_deaf = False
            again = site.connect()
            self.assertIn("quick", await again.ask(GET % "/quick"))
            for peer in (kept, newcomer, again):
                peer.close()


class TestLastWord(unittest.TestCase):
    @run_async
    async def test_to_a_head_it_has_no_body(self):
        async with App().site(recv_wait_timeout_ms=100) as site:
            for method, is_empty in (("HEAD", True), ("GET", False)):
                peer = site.connect()
                await peer.send(method + " /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
                answer = await peer.read_all()
                self.assertTrue(answer.startswith("HTTP/1.1 408 "))
                self.assertEqual(answer.endswith("\r\n\r\n"), is_empty)
                peer.close()

    @run_async
    async def test_its_body_does_not_depend_on_the_client_before(self):
        async with App().site(max_open_sockets=1) as site:
            peer = site.connect()
            await peer.ask("HEAD /quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            peer.close()
            await site.wait_open(0)
            owner = site.server.table.slots[0].owner

            def fail():
                del owner._serve
                raise MemoryError

            owner._serve = fail
            peer = site.connect()
            self.assertIn("\r\n\r\n503 Busy", await peer.read())
            peer.close()
