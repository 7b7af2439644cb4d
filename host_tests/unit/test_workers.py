import asyncio
import unittest

from firmware.workers import WorkerPool
from host_tests.unit.fakes import FakeLog, FakeRequest, run_async, turns

TIMEOUT_MS = 1000


class Lines:
    """A streamed body of `count` lines; it may raise instead of the line number `fails_at`."""

    def __init__(self, count, fails_at=None):
        self._count = count
        self._fails_at = fails_at
        self._next = 0
        self.is_closed = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self._next == self._fails_at:
            raise ValueError("line")
        if self._next == self._count:
            raise StopAsyncIteration
        self._next += 1
        await asyncio.sleep(0)
        return "line %d\n" % self._next

    async def aclose(self):
        self.is_closed = True


class ShortOfMemory:
    """A function for which there is no memory, once."""

    def __init__(self, function):
        self._function = function
        self.is_short = True

    def __call__(self, *args):
        if self.is_short:
            self.is_short = False
            raise MemoryError
        return self._function(*args)


async def read_all(body):
    pieces = []
    async for piece in body:
        pieces.append(piece)
    return pieces


class Pooled:
    """A pool with its workers started: async with it."""

    def __init__(self, workers=2):
        self.now = 0
        self.log = FakeLog()
        self.pool = WorkerPool(lambda: self.now)
        self._workers = workers

    async def __aenter__(self):
        self.pool.start(self._workers, TIMEOUT_MS, self.log)
        await self.pool.wait_ready()
        return self

    async def __aexit__(self, *_):
        await self.pool.close()


class TestWorkers(unittest.TestCase):
    def test_each_worker_says_that_it_starts(self):
        async def play():
            async with Pooled(workers=3) as site:
                self.assertEqual(site.log.lines, ["starting async req task worker"] * 3)
                self.assertEqual(site.pool.count_ready(), 3)

        run_async(play())

    def test_a_handler_is_called_on_a_worker_with_its_arguments(self):
        async def play():
            async with Pooled() as site:

                async def handler(request, name):
                    return request.path + name, site.pool.is_on_worker()

                answer = await site.pool.long(handler)(FakeRequest(), name="!")
                self.assertEqual(answer, ("/long!", True))
                self.assertFalse(site.pool.is_on_worker())
                self.assertIn("invoking /long", site.log.lines)
                await site.pool.wait_ready()

        run_async(play())

    def test_a_pool_that_was_not_given_to_run_says_so(self):
        async def handler(request):
            return "never"

        with self.assertRaises(RuntimeError) as caught:
            run_async(WorkerPool().long(handler)(FakeRequest()))
        self.assertIn("run()", str(caught.exception))

    def test_what_the_handler_returns_is_returned_whatever_it_is(self):
        async def play():
            async with Pooled() as site:
                for value in ("text", b"bytes", {"a": 1}, None, 204, ("text", 201, {"A": "b"})):

                    async def handler(request, value=value):
                        return value

                    self.assertEqual(await site.pool.long(handler)(FakeRequest()), value)

        run_async(play())

    def test_a_streamed_body_is_made_on_the_worker_and_read_beside_it(self):
        async def play():
            async with Pooled() as site:
                lines = Lines(3)

                async def handler(request):
                    return lines, 200, {"A": "b"}

                body, status, headers = await site.pool.long(handler)(FakeRequest())
                self.assertEqual((status, headers), (200, {"A": "b"}))
                self.assertEqual(site.pool.count_ready(), 1)
                self.assertEqual(await read_all(body), ["line 1\n", "line 2\n", "line 3\n"])
                await site.pool.wait_ready()
                self.assertTrue(lines.is_closed)

        run_async(play())

    def test_a_plain_iterator_is_a_streamed_body_too(self):
        async def play():
            async with Pooled() as site:

                async def handler(request):
                    return iter(["a", "b"])

                self.assertEqual(
                    await read_all(await site.pool.long(handler)(FakeRequest())), ["a", "b"]
                )

        run_async(play())

    def test_a_slow_reader_slows_the_handler_down(self):
        async def play():
            async with Pooled() as site:
                lines = Lines(100)

                async def handler(request):
                    return lines

                request = FakeRequest()
                body = await site.pool.long(handler)(request)
                await turns(50)
                self.assertLessEqual(lines._next, 1)
                self.assertEqual(await body.__anext__(), "line 1\n")
                await turns(50)
                self.assertEqual(lines._next, 2)
                site.pool.release(request)

        run_async(play())

    def test_with_no_worker_ready_the_answer_is_503_at_once(self):
        async def play():
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
                self.assertIn("Retry-After", headers)
                self.assertIn("No workers are available", site.log.lines)
                gate.set()
                for task in tasks:
                    self.assertEqual(await task, "late")

        run_async(play())

    def test_as_many_as_workers_are_taken_in_one_turn(self):
        async def play():
            async with Pooled(workers=3) as site:

                async def handler(request):
                    return "done"

                long = site.pool.long(handler)
                tasks = [asyncio.create_task(long(FakeRequest())) for _ in range(3)]
                self.assertEqual(list(await asyncio.gather(*tasks)), ["done"] * 3)

        run_async(play())


