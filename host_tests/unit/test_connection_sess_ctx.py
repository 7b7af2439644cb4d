import unittest

from microdot import Microdot

from host_tests.unit.fakes import run_async, until
from host_tests.unit.sites import GET, Site


class Ctx:
    """Counts its requests; says when it is closed."""

    def __init__(self, ended, fails):
        self.count = 0
        self._ended = ended
        self._fails = fails

    def close(self):
        self._ended.append(self.count)
        if self._fails:
            raise ValueError("close")


class TestSessCtx(unittest.TestCase):
    @run_async
    async def test_it_is_of_its_connection_and_closed_with_it(self):
        for fails in False, True:
            ended = []
            app = Microdot()

            @app.get("/count")
            async def count(request, ended=ended, fails=fails):
                request.sess_ctx = request.sess_ctx or Ctx(ended, fails)
                request.sess_ctx.count += 1
                return str(request.sess_ctx.count)

            async with Site(app) as site:
                one = site.connect()
                other = site.connect()
                for number in "1", "2", "3":
                    self.assertEqual((await one.ask(GET % "/count"))[-1], number)
                self.assertEqual((await other.ask(GET % "/count"))[-1], "1")
                self.assertEqual(ended, [])
                one.close()
                await until(lambda ended=ended: ended == [3])
                new = site.connect()
                self.assertEqual((await new.ask(GET % "/count"))[-1], "1")
                new.close()
                other.close()
                await until(lambda ended=ended: len(ended) == 3)
            self.assertEqual(any("connection failed" in line for line in site.log.lines), fails)

    @run_async
    async def test_one_without_a_close_goes_with_its_connection(self):
        app = Microdot()

        @app.get("/keep")
        async def keep(request):
            before, request.sess_ctx = request.sess_ctx, [1]
            return str(before)

        async with Site(app) as site:
            peer = site.connect()
            self.assertIn("None", await peer.ask(GET % "/keep"))
            self.assertIn("[1]", await peer.ask(GET % "/keep"))
            peer.close()
            peer = site.connect()
            self.assertIn("None", await peer.ask(GET % "/keep"))
            peer.close()
