import unittest

import firmware
from firmware import trial
from host_tests.unit.fakes import FakeLog, run_async

SERVED = "served for a minute"


class Server:
    """Serves from a step on; None: never.  At another one the next version takes its place."""

    def __init__(self, serves_from, replaced_at):
        self._serves_from = serves_from
        self.replaced_at = replaced_at
        self.steps = 0

    def is_running(self):
        return self._serves_from is not None and self.steps > self._serves_from

    async def sleep_ms(self, ms):
        self.steps += 1
        if self.steps == self.replaced_at:
            firmware.is_on_trial = False


class Parts:
    trial = "its task"

    def __init__(self, server):
        self.server = server
        self.log = FakeLog()


def fail(*given):
    raise MemoryError


class TestTrial(unittest.TestCase):
    async def watch(self, serves_from, replaced_at=None):
        server = Server(serves_from, replaced_at)
        restarts = []
        parts = Parts(server)
        firmware.is_on_trial = True
        await trial.watch(parts, lambda: restarts.append(server.steps), server.sleep_ms)
        self.assertIs(parts.trial is None, server.steps < 180 and not replaced_at)
        return server.steps, restarts, parts.log

    @run_async
    async def test_a_version_that_serves_for_a_minute_is_good(self):
        steps, restarts, log = await self.watch(5)
        self.assertEqual((steps, restarts), (65, []))
        self.assertIn(SERVED, str(log.lines))
        self.assertFalse(firmware.is_on_trial)

    @run_async
    async def test_one_that_does_not_serve_within_three_minutes_starts_again(self):
        for serves_from in (None, 121):
            steps, restarts, log = await self.watch(serves_from)
            self.assertEqual((steps, restarts), (180, [180]))
            self.assertNotIn(SERVED, str(log.lines))
            self.assertTrue(firmware.is_on_trial)
            firmware.is_on_trial = False

    @run_async
    async def test_one_that_has_no_memory_for_its_last_words_starts_again_too(self):
        from firmware import last_words  # others have dropped it meanwhile

        server, restarts, end = Server(None, None), [], last_words.end
        last_words.end = fail
        firmware.is_on_trial = True
        try:
            with self.assertRaises(MemoryError):
                await trial.watch(Parts(server), lambda: restarts.append(1), server.sleep_ms)
        finally:
            last_words.end = end
            firmware.is_on_trial = False
        self.assertEqual(restarts, [1])

    @run_async
    async def test_one_that_is_replaced_meanwhile_leaves_the_trial_of_the_next_alone(self):
        for serves_from in (0, None):
            steps, restarts, log = await self.watch(serves_from, replaced_at=30)
            self.assertEqual((steps, restarts, log.lines), (30, [], []))
