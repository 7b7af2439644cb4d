import unittest

from firmware.access import AccessLog
from firmware.log import Log
from host_tests.unit.fakes import run_async, turns
from host_tests.unit.sites import GET, App, Site


class TestAccessLog(unittest.TestCase):
    def setUp(self):
        self.lines = []
        self.log = Log("debug", write=self.lines.append)

    def last(self):
        return [line for line in self.lines if line.startswith("D ")][-1].split(": ", 1)[1]

    @run_async
    async def test_each_request_is_a_line_with_method_path_status_bytes_duration_and_client(self):
        async with Site(App().app, log=self.log) as site:
            peer = site.connect()
            answer = await peer.ask(GET % "/quick?token=secret")
            await turns()
            text, client = self.last().split(" ms, ")
            before, bytes_sent, _ = text.split(", ")
            self.assertEqual(before, "GET /quick: 200")
            self.assertEqual(bytes_sent, "%d bytes" % len(answer))
            self.assertTrue(client)
            answer = await peer.ask(GET % "/missing")
            await turns()
            self.assertIn("GET /missing: 404, %d bytes, " % len(answer), self.last())
            peer.close()

    @run_async
    async def test_a_request_that_is_cut_has_its_line_too_and_no_status(self):
        app = App()
        async with Site(app.app, log=self.log) as site:
            peer = site.connect()
            await peer.send(GET % "/held")
            await site.wait_open(1)
            await turns()
            peer.close()
            await site.wait_open(0)
            self.assertIn("GET /held: 0, 0 bytes, ", self.last())

    @run_async
    async def test_at_another_level_there_is_none(self):
        self.log = Log("info", write=self.lines.append)
        async with Site(App().app, log=self.log) as site:
            peer = site.connect()
            await peer.ask(GET % "/quick")
            await turns()
            self.assertEqual([line for line in self.lines if "bytes" in line], [])
            peer.close()

    @run_async
    async def test_what_the_exchange_raises_is_passed_on(self):
        class Failing:
            refuse_head = None

            async def begin(self, wire, head):
                raise OSError

        class Nothing:
            status = sent = 0
            address = ("1.2.3.4", 5)
            method = target = "x"
            slot = None

        wire = Nothing()
        wire.slot = Nothing()
        with self.assertRaises(OSError):
            await AccessLog(Failing(), self.log).begin(wire, Nothing())
        self.assertIn("('1.2.3.4', 5)", self.last())
