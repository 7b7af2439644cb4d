import unittest

from microdot import Microdot, Request
from microdot.multipart import with_form_data

from host_tests.unit.fakes import run_async
from host_tests.unit.sites import Site


class TestMalformed(unittest.TestCase):
    """A body that is not what it says is an error of the client."""

    PART = "--b\r\n%s\r\n\r\nvalue\r\n--b--\r\n"

    def setUp(self):
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
            ("/parts", "multipart/form-data; boundary=b", (self.PART % "no colon").encode()),
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
                ("/parts", "multipart/form-data; boundary=b", (self.PART % field).encode()),
            ):
                answer = await self.ask(site, path, kind, body)
                self.assertTrue(answer.startswith("HTTP/1.1 500 "))

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
                self.setUp()
                app = Microdot()
                app.mount(self.app, local=is_local)

                @self.app.errorhandler(kind)
                async def word(request, error):
                    return "mine", 418

                if not is_local:
                    app.errorhandler(kind)(word)
                async with Site(app) as site:
                    await self.check(site, 418)
