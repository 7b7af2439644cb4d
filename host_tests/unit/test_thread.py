import _thread
import asyncio
import io
import sys
import unittest

from microdot import Microdot

from firmware.job import Busy
from firmware.thread import THREADS, Thread
from firmware.workers import WorkerPool
from host_tests.unit.fakes import (
    Calculation,
    FakeRequest,
    Pooled,
    read_all,
    run_async,
    turns,
    until,
)
from host_tests.unit.sites import Site

# MicroPython for Unix takes the margin off the length of a new thread's stack when the thread may
# have read it already; then a recursion overflows it.  A board's margin is a constant.
IS_RECURSION_FATAL = sys.implementation.name == "micropython"
NO_FIRST_THREAD = "can't make a thread: no room"


class Steps:
    """An iterator of two pieces, that notes the threads it runs on."""

    def __init__(self):
        self.idents = []
        self.is_closed = False

    def __iter__(self):
        return self

    def __next__(self):
        self.idents.append(_thread.get_ident())
        if len(self.idents) == 3:
            raise StopIteration
        return "step"

    def close(self):
        self.idents.append(_thread.get_ident())
        self.is_closed = True


def ident(request=None):
    return _thread.get_ident()


def fail(request):
    raise ValueError("deep down")


def exhaust(request):
    raise MemoryError


def recurse(request):
    return recurse(request)


class TestThread(unittest.TestCase):
    def setUp(self) -> None:
        for thread in THREADS:
            self.assertTrue(thread.take("/setup", False), "a test before has left it taken")
            thread.leave()

    def test_a_plain_handler_runs_beside_the_loop(self) -> None:
        async def play() -> None:
            async with Pooled() as site:
                calculation = Calculation()
                answer = asyncio.create_task(site.pool.long(calculation.run)(FakeRequest()))
                await until(lambda: calculation.begun)  # the loop goes on meanwhile
                self.assertFalse(answer.done())
                calculation.let_go()
                self.assertEqual(await answer, "done")
                await site.pool.wait_ready()

        run_async(play)()

    def test_only_a_plain_function_runs_on_a_thread_wherever_it_was_defined(self) -> None:
        class Handlers:
            async def asynchronous(self, request):
                return ident()

            def plain(self, request):
                return ident()

        captured = "captured"

        async def asynchronous(request):
            return captured and ident()

        def plain(request):
            return captured and ident()

        async def asynchronous_with_nothing_captured(request):
            return ident()

        async def play() -> None:
            async with Pooled() as site:
                for handler in (
                    asynchronous,
                    asynchronous_with_nothing_captured,
                    Handlers().asynchronous,
                ):
                    answer = await site.pool.long(handler)(FakeRequest())
                    self.assertEqual(answer, ident())
                self.assertEqual(site.pool.plain, "")
                for handler in (ident, plain, Handlers().plain, lambda request: ident()):
                    answer = await site.pool.long(handler)(FakeRequest())
                    self.assertTrue(answer != ident())
                    self.assertTrue(site.pool.plain)
                    site.pool.plain = ""

        run_async(play)()

    def test_a_handler_on_a_thread_is_on_a_worker(self) -> None:
        async def play() -> None:
            async with Pooled() as site:

                def plain(request):
                    return site.pool.is_on_worker()

                async def asynchronous(request):
                    return await site.pool.to_thread(site.pool.is_on_worker)

                self.assertTrue(await site.pool.long(plain)(FakeRequest()))
                self.assertTrue(await site.pool.long(asynchronous)(FakeRequest()))
                self.assertFalse(await site.pool.to_thread(site.pool.is_on_worker))

        run_async(play)()

    def test_each_step_of_an_iterator_and_its_close_run_on_the_thread(self) -> None:
        async def play() -> None:
            async with Pooled() as site:
                steps = Steps()
                body, status = await site.pool.long(lambda request: (steps, 201))(FakeRequest())
                self.assertEqual(status, 201)
                self.assertEqual(await read_all(body), ["step", "step"])
                await site.pool.wait_ready()
                self.assertTrue(steps.is_closed)
                self.assertEqual(len(steps.idents), 4)
                self.assertNotIn(ident(), steps.idents)

        run_async(play)()

    def test_a_generator_and_a_file_are_bodies_too(self) -> None:
        async def play() -> None:
            async with Pooled() as site:
                body = await site.pool.long(lambda request: (str(i) for i in range(3)))(
                    FakeRequest()
                )
                self.assertEqual(await read_all(body), ["0", "1", "2"])
                body = await site.pool.long(lambda request: io.BytesIO(b"abc"))(FakeRequest())
                self.assertEqual(await read_all(body), [b"abc"])
                await site.pool.wait_ready()

        run_async(play)()

    def test_what_a_thread_raises_reaches_the_request_with_its_traceback(self) -> None:
        async def play() -> None:
            async with Pooled() as site:
                for name, handler, expected in (
                    ("fail", fail, ValueError),
                    ("exhaust", exhaust, MemoryError),
                    ("recurse", recurse, RuntimeError),
                )[: 2 if IS_RECURSION_FATAL else 3]:
                    try:  # assertRaises would clear the traceback
                        await site.pool.long(handler)(FakeRequest())
                        raise AssertionError("nothing raised")
                    except expected as error:
                        text = io.StringIO()
                        sys.print_exception(error, text)
                    self.assertTrue(handler is exhaust or "in %s" % name in text.getvalue())
                    await site.pool.wait_ready()
                    self.assertEqual(site.pool.count_ready(), 2)

        run_async(play)()

    def test_to_thread_hands_over_arguments_results_and_exceptions(self) -> None:
        async def play() -> None:
            async with Pooled() as site:
                self.assertEqual(await site.pool.to_thread(int, "11"), 11)
                self.assertEqual(await site.pool.to_thread(dict, a=1), {"a": 1})
                with self.assertRaises(ValueError):
                    await site.pool.to_thread(fail, None)
                self.assertTrue(await site.pool.to_thread(ident) != ident())

        run_async(play)()

    def test_to_thread_works_before_the_link_has_come_up_for_the_first_time(self) -> None:
        async def play() -> None:
            site = Site(Microdot())
            with self.assertRaises(RuntimeError):
                await WorkerPool().to_thread(int, "11")  # which no run() has
            self.assertFalse(site.server.is_running())
            self.assertEqual(await site.pool.to_thread(int, "11"), 11)

        run_async(play)()

    def test_not_even_a_system_exit_ends_the_thread(self) -> None:
        async def play() -> None:
            async with Pooled() as site:
                try:
                    await site.pool.to_thread(sys.exit)
                    raise AssertionError("nothing raised")
                except SystemExit:
                    pass
                self.assertEqual(await site.pool.to_thread(int, "1"), 1)

        run_async(play)()

    def test_while_its_thread_is_taken_a_plain_handler_gets_503_and_others_a_worker(self) -> None:
        async def play() -> None:
            async with Pooled() as site:
                calculation = Calculation()

                async def asynchronous(request):
                    return "done"

                plain = site.pool.long(calculation.run)
                first = asyncio.create_task(plain(FakeRequest()))
                await until(lambda: calculation.begun)
                self.assertEqual((await plain(FakeRequest()))[1], 503)
                self.assertIn("No workers are available: server.max_threads", site.log.lines)
                self.assertEqual(await site.pool.long(asynchronous)(FakeRequest()), "done")
                calculation.let_go()
                self.assertEqual(await first, "done")

        run_async(play)()

    def test_to_thread_waits_for_its_turn(self) -> None:
        async def play() -> None:
            async with Pooled() as site:
                calculation = Calculation()
                first = asyncio.create_task(site.pool.to_thread(calculation.run))
                second = asyncio.create_task(site.pool.to_thread(int, "2"))
                await until(lambda: calculation.begun)
                await turns()
                self.assertFalse(second.done())
                calculation.let_go()
                self.assertEqual(await second, 2)
                self.assertEqual(await first, "done")

        run_async(play)()

    def test_as_many_as_there_may_be_compute_side_by_side(self) -> None:
        async def play() -> None:
            async with Pooled(max_threads=2) as site:
                calculations = [Calculation(), Calculation()]
                tasks = [
                    asyncio.create_task(site.pool.long(each.run)(FakeRequest()))
                    for each in calculations
                ]
                await until(lambda: all(each.begun for each in calculations))
                for each in calculations:
                    each.let_go()
                self.assertEqual(list(await asyncio.gather(*tasks)), ["done"] * 2)

        run_async(play)()


