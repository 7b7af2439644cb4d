from microdot import Microdot, Request, multipart
from microdot.multipart import FormDataIter, with_form_data

from firmware.uploads import mend
from host_tests.unit.fakes import run_async
from host_tests.unit.mending import Mended
from host_tests.unit.sites import Site

MULTIPART = "multipart/form-data; boundary=b"


class TestMalformed(Mended):
    """A body that is not what it says is an error of the client."""

    PART = "--b\r\n%s\r\n\r\nvalue\r\n--b--\r\n"

    def setUp(self):
        super().setUp()
        mend(multipart, self.pool)
        self.make_app()

    def make_app(self):
        self.app = app = Microdot()

        @app.post("/json")
        async def read_json(request):
            return request.json

        @app.post("/form")
        async def read_form(request):
            return request.form["a"]

        @app.post("/parts")
        @with_form_data
        async def read_parts(request):
            return str(int(request.form["a"]))

        @app.post("/iterated")
        async def iterate(request):
            total = 0
            async for _, value in FormDataIter(request):
                total += int(value)
            return str(total)

        @app.post("/empty")
        @with_form_data
        async def fail(request):
            return str(int("of an empty form"))

        @app.post("/own")
        async def own(request):
            return str(int(request.json["a"]))

    async def ask(self, site, path, kind, body):
        peer = site.connect()
        head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
        await peer.send(head % (path, kind, len(body)))
        peer.sock.send(body)
        answer = await peer.read()
        peer.close()
        return answer

    async def check(self, site, status):
        """What can't be read has this status."""
        for path, kind, body in (
            ("/json", "application/json", b'{"a": '),
            ("/json", "application/json", b"\xff"),
            ("/own", "application/json", b"nonsense"),
            ("/form", "application/x-www-form-urlencoded", b"a=%zz"),
            ("/form", "application/x-www-form-urlencoded", b"a=%ff"),
            ("/parts", MULTIPART, (self.PART % "no colon").encode()),
            ("/iterated", MULTIPART, (self.PART % "no colon").encode()),
        ):
            answer = await self.ask(site, path, kind, body)
            self.assertTrue(answer.startswith("HTTP/1.1 %s" % status))

    @run_async
    async def test_what_can_not_be_read_is_a_400(self):
        async with Site(self.app) as site:
            await self.check(site, "400 Bad Request\r\n")

    @run_async
    async def test_the_application_words_that_if_it_does(self):
        @self.app.errorhandler(400)
        async def word(request):
            return "mine", 422

        async with Site(self.app) as site:
            await self.check(site, 422)

    @run_async
    async def test_another_valueerror_is_the_handlers_own(self):
        field = 'Content-Disposition: form-data; name="a"'
        async with Site(self.app) as site:
            for path, kind, body in (
                ("/own", "application/json", b'{"a": "x"}'),
                ("/parts", MULTIPART, (self.PART % field).encode()),
                ("/iterated", MULTIPART, (self.PART % field).encode()),
                ("/empty", MULTIPART, b"--b--\r\n"),
            ):
                site.log.lines.clear()
                answer = await self.ask(site, path, kind, body)
                self.assertTrue(answer.startswith("HTTP/1.1 500 "))
                self.assertTrue(any("ValueError" in line for line in site.log.lines))

    @run_async
    async def test_so_is_one_of_a_handler_that_has_read_the_body_itself(self):
        @self.app.post("/stream")
        async def read_stream(request):
            while await request.stream.read(512):
                pass
            return int("x")

        kept, Request.max_content_length = Request.max_content_length, 5000
        try:
            async with Site(self.app) as site:
                body = b"[%s1]" % (b"1," * 1499)
                answer = await self.ask(site, "/stream", "application/json", body)
                self.assertTrue(answer.startswith("HTTP/1.1 500 "))
        finally:
            Request.max_content_length = kept

    @run_async
    async def test_a_handler_of_the_applications_own_goes_on_working(self):
        for kind in ValueError, Exception:
            for is_local in False, True:
                self.make_app()
                app = Microdot()
                app.mount(self.app, local=is_local)

                @self.app.errorhandler(kind)
                async def word(request, error):
                    return "mine", 418

                if not is_local:
                    app.errorhandler(kind)(word)
                async with Site(app) as site:
                    await self.check(site, 418)
