import unittest

import firmware
from firmware.last_words import Record
from firmware.safe_mode import create_app
from firmware.workers import WorkerPool
from host_tests.unit.fakes import run_async
from host_tests.unit.sites import GET, Site


class TestSafeMode(unittest.TestCase):
    @run_async
    async def test_every_path_is_answered_with_503_and_the_last_words(self):
        record, firmware.record = firmware.record, Record("v", 6, 5, 0, "ValueError: x").pack()
        try:
            app = create_app()
        finally:
            firmware.record = record
        pool = WorkerPool()
        async with Site(app, pool) as site:
            for path in ("/", "/status", "/a/b?c=d"):
                peer = site.connect()
                await peer.send((GET % path).replace("Host", "Connection: close\r\nHost"))
                text = await peer.read_all()
                peer.close()
                self.assertTrue(text.startswith("HTTP/1.1 503 "))
                self.assertIn("Safe mode: ", text)
                self.assertIn("Last time: ValueError: x", text)

    def test_without_last_words_it_works_as_well(self):
        record, firmware.record = firmware.record, None
        try:
            create_app()
        finally:
            firmware.record = record