class TestNoThread(unittest.TestCase):
    def setUp(self) -> None:
        self._start = Thread.start
        self._threads = list(THREADS)
        THREADS.clear()

    def tearDown(self) -> None:
        Thread.start = self._start
        THREADS.clear()
        THREADS.extend(self._threads)

    def test_with_no_threads_allowed_the_answer_is_503(self) -> None:
        async def play() -> None:
            async with Pooled(max_threads=0) as site:
                self.assertEqual((await site.pool.long(ident)(FakeRequest()))[1], 503)
                with self.assertRaises(Busy):
                    await site.pool.to_thread(int, "1")
                self.assertEqual(THREADS, [])
                self.assertEqual(site.pool.count_ready(), 2)

        run_async(play)()

    def test_a_board_that_cannot_make_a_thread_says_so_and_answers_503(self) -> None:
        errors = [OSError("no room"), RuntimeError("no room"), MemoryError("no room")]

        def start(thread):
            raise errors.pop()

        async def play() -> None:
            async with Pooled() as site:
                Thread.start = start
                while errors:
                    self.assertEqual((await site.pool.long(ident)(FakeRequest()))[1], 503)
                    self.assertIn(NO_FIRST_THREAD, site.log.lines)
                    site.log.lines.clear()
                    self.assertEqual(site.pool.count_ready(), 2)
                Thread.start = self._start
                self.assertTrue(await site.pool.long(ident)(FakeRequest()) != ident())

        run_async(play)()

    def test_an_async_handler_that_finds_no_thread_gets_503_too(self) -> None:
        async def play() -> None:
            async with Pooled(max_threads=0) as site:

                async def handler(request):
                    return await site.pool.to_thread(int, "1")

                self.assertEqual((await site.pool.long(handler)(FakeRequest()))[1], 503)

        run_async(play)()
