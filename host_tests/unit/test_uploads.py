import asyncio
import os

from microdot import Microdot, Request, multipart
from microdot.multipart import FormDataIter, with_form_data

from firmware.uploads import TemporaryFiles, mend
from host_tests.unit.fakes import run_async, until
from host_tests.unit.mending import Mended
from host_tests.unit.sites import GET, Site

BOUNDARY = "----WebKitFormBoundaryABCDEFGHIJKLMNOP"
PARTS = (
    '--%s\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n%s\r\n'
    '--%s\r\nContent-Disposition: form-data; name="field"\r\n\r\n%s\r\n--%s--\r\n'
)
FIELD = '--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
HEAD = (
    "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
    "Content-Type: multipart/form-data; boundary=%s\r\n\r\n"
)


async def parts_of(request):
    parts = []
    async for part in FormDataIter(request):
        parts.append(part)
    return parts


class TestMultipart(Mended):
    @run_async
    async def test_a_boundary_is_found_wherever_it_lies(self):
        app = Microdot()

        @app.post("/upload")
        @with_form_data
        async def upload(request):
            data = await request.files["file"].read()
            return "%d %s" % (len(data), data == b"x" * len(data) and request.form["field"])

        mend(multipart, self.pool)
        async with Site(app, self.pool, max_body_len=3000) as site:
            peer = site.connect()
            for length in list(range(255, 305)) + [980, 1000, 1022, 1023]:
                body = PARTS % (BOUNDARY, "x" * length, BOUNDARY, length, BOUNDARY)
                answer = await peer.ask(HEAD % (len(body), BOUNDARY) + body)
                self.assertTrue(answer.endswith("\r\n\r\n%d %d" % (length, length)))
            peer.close()

    @run_async
    async def test_a_boundary_is_known_however_the_client_says_it(self):
        app = Microdot()

        @app.post("/upload")
        async def upload(request):
            return "%s %s" % (await parts_of(request), request.content_type)

        mend(multipart, self.pool)
        async with Site(app, self.pool, max_body_len=3000) as site:
            peer = site.connect()
            body = FIELD % ("e=dge", "f", "v") + "--e=dge--\r\n"
            for kind in (
                'multipart/form-data; boundary="e=dge"',
                "multipart/form-data;boundary=e=dge",
                "multipart/form-data; boundary=e=dge; charset=UTF-8",
                "multipart/form-data;charset=UTF-8; Boundary=e=dge",
            ):
                head = HEAD.replace("multipart/form-data; boundary=%s", kind) % len(body)
                answer = await peer.ask(head + body)
                self.assertTrue(answer.endswith("[('f', 'v')] " + kind), answer)
            for kind in ("text/plain; boundary=e=dge", "multipart/form-data"):
                head = HEAD.replace("multipart/form-data; boundary=%s", kind) % len(body)
                answer = await peer.ask(head + body)
                self.assertTrue(answer.endswith("[] " + kind), answer)
            peer.close()

    @run_async
    async def test_nothing_need_follow_the_last_boundary(self):
        app = Microdot()

        @app.post("/upload")
        async def upload(request):
            return str(len(await parts_of(request)))

        mend(multipart, self.pool)
        async with Site(app, self.pool, max_body_len=3000) as site:
            peer = site.connect()
            for end in ("--b--", "--b--\r\n", "--b--\r\nis ignored\r\n"):
                for count in (1, 6, 10, 50):
                    body = FIELD % ("b", "f", "") * count + end
                    answer = await peer.ask(HEAD % (len(body), "b") + body)
                    self.assertTrue(answer.endswith("\r\n\r\n%d" % count), answer)
            peer.close()

    def test_a_larger_buffer_is_the_applications_to_choose(self):
        FormDataIter.buffer_size = 2048
        mend(multipart, self.pool)
        self.assertEqual(FormDataIter.buffer_size, 2048)


def temporary():
    """The names that Microdot gives to its files."""
    return sorted([name for name in os.listdir() if len(name) == 12 and name.isalpha()])


