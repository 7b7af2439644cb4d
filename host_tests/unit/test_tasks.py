import asyncio
import unittest
from time import ticks_diff, ticks_ms

from firmware.tasks import join
from host_tests.unit.fakes import run_async, turns


class Deaf:
    """Ends like a task, and never does: one that Ctrl-C struck."""

    def __init__(self):
        self.cancelled = 0

    def done(self):
        return False

    def cancel(self):
        self.cancelled += 1


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
