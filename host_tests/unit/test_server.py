import asyncio
import gc
import unittest
from time import ticks_diff, ticks_ms

from host_tests.unit.fakes import run_async, turns
from host_tests.unit.sites import GET, App, count_files, count_tasks


class TestStop(unittest.TestCase):
    @run_async
    async def test_defect_c_a_stop_in_the_middle_of_long_requests_loses_nothing(self):
        app = App()
        async with app.site(max_open_sockets=5) as site:
            files, heaps = None, []
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
                heaps.append(gc.mem_alloc())
                if cycle:  # the first makes what is made once
                    files = files or (count_files(), count_tasks())
                    self.assertEqual((count_files(), count_tasks()), files)
                await site.server.start("127.0.0.1")
            # A table that has grown once is no leak; that grows with every cycle.
            levels = [min(heaps[first : first + 6]) for first in (2, 8, 14)]
            self.assertLess(min(levels[1] - levels[0], levels[2] - levels[1]), 100)

    @run_async
    async def test_memory_that_stays_short_ends_the_busy_too(self):
        async with App().site() as site:
            busy = site.connect()
            await busy.send(GET % "/held")
            await site.wait_line("uri: /held")
            site.memory.is_exhausted = site.memory.is_exhausted_for_long = True
            self.assertNotIn("held", await busy.read())
            busy.close()

    @run_async
    async def test_a_stop_with_grace_lets_the_busy_finish_and_closes_the_idle(self):
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
            start = ticks_ms()
            await stopping
            self.assertLess(ticks_diff(ticks_ms(), start), 1000)
            idle.close()
            busy.close()

    @run_async
    async def test_a_stop_cancels_the_busy_when_the_grace_is_over(self):
        app = App()
        async with app.site() as site:
            busy = site.connect()
            await busy.send(GET % "/long")
            await site.wait_line("invoking")
            await site.server.stop(200)
            self.assertEqual((app.ended, site.pool.count_ready()), (1, 2))
            busy.close()

    @run_async
    async def test_start_and_stop_are_idle_when_there_is_nothing_to_do(self):
        async with App().site() as site:
            await site.server.start("127.0.0.1")
            await site.server.stop()
            await site.server.stop()
            self.assertFalse(site.server.is_running())
            await site.server.start("127.0.0.1")
            self.assertTrue(site.server.is_running())

    @run_async
    async def test_a_stop_at_once_after_the_start_ends_everything(self):
        app = App()
        site = app.site()
        site.pool.start(2)
        for _ in range(3):
            await site.server.start("127.0.0.1")
            await site.server.stop()
        await site.server.close()
        await site.pool.close()

    @run_async
    async def test_a_start_that_ended_in_the_middle_is_completed_by_the_next(self):
        site = App().site()
        owner = site.server._slots[1].owner
        start = owner.start

        def fail():
            owner.start = start
            raise MemoryError

        owner.start = fail
        with self.assertRaises(MemoryError):
            await site.server.start("127.0.0.1")
        await site.server.start("127.0.0.1")
        self.assertTrue(all(slot.owner.task for slot in site.server._slots))
        await site.server.close()

    @run_async
    async def test_close_before_each_connection_has_its_task_ends_those_that_have(self):
        site = App().site()
        site.server._slots[1].owner.start = lambda: None
        await site.server.start("127.0.0.1")
        await site.server.close()
        self.assertFalse([slot for slot in site.server._slots if slot.owner.task])

    @run_async
    async def test_close_after_a_start_that_was_interrupted_gives_the_port_back(self):
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