class TestTemporaryFiles(Mended):
    def setUp(self):
        super().setUp()
        Request.max_content_length = 20000
        self.before = temporary()
        mend(multipart, self.pool)
        self.app = Microdot()
        self.seen = []
        self.gate = asyncio.Event()
        self.app.post("/upload")(with_form_data(self.upload))
        self.app.post("/long")(self.pool.long(with_form_data(self.upload)))
        self.app.post("/timed")(self.wait_for_copy)

    async def upload(self, request):
        self.seen.append(await request.files["f"].read())
        return "done"

    async def wait_for_copy(self, request):
        """Microdot closes nothing of it; on MicroPython a task of its own opens the file."""
        async for _, file in FormDataIter(request):
            await asyncio.wait_for(file.copy(), 5)
            await self.gate.wait()
            self.seen.append(await file.read())
        return "done"

    def body(self, *contents):
        part = '--edge\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n%s\r\n'
        return "".join([part % each for each in contents])

    async def send(self, path, body, length):
        peer = self.site.connect()
        head = HEAD.replace("/upload", path) % (length, "edge")
        await peer.send(head + body)
        return peer

    async def check(self):
        await self.site.wait_open(0)
        await self.site.pool.wait_ready()
        peer = self.site.connect()
        await peer.ask(GET % "/missing")  # the end of any request
        peer.close()
        await self.site.wait_open(0)
        self.assertEqual(temporary(), self.before)

    @run_async
    async def test_an_upload_that_breaks_off_leaves_no_file(self):
        async with Site(self.app, self.pool) as self.site:
            for path in ("/upload", "/long"):
                for body in (self.body("x" * 9000), self.body("x" * 3000, "y" * 3000)):
                    peer = await self.send(path, body, 15000)
                    await until(lambda: temporary() != self.before)
                    peer.close()
                    await self.check()

    @run_async
    async def test_a_flash_that_is_full_is_no_reason_to_keep_it(self):
        class Full:
            def close(self):
                raise OSError(28)

        class Over:
            is_closed = True

        files = TemporaryFiles()
        files.body = Over()
        path = "q" * 12
        files.open(path, "w+b").close()
        body, _, path = files._open.pop()
        files._open.append((body, Full(), path))
        files.sweep()
        self.assertEqual((temporary(), files._open), (self.before, []))

    @run_async
    async def test_of_two_files_in_one_field_none_stays(self):
        async with Site(self.app, self.pool) as self.site:
            for path in ("/upload", "/long"):
                body = self.body("x" * 3000, "y" * 3000) + "--edge--\r\n"
                peer = await self.send(path, body, len(body))
                self.assertIn("done", await peer.read())
                self.assertEqual(self.seen.pop(), b"y" * 3000)
                peer.close()
                await self.check()

    @run_async
    async def test_a_file_of_another_request_is_let_be(self):
        async with Site(self.app, self.pool) as self.site:
            body = self.body("x" * 9000)
            peer = await self.send("/upload", body, len(body) + 10)
            await until(lambda: temporary() != self.before)
            other = self.site.connect()
            await other.ask(GET % "/missing")
            other.close()
            await peer.send("--edge--\r\n")
            self.assertIn("done", await peer.read())
            self.assertEqual(self.seen, [b"x" * 9000])
            peer.close()
            await self.check()

    @run_async
    async def test_one_that_another_task_has_opened_stays_until_its_own_request_has_ended(self):
        async with Site(self.app, self.pool) as self.site:
            body = self.body("x" * 9000) + "--edge--\r\n"
            peer = await self.send("/timed", body, len(body))
            await until(lambda: temporary() != self.before)
            for _ in range(2):  # the second when the other task has ended
                other = self.site.connect()
                await other.ask(GET % "/missing")
                other.close()
                self.assertEqual(len(temporary()), len(self.before) + 1)
            self.gate.set()
            self.assertIn("done", await peer.read())
            self.assertEqual((self.seen, temporary()), ([b"x" * 9000], self.before))
            peer.close()

    @run_async
    async def test_one_that_another_task_has_opened_goes_with_its_client(self):
        async with Site(self.app, self.pool) as self.site:
            peer = await self.send("/timed", self.body("x" * 9000), 15000)
            await until(lambda: temporary() != self.before)
            peer.close()
            await self.site.wait_open(0)
            self.assertEqual(temporary(), self.before)
