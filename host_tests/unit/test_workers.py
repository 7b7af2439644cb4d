import asyncio
import unittest

from firmware import workers
from firmware.workers import WorkerPool
from host_tests.unit.fakes import (
    POOL_TIMEOUT_MS,
    FakeRequest,
    Lines,
    Pooled,
    read_all,
    run_async,
    turns,
)


class OutOfMemory:
    """In the place of a function: memory is exhausted the first time that it is called."""

    def __init__(self, function):
        self._function = function
        self.is_exhausted = True

    def __call__(self, *args):
        if self.is_exhausted:
            self.is_exhausted = False
            if args and hasattr(args[0], "close"):
                args[0].close()  # a coroutine, which CPython wants to be awaited or closed
            raise MemoryError
        return self._function(*args)


class Jobs(list):
    """The pool's list of jobs, which can't grow the first time."""

    is_exhausted = True

    def append(self, job):
        if self.is_exhausted:
            self.is_exhausted = False
            raise MemoryError
        super().append(job)


class TestWorkers(unittest.TestCase):
    @run_async
    async def test_each_worker_says_that_it_starts(self) -> None:
        async with Pooled(workers=3) as site:
            self.assertEqual(site.log.lines, ["starting async req task worker"] * 3)
            self.assertEqual(site.pool.count_ready(), 3)
            site.pool.start(3)
            self.assertEqual(len(site.log.lines), 3)

    @run_async
    async def test_a_handler_is_called_on_a_worker_with_its_arguments(self) -> None:
        async with Pooled() as site:

            async def handler(request, name):
                return request.path + name, site.pool.is_on_worker()

            answer = await site.pool.long(handler)(FakeRequest(), name="!")
            self.assertEqual(answer, ("/long!", True))
            self.assertFalse(site.pool.is_on_worker())
            self.assertIn("invoking /long", site.log.lines)
            await site.pool.wait_ready()

    @run_async
    async def test_a_pool_that_was_not_given_to_run_says_so(self) -> None:
        async def handler(request):
            return "never"

        with self.assertRaises(RuntimeError) as caught:
            await WorkerPool().long(handler)(FakeRequest())
        self.assertIn("run()", str(caught.exception))

    @run_async
    async def test_with_no_worker_ready_the_answer_is_503_at_once(self) -> None:
        async with Pooled() as site:
            gate = asyncio.Event()

            async def handler(request):
                await gate.wait()
                return "late"

            long = site.pool.long(handler)
            tasks = [asyncio.create_task(long(FakeRequest())) for _ in range(2)]
            await turns()
            body, status, headers = await long(FakeRequest())
            self.assertEqual(body, "<div> no workers available. server busy.</div>")
            self.assertEqual(status, 503)
            self.assertEqual(headers["Retry-After"], "1")
            self.assertIn("No workers are available", site.log.lines)
            gate.set()
            for task in tasks:
                self.assertEqual(await task, "late")

    @run_async
    async def test_as_many_as_workers_are_taken_in_one_turn(self) -> None:
        async with Pooled(workers=3) as site:

            async def handler(request):
                return "done"

            long = site.pool.long(handler)
            tasks = [asyncio.create_task(long(FakeRequest())) for _ in range(3)]
            self.assertEqual(list(await asyncio.gather(*tasks)), ["done"] * 3)


