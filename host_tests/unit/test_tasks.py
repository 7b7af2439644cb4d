import asyncio
import unittest
from time import ticks_diff, ticks_ms

from microdot import Microdot

from firmware.slots import BUSY, STOPPED
from firmware.tasks import is_within, join, wake
from firmware.workers import WorkerPool
from host_tests.unit.fakes import run_async, turns, until
from host_tests.unit.sites import GET, Site


class Deaf:
    """Ends like a task, and never does: one that Ctrl-C struck."""

    def __init__(self):
        self.cancelled = 0

    def done(self):
        return False

    def cancel(self):
        self.cancelled += 1


class TestIsWithin(unittest.TestCase):
    @run_async
    async def test_what_ends_in_time_is_within(self):
        self.assertTrue(await is_within(turns(), 5))

    @run_async
    async def test_what_does_not_is_cancelled(self):
        ended = []

        async def wait():
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(1)

        self.assertFalse(await is_within(wait(), 0.01))
        self.assertEqual(ended, [1])


class TestJoin(unittest.TestCase):
    @run_async
    async def test_a_task_has_ended_with_its_clean_up_when_it_returns(self):
        steps = []

        async def work():
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                steps.append("cleaned up")

        task = asyncio.create_task(work())
        await turns()
        await join(task)
        self.assertTrue(task.done())
        await turns()

    @run_async
    async def test_a_task_that_swallows_cancellations_gets_the_next(self):
        swallowed = []

        async def work():
            while len(swallowed) < 3:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    swallowed.append(1)

        task = asyncio.create_task(work())
        await turns()
        await join(task)
        self.assertTrue(task.done())
        self.assertEqual(len(swallowed), 3)

    @run_async
    async def test_a_task_that_has_ended_is_not_touched(self):
        async def work():
            pass

        task = asyncio.create_task(work())
        await task
        await join(task)

    @run_async
    async def test_it_gives_up_after_a_second(self):
        deaf = Deaf()
        start = ticks_ms()
        await join(deaf)
        self.assertTrue(900 <= ticks_diff(ticks_ms(), start) < 3000)
        self.assertLess(10, deaf.cancelled)


class TestWake(unittest.TestCase):
    @run_async
    async def test_a_handler_that_yields_by_itself_is_a_500_or_a_body_and_keeps_no_slot(self):
        app = Microdot()
        pool = WorkerPool()

        @app.get("/plain")
        def plain(request):
            yield "a"
            yield "b"

        app.get("/long")(pool.long(plain))
        async with Site(app, pool, max_open_sockets=3) as site:
            for path in ("/plain", "/long") * 4:  # more often than there are slots and workers
                peer = site.connect()
                answer = await peer.ask(GET % path)
                if hasattr(asyncio, "Runner"):
                    self.assertIn("200 OK", answer)
                else:
                    self.assertIn("HTTP/1.1 500 ", answer)
                    error = TypeError("a handler is no generator; an async def may return one")
                    self.assertIn("request failed: " + repr(error), site.log.lines)
                peer.close()
                await site.wait_open(0)
                await site.pool.wait_ready()

    @run_async
    async def test_so_does_one_that_was_cut_before_it_was_seen(self):
        app = Microdot()

        @app.get("/plain")
        def plain(request):
            yield "a"

        async with Site(app, max_open_sockets=3) as site:
            for _ in range(4):
                peer = site.connect()
                await peer.send(GET % "/plain")
                slot = (await site.wait_wire()).slot
                if slot.state == BUSY:
                    slot.owner.cut(STOPPED)
                peer.close()
                await site.wait_open(0)

    @run_async
    async def test_one_that_waits_or_sleeps_or_is_about_to_run_is_left_alone(self):
        ended = []

        async def wait(awaited):
            await awaited
            ended.append(1)

        event = asyncio.Event()
        tasks = [asyncio.create_task(wait(event.wait())), asyncio.create_task(wait(turns(2)))]
        tasks.append(asyncio.create_task(wait(asyncio.sleep(0.05))))
        cut = asyncio.create_task(wait(asyncio.Event().wait()))
        due = ticks_ms()
        await asyncio.sleep(0)
        cut.cancel()
        for task in tasks + [cut, None]:
            wake(task, due)
        with self.assertRaises(asyncio.CancelledError):
            await cut
        event.set()
        await until(lambda: len(ended) == 3)
