import unittest

from microdot import Microdot
from microdot.multipart import FormDataIter, with_form_data

from firmware.startup import enlarge_buffer
from host_tests.unit.fakes import run_async
from host_tests.unit.sites import Site

BOUNDARY = "----WebKitFormBoundaryABCDEFGHIJKLMNOP"
PARTS = (
    '--%s\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n%s\r\n'
    '--%s\r\nContent-Disposition: form-data; name="field"\r\n\r\n%s\r\n--%s--\r\n'
)
HEAD = (
    "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
    "Content-Type: multipart/form-data; boundary=%s\r\n\r\n"
)


class TestMultipart(unittest.TestCase):
    def setUp(self):
        self._buffer_size = FormDataIter.buffer_size

    def tearDown(self):
        FormDataIter.buffer_size = self._buffer_size

    @run_async
    async def test_a_boundary_is_found_wherever_it_lies(self):
        app = Microdot()

        @app.post("/upload")
        @with_form_data
        async def upload(request):
            data = await request.files["file"].read()
            return "%d %s" % (len(data), data == b"x" * len(data) and request.form["field"])

        enlarge_buffer()
        async with Site(app, max_body_len=3000) as site:
            peer = site.connect()
            for length in list(range(255, 305)) + [980, 1000, 1022, 1023]:
                body = PARTS % (BOUNDARY, "x" * length, BOUNDARY, length, BOUNDARY)
                answer = await peer.ask(HEAD % (len(body), BOUNDARY) + body)
                self.assertTrue(answer.endswith("\r\n\r\n%d %d" % (length, length)))
            peer.close()

    def test_a_larger_buffer_is_the_applications_to_choose(self):
        FormDataIter.buffer_size = 2048
        enlarge_buffer()
        self.assertEqual(FormDataIter.buffer_size, 2048)
