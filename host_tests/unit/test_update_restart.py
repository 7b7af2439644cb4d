import asyncio
import unittest

from firmware.update.restart import restart
from host_tests.unit.fakes import FakeLog, run_async


class TestRestart(unittest.TestCase):
    def setUp(self):
        self.said: list = []
        self.restarts: list = []
        self.log = FakeLog()
        self.sleep_ms = asyncio.sleep_ms
        asyncio.sleep_ms = lambda delay_ms: self.sleep_ms(0)  # type: ignore[assignment]
        from firmware import last_words  # others have dropped it meanwhile

        self.last_words, self.end = last_words, last_words.end

    def tearDown(self):
        self.last_words.end = self.end
        asyncio.sleep_ms = self.sleep_ms

    def reset(self):
        self.restarts.append(list(self.said))

    @run_async
    async def test_it_says_why_and_is_no_bad_start(self):
        self.last_words.end = lambda *given: self.said.append(given)
        await restart(self.log, "no further update", self.reset)
        self.assertEqual(self.restarts, [[("no further update", False)]])
        self.assertEqual(self.log.lines, ["update: restarting"])

    @run_async
    async def test_it_comes_without_memory_for_last_words_too(self):
        def fail(*given):
            raise MemoryError

        self.last_words.end = fail
        with self.assertRaises(MemoryError):
            await restart(self.log, "no further update", self.reset)
        self.assertEqual(self.restarts, [[]])