class TestLostWorkers(unittest.TestCase):
    def test_defect_b_whatever_fails_every_worker_comes_back(self):
        async def play():
            async with Pooled() as site:
                for _ in range(50):
                    for fail in (
                        self.handler_raises,
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

        run_async(play())

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
        site.pool._submit(handler, request, {})
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
        site.pool.expire(site.now + TIMEOUT_MS)
        self.assertEqual((await task)[1], 503)

    def test_defect_f_a_job_ends_at_its_deadline_and_not_before(self):
        async def play():
            async with Pooled() as site:
                site.now = 5000

                async def handler(request):
                    await asyncio.Event().wait()

                task = asyncio.create_task(site.pool.long(handler)(FakeRequest()))
                await turns()
                site.pool.expire(5000 + TIMEOUT_MS - 1)
                await turns()
                self.assertEqual(site.pool.count_ready(), 1)
                site.pool.expire(5000 + TIMEOUT_MS)
                self.assertEqual((await task)[1], 503)
                await site.pool.wait_ready()

        run_async(play())

    def test_a_body_past_its_deadline_breaks_off(self):
        async def play():
            async with Pooled() as site:

                async def handler(request):
                    return Lines(9)

                body = await site.pool.long(handler)(FakeRequest())
                await body.__anext__()
                site.pool.expire(TIMEOUT_MS)
                await site.pool.wait_ready()
                with self.assertRaises(RuntimeError):
                    await read_all(body)

        run_async(play())

    def test_a_handler_that_swallows_its_cancellation_gets_the_next(self):
        async def play():
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
                    site.pool.expire(TIMEOUT_MS + 1000 * again)
                    await turns()
                    site.pool.expire(TIMEOUT_MS + 1000 * again + 999)  # too early for the next
                    await turns()
                    self.assertEqual(len(swallowed), again + 1)
                await site.pool.wait_ready()
                await task

        run_async(play())

    def test_want_of_memory_loses_no_worker(self):
        async def play():
            async with Pooled(workers=1) as site:

                async def handler(request):
                    return "done"

                for owner, name in ((site.pool, "_ticks"), (site.log, "info")):
                    setattr(owner, name, ShortOfMemory(getattr(owner, name)))
                    try:  # assertRaises would clear the worker's frame
                        await site.pool.long(handler)(FakeRequest())
                        raise AssertionError("nothing raised")
                    except MemoryError:
                        pass
                    await site.pool.wait_ready()
                    self.assertEqual(await site.pool.long(handler)(FakeRequest()), "done")
                    await site.pool.wait_ready()

        run_async(play())

    def test_want_of_memory_while_there_is_no_job_loses_no_worker(self):
        async def play():
            async with Pooled(workers=1) as site:

                async def handler(request):
                    return "done"

                gave = site.pool._gave
                short = gave.wait = ShortOfMemory(gave.wait)
                for _ in range(3):
                    self.assertEqual(await site.pool.long(handler)(FakeRequest()), "done")
                    await site.pool.wait_ready()
                self.assertFalse(short.is_short)

        run_async(play())

    def test_a_stale_release_does_not_touch_the_next_job(self):
        async def play():
            async with Pooled(workers=1) as site:

                async def handler(request):
                    return Lines(3)

                first, second = FakeRequest(), FakeRequest()
                await read_all(await site.pool.long(handler)(first))
                await site.pool.wait_ready()
                body = await site.pool.long(handler)(second)
                site.pool.release(first)
                self.assertEqual(len(await read_all(body)), 3)

        run_async(play())

    def test_a_closed_pool_starts_again(self):
        async def play():
            site = Pooled()
            for _ in range(2):
                async with site:
                    self.assertEqual(site.pool.count_ready(), 2)
                self.assertEqual(site.pool.count_ready(), 0)

        run_async(play())
