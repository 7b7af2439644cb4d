import asyncio
import unittest

from firmware.job import Busy
from firmware.thread import THREADS
from host_tests.unit.fakes import (
    POOL_TIMEOUT_MS,
    Calculation,
    FakeRequest,
    Pooled,
    run_async,
    turns,
    until,
)


class Patient:
    """An iterator whose first step goes on when the test lets it."""

    def __init__(self, calculation):
        self._calculation = calculation
        self.is_closed = False
        self.is_running = False

    def __next__(self):
        self.is_running = True
        self._calculation.run()
        self.is_running = False
        return "step"

    def close(self):
        assert not self.is_running
        self.is_closed = True


def fail(request):
    raise ValueError("deep down")


async def ends(thread):
    """Returns when a thread that was left is free again."""
    while not thread.take("/probe", False):
        await asyncio.sleep(0)
    thread.leave()


class TestEnding(unittest.TestCase):
    def test_a_request_that_is_released_ends_at_once_and_the_calculation_learns_of_it(self):
        async def play() -> None:
            async with Pooled() as site:
                request = FakeRequest()
                seen = []

                def calculate(request):
                    seen.append(site.pool.is_cancelled())
                    while not site.pool.is_cancelled():
                        pass
                    seen.append(True)

                answer = asyncio.create_task(site.pool.long(calculate)(request))
                await until(lambda: seen)
                site.pool.release(request)
                with self.assertRaises(RuntimeError):
                    await answer
                await site.pool.wait_ready()
                await ends(THREADS[0])
                self.assertEqual(seen, [False, True])
                self.assertFalse(site.pool.is_cancelled())
                self.assertEqual(await site.pool.to_thread(site.pool.is_cancelled), False)

        run_async(play)()

    def test_a_deadline_is_503_at_once_though_the_calculation_goes_on(self) -> None:
        async def play() -> None:
            async with Pooled() as site:
                calculation = Calculation()
                answer = asyncio.create_task(site.pool.long(calculation.run)(FakeRequest()))
                await until(lambda: calculation.begun)
                site.pool.expire(POOL_TIMEOUT_MS)
                self.assertEqual((await answer)[1], 503)
                self.assertFalse(calculation.ended)
                self.assertEqual(site.pool.count_ready(), 2)
                calculation.let_go()
                await ends(THREADS[0])

        run_async(play)()

    def test_one_line_says_which_request_keeps_its_thread(self) -> None:
        async def play() -> None:
            async with Pooled() as site:
                calculation = Calculation()
                plain = site.pool.long(calculation.run)
                request = FakeRequest("/endless")
                answer = asyncio.create_task(plain(request))
                await until(lambda: calculation.begun)
                site.pool.release(request)
                with self.assertRaises(RuntimeError):
                    await answer
                site.log.lines.clear()
                for now in (0, 999, 1000, 1100, 9000):
                    site.pool.expire(now)
                    self.assertEqual(len(site.log.lines), now >= 1000)
                self.assertIn("/endless", site.log.lines[0])
                self.assertEqual((await plain(FakeRequest()))[1], 503)
                with self.assertRaises(Busy):
                    await site.pool.to_thread(int, "1")
                calculation.let_go()
                await ends(THREADS[0])
                self.assertEqual(await site.pool.to_thread(int, "1"), 1)

        run_async(play)()

    def test_who_waits_for_a_thread_learns_that_it_is_stuck_or_free(self) -> None:
        async def play() -> None:
            async with Pooled() as site:
                for now in (999, 1000):
                    calculation = Calculation()
                    first = asyncio.create_task(site.pool.to_thread(calculation.run))
                    await until(lambda: calculation.begun)  # noqa: B023
                    second = asyncio.create_task(site.pool.to_thread(int, "2"))
                    await turns()
                    first.cancel()
                    await turns()
                    self.assertFalse(second.done())
                    site.pool.expire(0)
                    if now == 999:
                        calculation.let_go()
                        while not second.done():
                            site.pool.expire(now)
                            await asyncio.sleep(0)
                        self.assertEqual(await second, 2)
                    else:
                        site.pool.expire(now)
                        with self.assertRaises(Busy):
                            await second
                        calculation.let_go()
                        await ends(THREADS[0])

        run_async(play)()

    def test_a_body_is_closed_on_the_thread_when_its_last_step_has_returned(self) -> None:
        async def play() -> None:
            async with Pooled() as site:
                calculation = Calculation()
                body = Patient(calculation)
                request = FakeRequest()
                piece = await site.pool.long(lambda request: body)(request)
                reader = asyncio.create_task(piece.__anext__())
                await until(lambda: calculation.begun)
                site.pool.release(request)
                with self.assertRaises(RuntimeError):
                    await reader
                self.assertFalse(body.is_closed)
                calculation.let_go()
                await ends(THREADS[0])
                self.assertTrue(body.is_closed)

        run_async(play)()

    def test_a_thread_that_is_busy_stays_so_for_the_next_pool(self) -> None:
        async def play() -> None:
            calculation = Calculation()
            async with Pooled() as site:
                asyncio.create_task(site.pool.long(calculation.run)(FakeRequest()))
                await until(lambda: calculation.begun)
            async with Pooled() as site:
                plain = site.pool.long(calculation.run)
                self.assertEqual((await plain(FakeRequest()))[1], 503)
                calculation.let_go()
                await ends(THREADS[0])
                calculation.let_go()
                self.assertEqual(await plain(FakeRequest()), "done")
                self.assertLessEqual(len(THREADS), 2)

        run_async(play)()

    def test_a_thousand_calls_and_all_kinds_of_ends_make_no_second_thread(self) -> None:
        async def play() -> None:
            async with Pooled() as site:
                count = max(1, len(THREADS))
                for number in range(1000):
                    self.assertEqual(await site.pool.to_thread(int, str(number)), number)
                    if number % 10 == 0:
                        with self.assertRaises(ValueError):
                            await site.pool.long(fail)(FakeRequest())
                self.assertEqual(len(THREADS), count)
                self.assertEqual(site.pool.count_ready(), 2)

        run_async(play)()
