import io
import unittest

import microdot
from microdot import Microdot

from firmware.job import Busy
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
from host_tests.unit.sites import GET, Site

DATA = b"0123456789" * 500


class File:
    """A file of `pieces`, which says how much it was asked for."""

    def __init__(self, pieces):
        self._pieces = pieces
        self.is_closed = False

    def read(self, length):
        return self._pieces.pop(0)[:length] if self._pieces else b""

    def close(self):
        self.is_closed = True


class Response:
    """As Microdot's."""

    def __init__(self, body):
        self.body = body
        self.status_code = 200


async def ask(site, path, fields=""):
    peer = site.connect()
    await peer.send((GET % path)[:-2] + fields + "Connection: close\r\n\r\n")
    head, _, body = (await peer.read_all()).partition("\r\n\r\n")
    peer.close()
    return head + "\r\n", body


class TestJob(unittest.TestCase):
    @run_async
    async def test_what_the_handler_returns_is_returned_whatever_it_is(self) -> None:
        async with Pooled() as site:
            for value in ("text", b"bytes", {"a": 1}, None, 204, ("text", 201, {"A": "b"})):

                async def handler(request, value=value):
                    return value

                self.assertEqual(await site.pool.long(handler)(FakeRequest()), value)

    @run_async
    async def test_a_part_of_the_path_may_have_any_name(self) -> None:
        async def handler(request, **parts):
            return sorted(parts)

        async with Pooled() as site:
            parts = {"function": "a", "call": "b", "args": "c"}
            answer = await site.pool.long(handler)(FakeRequest(), **parts)
            self.assertEqual(answer, sorted(parts))

    @run_async
    async def test_a_buffer_is_not_used_again_before_the_next_is_asked_for(self) -> None:
        def count(buffer):
            for number in range(3):
                buffer[0] = number
                yield buffer

        async with Pooled() as site:
            for buffer in (bytearray(1), memoryview(bytearray(1))):

                async def handler(request, buffer=buffer):
                    return count(buffer)

                job = await site.pool.long(handler)(FakeRequest())
                for number in range(3):
                    piece = await job.next()
                    await turns()
                    self.assertEqual(bytes(piece), bytes([number]))
                with self.assertRaises(StopAsyncIteration):
                    await job.next()

    @run_async
    async def test_a_streamed_body_is_made_on_the_worker_and_read_beside_it(self) -> None:
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

    @run_async
    async def test_a_plain_iterator_is_a_streamed_body_too(self) -> None:
        async with Pooled() as site:

            async def handler(request):
                return iter(["a", "b"])

            self.assertEqual(
                await read_all(await site.pool.long(handler)(FakeRequest())), ["a", "b"]
            )

    @run_async
    async def test_a_slow_reader_slows_the_handler_down(self) -> None:
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

    @run_async
    async def test_a_body_past_its_deadline_breaks_off(self) -> None:
        async with Pooled() as site:

            async def handler(request):
                return Lines(9)

            body = await site.pool.long(handler)(FakeRequest())
            await body.__anext__()
            site.pool.expire(POOL_TIMEOUT_MS)
            await site.pool.wait_ready()
            with self.assertRaises(Busy):
                await read_all(body)

    @run_async
    async def test_a_file_is_a_streamed_body_and_is_closed(self) -> None:
        async with Pooled() as site:
            file = File([b"a" * 1024, b"b"])

            async def handler(request):
                return file

            body = await site.pool.long(handler)(FakeRequest())
            self.assertEqual(await read_all(body), [b"a" * 1024, b"b"])
            await site.pool.wait_ready()
            self.assertTrue(file.is_closed)

    @run_async
    async def test_a_file_has_a_length_and_parts_as_beside_the_workers(self) -> None:
        app = Microdot()
        pool = WorkerPool()

        def send(request):
            return microdot.Response(io.BytesIO(DATA), 200, {"X-A": "b"})

        async def send_async(request):
            return send(request)

        async def send_bare(request):
            return io.BytesIO(DATA)

        async def send_with_status(request):
            return io.BytesIO(DATA), 200, {"X-A": "b"}

        async def send_with_fields(request):
            return io.BytesIO(DATA), {"X-A": "b"}

        handlers = (send, send_async, send_bare, send_with_status, send_with_fields)
        for number, handler in enumerate(handlers):
            app.get("/%d" % number)(pool.long(handler))

        async with Site(app, pool) as site:
            for number, handler in enumerate(handlers):
                path = "/%d" % number
                head, body = await ask(site, path)
                self.assertIn("Content-Length: %d\r\n" % len(DATA), head)
                self.assertEqual("X-A: b\r\n" in head, handler is not send_bare)
                self.assertEqual(body, DATA.decode())
                head, body = await ask(site, path, "Range: bytes=3001-3009\r\n")
                self.assertIn(" 206 ", head)
                self.assertEqual(body, "123456789")
                head, body = await ask(site, path, "Range: bytes=9000-\r\n")
                self.assertIn(" 416 ", head)
                self.assertEqual(body, "")

    @run_async
    async def test_a_file_whose_handler_says_the_length_has_that_alone(self) -> None:
        app = Microdot()
        pool = WorkerPool()

        @app.get("/own")
        @pool.long
        async def send_with_a_length_of_its_own(request):
            response = microdot.Response(io.BytesIO(DATA))
            response.headers = {"content-length": "%d" % len(DATA)}
            return response

        async with Site(app, pool) as site:
            head, body = await ask(site, "/own")
            self.assertEqual(head.lower().count("content-length: %d\r\n" % len(DATA)), 1)
            self.assertEqual(body, DATA.decode())

    @run_async
    async def test_the_body_of_a_response_object_is_streamed_in_its_place(self) -> None:
        async with Pooled() as site:
            response = Response(iter(["a", "b"]))

            async def handler(request):
                return response

            self.assertIs(await site.pool.long(handler)(FakeRequest()), response)
            self.assertEqual(await read_all(response.body), ["a", "b"])

    @run_async
    async def test_an_error_comes_after_the_pieces_before_it(self) -> None:
        async with Pooled() as site:
            lines = Lines(3, fails_at=1)

            async def handler(request):
                return lines

            body = await site.pool.long(handler)(FakeRequest())
            await turns()
            self.assertEqual(await body.__anext__(), "line 1\n")
            with self.assertRaises(ValueError):
                await body.__anext__()

    @run_async
    async def test_a_job_that_has_ended_keeps_nothing_of_its_request(self) -> None:
        async with Pooled() as site:

            async def handler(request, name):
                return "done"

            job = site.pool._submit(handler, False, FakeRequest(), {"name": "x"})
            self.assertFalse(job.done())
            await site.pool.wait_ready()
            self.assertTrue(job.done())
            self.assertEqual((job.request, job.wire, job.task, job._handler), (None,) * 4)
            self.assertFalse(job._kwargs)

    @run_async
    async def test_a_job_that_is_cancelled_before_its_first_step_never_begins(self) -> None:
        async with Pooled() as site:
            called = []

            async def handler(request):
                called.append(request)

            job = site.pool._submit(handler, False, FakeRequest(), {})
            job.cancel()
            await site.pool.wait_ready()
            self.assertFalse(called)
            with self.assertRaises(RuntimeError):
                await job.next()