class TestLostWorkers(unittest.TestCase):
    @run_async
    async def test_defect_b_whatever_fails_every_worker_comes_back(self) -> None:
        async with Pooled() as site:
            for _ in range(50):
                for fail in (
                    self.handler_raises,
                    self.handler_runs_out_of_memory,
                    self.handler_is_cancelled,
                    self.body_raises,
                    self.client_goes_before_the_worker_begins,
                    self.client_goes_before_the_response,
                    self.client_goes_in_the_body,
                    self.body_is_never_read,
                    self.deadline_passes,
                ):
                    await fail(site)
                    await site.pool.wait_ready()
                    self.assertEqual(site.pool.count_ready(), 2)

    async def handler_runs_out_of_memory(self, site):
        async def handler(request):
            raise MemoryError

        try:
            await site.pool.long(handler)(FakeRequest())
            raise AssertionError("nothing raised")
        except MemoryError:
            pass

    async def handler_raises(self, site):
        async def handler(request):
            raise ValueError("handler")

        try:
            await site.pool.long(handler)(FakeRequest())
            raise AssertionError("nothing raised")
        except ValueError:
            pass

    async def handler_is_cancelled(self, site):
        async def handler(request):
            raise asyncio.CancelledError

        try:
            await site.pool.long(handler)(FakeRequest())
            raise AssertionError("nothing raised")
        except RuntimeError:
            pass

    async def body_raises(self, site):
        lines = Lines(3, fails_at=1)

        async def handler(request):
            return lines

        body = await site.pool.long(handler)(FakeRequest())
        self.assertEqual(await body.__anext__(), "line 1\n")
        try:
            await body.__anext__()
            raise AssertionError("nothing raised")
        except ValueError:
            pass
        await turns()
        self.assertTrue(lines.is_closed)

    async def client_goes_before_the_worker_begins(self, site):
        async def handler(request):
            raise AssertionError("was called")

        request = FakeRequest()
        site.pool._submit(handler, False, request, {})
        site.pool.release(request)

    async def client_goes_before_the_response(self, site):
        async def handler(request):
            await asyncio.Event().wait()

        request = FakeRequest()
        task = asyncio.create_task(site.pool.long(handler)(request))
        await turns()
        site.pool.release(request)
        try:
            await task
            raise AssertionError("nothing raised")
        except RuntimeError:
            pass

    async def client_goes_in_the_body(self, site):
        lines = Lines(3)

        async def handler(request):
            return lines

        request = FakeRequest()
        body = await site.pool.long(handler)(request)
        await body.__anext__()
        site.pool.release(request)
        await turns()
        self.assertTrue(lines.is_closed)

    async def body_is_never_read(self, site):
        async def handler(request):
            return Lines(3)

        request = FakeRequest()
        await site.pool.long(handler)(request)
        site.pool.release(request)

    async def deadline_passes(self, site):
        async def handler(request):
            await asyncio.Event().wait()

        task = asyncio.create_task(site.pool.long(handler)(FakeRequest()))
        await turns()
        site.pool.expire(site.now + POOL_TIMEOUT_MS)
        self.assertEqual((await task)[1], 503)

    @run_async
    async def test_defect_f_a_job_ends_at_its_deadline_and_not_before(self) -> None:
        async with Pooled() as site:
            site.now = 5000

            async def handler(request):
                await asyncio.Event().wait()

            task = asyncio.create_task(site.pool.long(handler)(FakeRequest()))
            await turns()
            site.pool.expire(5000 + POOL_TIMEOUT_MS - 1)
            await turns()
            self.assertEqual(site.pool.count_ready(), 1)
            site.pool.expire(5000 + POOL_TIMEOUT_MS)
            self.assertEqual((await task)[1], 503)
            await site.pool.wait_ready()

    @run_async
    async def test_a_handler_that_swallows_its_cancellation_gets_the_next(self) -> None:
        async with Pooled() as site:
            swallowed = []

            async def handler(request):
                while len(swallowed) < 3:
                    try:
                        await asyncio.Event().wait()
                    except asyncio.CancelledError:
                        swallowed.append(1)

            task = asyncio.create_task(site.pool.long(handler)(FakeRequest()))
            await turns()
            for again in range(3):
                site.pool.expire(POOL_TIMEOUT_MS + 1000 * again)
                await turns()
                site.pool.expire(POOL_TIMEOUT_MS + 1000 * again + 999)  # too early for the next
                await turns()
                self.assertEqual(len(swallowed), again + 1)
            await site.pool.wait_ready()
            await task

    @run_async
    async def test_exhausted_memory_loses_no_worker(self) -> None:
        async with Pooled(workers=1) as site:
            for owner, name in (
                (site.pool, "_ticks"),
                (asyncio, "Event"),
                (asyncio, "create_task"),
                (site.log, "info"),
            ):
                function = getattr(owner, name)
                setattr(owner, name, OutOfMemory(function))
                await self.exhaust(site, name)
                setattr(owner, name, function)
            site.pool.jobs = Jobs()
            await self.exhaust(site, "jobs")

    async def exhaust(self, site, name):
        async def handler(request):
            return "done"

        try:  # assertRaises would clear the worker's frame
            await site.pool.long(handler)(FakeRequest())
            raise AssertionError(name + " was not called")
        except MemoryError:
            pass
        await site.pool.wait_ready()
        self.assertEqual(site.pool.count_ready(), 1)
        self.assertEqual(await site.pool.long(handler)(FakeRequest()), "done")
        await site.pool.wait_ready()

    @run_async
    async def test_a_start_that_exhausts_memory_goes_on_where_it_was(self) -> None:
        site = Pooled()
        info = site.log.info
        site.log.info = OutOfMemory(info)
        with self.assertRaises(MemoryError):
            site.pool.start(2)
        self.assertEqual(site.pool.count_ready(), 0)
        site.log.info = info
        async with site:
            self.assertEqual(site.pool.count_ready(), 2)
            self.assertEqual(len(site.log.lines), 2)

    @run_async
    async def test_a_job_that_outlives_the_pool_takes_no_worker_of_the_next_start(self) -> None:
        site = Pooled(workers=1)
        gate = asyncio.Event()

        async def handler(request):
            while not gate.is_set():
                try:
                    await gate.wait()
                except asyncio.CancelledError:
                    pass

        async with site:
            task = asyncio.create_task(site.pool.long(handler)(FakeRequest()))
            await turns()
            outlives = site.pool.jobs[0].task
        async with site:
            self.assertEqual(site.pool.count_ready(), 1)
            gate.set()
            await task
            await outlives
            self.assertEqual(site.pool.count_ready(), 1)

    @run_async
    async def test_a_stale_release_does_not_touch_the_next_job(self) -> None:
        async with Pooled(workers=1) as site:

            async def handler(request):
                return Lines(3)

            first, second = FakeRequest(), FakeRequest()
            await read_all(await site.pool.long(handler)(first))
            await site.pool.wait_ready()
            body = await site.pool.long(handler)(second)
            site.pool.release(first)
            self.assertEqual(len(await read_all(body)), 3)

    @run_async
    async def test_a_closed_pool_starts_again(self) -> None:
        site = Pooled()
        for _ in range(2):
            async with site:
                self.assertEqual(site.pool.count_ready(), 2)
            self.assertEqual(site.pool.count_ready(), 0)

    def test_what_lies_where_id_is_negative_is_looked_at_in_its_place(self) -> None:
        # As RAM of an ESP32-C6 does, which begins at 0x40800000.
        try:
            for number, address in ((-0x3F7FFFF0, 0x40800010), (0x3FFB0010, 0x3FFB0010)):
                workers.id = lambda thing, number=number: number  # type: ignore[attr-defined]
                self.assertEqual(workers._address(self), address)
        finally:
            del workers.id  # type: ignore[attr-defined]
