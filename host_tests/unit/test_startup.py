import unittest

from microdot import Microdot

from firmware.startup import choose
from firmware.workers import WorkerPool
from host_tests.unit.fakes import FakeRequest, Pooled, run_async


async def slow(request):
    return "slow"


class TestChoose(unittest.TestCase):
    def setUp(self) -> None:
        WorkerPool.made = []
        self.app = Microdot()
        self.pool = WorkerPool()

    def test_the_pool_made_last_is_that_of_an_application_that_gives_none(self) -> None:
        self.app.get("/slow")(self.pool.long(slow))
        self.assertIs(choose(None, self.app), self.pool)
        self.assertEqual(WorkerPool.made, [])

    def test_there_is_always_one(self) -> None:
        self.assertIs(choose(self.pool, self.app), self.pool)
        self.assertTrue(isinstance(choose(None, self.app), WorkerPool))
        self.assertTrue(isinstance(choose(None, None), WorkerPool))

    def test_another_than_that_of_a_handler_is_refused(self) -> None:
        self.app.get("/slow")(self.pool.long(slow))
        self.assertEqual(choose(WorkerPool(), self.app), "run() was not given the pool of slow")

    def test_long_above_the_route_is_refused(self) -> None:
        self.pool.long(self.app.get("/slow")(slow))
        text = "@pool.long of slow goes below its route"
        self.assertEqual(choose(self.pool, self.app), text)

    def test_what_run_was_given_in_the_wrong_place_is_one_line(self) -> None:
        for wrong, text in (
            ((self.app, self.pool), "run(): app is of type WorkerPool"),
            ((self.pool, 80), "run(): app is of type int"),
            (("config.json", self.app), "run(): pool is of type str"),
            ((None, self.app, (1, None)), "run(): on_connect is of type int, not a function"),
            ((None, self.app, (slow, "x")), "run(): on_disconnect is of type str, not a function"),
        ):
            self.assertEqual(choose(*wrong), text)  # type: ignore[arg-type]
        self.assertIs(choose(self.pool, self.app, (slow, None)), self.pool)

    def test_a_function_that_is_long_at_one_path_and_not_at_another_is_not_refused(self) -> None:
        self.app.get("/slow")(self.pool.long(self.app.get("/quick")(slow)))
        self.assertIs(choose(self.pool, self.app), self.pool)

    def test_pools_of_an_application_before_are_nobodys(self) -> None:
        old = Microdot()
        old.get("/slow")(WorkerPool().long(slow))
        self.assertIs(choose(self.pool, self.app), self.pool)

    def test_handlers_that_come_while_it_serves_are_not_kept_for_ever(self) -> None:
        for _ in range(100):
            self.pool.long(slow)
        self.assertEqual(len(WorkerPool.made), 32)

    @run_async
    async def test_what_a_decorator_adds_reaches_the_handler(self) -> None:
        async with Pooled() as site:

            async def handler(request, session, name):
                return request.path + session + name

            answer = await site.pool.long(handler)(FakeRequest(), "?", name="!")
            self.assertEqual(answer, "/long?!")
