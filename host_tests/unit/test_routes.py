import unittest
from time import ticks_diff, ticks_ms

from firmware.routes import Ticks, create_app
from firmware.workers import WorkerPool
from host_tests.unit.fakes import FakeLog, read_all, run_async
from host_tests.unit.sites import GET, Site


class TestRoutes(unittest.TestCase):
    async def ask(self, path):
        """The whole response, and the lines of the log."""
        pool = WorkerPool()
        log = FakeLog()
        async with Site(create_app(pool, log, 3, 10), pool) as site:
            peer = site.connect()
            await peer.send((GET % path).replace("Host", "Connection: close\r\nHost"))
            text = await peer.read_all()
            peer.close()
        return text, log.lines

    @run_async
    async def test_the_index_links_to_the_others(self):
        text, _ = await self.ask("/")
        self.assertIn("Content-Type: text/html", text)
        self.assertIn('href="/long"', text)
        self.assertIn('href="/quick"', text)

    @run_async
    async def test_quick_is_a_random_number(self):
        first, _ = await self.ask("/quick")
        second, _ = await self.ask("/quick")
        self.assertTrue(first != second)
        for text in (first, second):
            self.assertIn("Content-Type: text/plain", text)
            body = text.split("\r\n\r\n", 1)[1]
            self.assertTrue(body.startswith("random: ") and int(body[8:]) >= 0)

    @run_async
    async def test_long_is_its_number_and_its_lines_and_says_what_it_found(self):
        text, lines = await self.ask("/long?a=b")
        for line in ("<div>req: 1</div>\n", "<div>0</div>\n", "<div>2</div>\n"):
            self.assertIn(line, text)
        self.assertNotIn("<div>3</div>", text)
        self.assertIn("Found header => Host: x", lines)
        self.assertIn("Found query string => a=b", lines)

    @run_async
    async def test_anything_else_is_404(self):
        self.assertIn("HTTP/1.1 404", (await self.ask("/nothing"))[0])


class TestTicks(unittest.TestCase):
    @run_async
    async def test_the_lines_keep_to_the_clock(self):
        start = ticks_ms()
        lines = await read_all(Ticks(7, 5, 20))
        self.assertEqual(lines, ["<div>req: 7</div>\n"] + ["<div>%d</div>\n" % n for n in range(5)])
        self.assertGreaterEqual(ticks_diff(ticks_ms(), start), 100)
