import asyncio
import unittest

from microdot import Microdot, Response

from firmware.http1 import HTTPError
from firmware.refusal import note_refusal, status_of
from firmware.slots import GONE, NOT_CUT, PURGED, STOPPED, TIMED_OUT
from host_tests.unit.fakes import FakeLog, FakeSocket, open_wire, run_async, until
from host_tests.unit.sites import GET, Silent, Site

UPLOAD = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


class TestStatus(unittest.TestCase):
    def test_an_exception_is_an_answer_in_one_place(self):
        cancelled = asyncio.CancelledError()
        for error, reason, status in (
            (HTTPError(431), NOT_CUT, 431),
            (MemoryError(), NOT_CUT, 503),
            (cancelled, TIMED_OUT, 408),
            (cancelled, PURGED, 503),
            (cancelled, STOPPED, 0),
            (cancelled, GONE, 0),
            (cancelled, NOT_CUT, 500),  # by something of the handler's own
            (ValueError("handler"), NOT_CUT, 500),
        ):
            self.assertEqual(status_of(error, reason), status)

    def test_a_setting_is_named_only_where_it_helps(self):
        wire = open_wire(FakeSocket())
        for error, status, name in (
            (HTTPError(414), 414, "server.max_uri_len"),
            (RuntimeError("maximum recursion depth exceeded"), 414, ""),  # a route's pattern
            (MemoryError(), 503, ""),
            (None, 503, "server.max_open_sockets"),
        ):
            log = FakeLog()
            note_refusal(log, wire, status, error)
            self.assertEqual("server." in log.lines[0], bool(name))
            self.assertTrue(log.lines[0].endswith(name))


class TestRefusals(unittest.TestCase):
    """What the server refuses after the head goes through the application's own handlers."""

    def setUp(self):
        self.app = Microdot()
        self.seen = []

        @self.app.get("/quick")
        async def quick(request):
            return "quick"

        @self.app.post("/upload")
        async def upload(request):
            return "took %d" % len(request.body)

        @self.app.after_error_request
        async def allow_origin(request, response):
            self.seen.append((request.path, response.status_code))
            response.headers["Access-Control-Allow-Origin"] = "*"
            return response

    async def ask(self, site, text):
        peer = site.connect()
        answer = await peer.ask(text)
        peer.close()
        return answer

    @run_async
    async def test_a_body_that_is_too_long_is_a_413_that_another_origin_can_read(self):
        async with Site(self.app, max_body_len=300) as site:
            answer = await self.ask(site, UPLOAD)
            self.assertIn("HTTP/1.1 413 Content Too Large\r\n", answer)
            self.assertIn("\r\nAccess-Control-Allow-Origin: *\r\n", answer)
            self.assertIn("\r\nConnection: close\r\n", answer)
            self.assertTrue(answer.endswith("\r\n\r\n413 Content Too Large\n"))
            self.assertEqual(self.seen, [("/upload", 413)])

    @run_async
    async def test_the_application_words_a_refusal_if_it_does(self):
        for result, status, text in (
            (("too long", 413), "413", "too long"),
            ({"error": "length"}, "200", '{"error": "length"}'),
            (Response("mine", 418), "418", "mine"),
        ):

            @self.app.errorhandler(413)
            async def refuse(request, result=result):
                return result

            async with Site(self.app, max_body_len=300) as site:
                answer = await self.ask(site, UPLOAD)
                self.assertIn("HTTP/1.1 %s " % status, answer)
                self.assertTrue(answer.endswith(text))
                self.assertIn("\r\nAccess-Control-Allow-Origin: *\r\n", answer)

    @run_async
    async def test_who_words_it_sees_the_length_that_the_client_has_announced(self):
        lengths = []

        @self.app.errorhandler(413)
        async def refuse(request):
            lengths.append(request.content_length)
            return "long", 413

        async with Site(self.app, max_body_len=300) as site:
            await self.ask(site, UPLOAD)
        self.assertEqual(lengths, [int(UPLOAD.split("Content-Length: ")[1].split()[0])])

    @run_async
    async def test_the_application_words_the_refusal_of_a_head_if_it_does(self):
        for status, text in (
            (400, "nonsense\r\n\r\n"),
            (414, "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % ("x" * 200)),
            (431, "GET / HTTP/1.1\r\nHost: x\r\nA: %s\r\n\r\n" % ("x" * 1000)),
            (505, "GET / HTTP/3.0\r\nHost: x\r\n\r\n"),
        ):

            @self.app.errorhandler(status)
            async def refuse(request, status=status):
                return {"error": status, "path": request.path}, status

            async with Site(self.app) as site:
                peer = site.connect()
                await peer.send(text)
                answer = await peer.read_all()
                self.assertIn(" %d " % status, answer.split("\r\n")[0])
                self.assertIn('"path": "*"', answer)
                self.assertIn("\r\nAccess-Control-Allow-Origin: *\r\n", answer)
                self.assertIn("\r\nConnection: close\r\n", answer)
                peer.close()

    @run_async
    async def test_a_handler_of_refusals_that_fails_leaves_it_to_the_server(self):
        @self.app.errorhandler(400)
        async def refuse(request):
            return 1 // 0

        async with Site(self.app) as site:
            answer = await self.ask(site, "nonsense\r\n\r\n")
            self.assertTrue(answer.endswith("\r\n\r\n400 Bad Request\n"))
            self.assertTrue(any("request failed" in line for line in site.log.lines))

    @run_async
    async def test_a_handler_of_errors_that_fails_is_a_500_and_never_an_empty_answer(self):
        @self.app.get("/broken")
        async def broken(request):
            return 1 // 0

        for error in (OSError(28), EOFError(), KeyError("x")):

            @self.app.errorhandler(500)
            async def internal(request, error=error):
                raise error

            async with Site(self.app) as site:
                answer = await self.ask(site, GET % "/broken")
                self.assertTrue(answer.endswith("\r\n\r\n500 Internal Server Error\n"))
                self.assertIn("request failed: %r" % error, site.log.lines)

    @run_async
    async def test_a_handler_after_an_error_that_fails_leaves_the_refusal_as_it_is(self):
        @self.app.after_error_request
        async def fail(request, response):
            raise OSError(28)

        async with Site(self.app, max_body_len=300) as site:
            answer = await self.ask(site, UPLOAD)
            self.assertTrue(answer.endswith("\r\n\r\n413 Content Too Large\n"))

    @run_async
    async def test_a_refusal_has_the_fields_that_it_varies_with(self):
        own = {}

        @self.app.errorhandler(413)
        async def refuse(request):
            request.g._vary = {"Origin"}  # as Microdot's CORS does
            return "long", 413, own

        for vary in ("Origin", "Accept, Origin"):
            async with Site(self.app, max_body_len=300) as site:
                self.assertIn("\r\nVary: %s\r\n" % vary, await self.ask(site, UPLOAD))
            own["Vary"] = "Accept"

    @run_async
    async def test_chunks_that_break_the_rules_are_refused_by_the_application_too(self):
        async with Site(self.app) as site:
            head = "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            for chunk, status in (("1\n", 400), ("1\r\nab\r\n", 400), ("fff\r\n", 413)):
                self.seen.clear()
                answer = await self.ask(site, head + chunk)
                self.assertIn("HTTP/1.1 %d " % status, answer)
                self.assertIn("\r\nAccess-Control-Allow-Origin: *\r\n", answer)
                self.assertEqual(self.seen, [("/upload", status)])

    @run_async
    async def test_a_refusal_of_a_head_request_has_no_body(self):
        async with Site(self.app) as site:
            head = "HEAD /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n"
            answer = await self.ask(site, head)
            self.assertIn("HTTP/1.1 413 ", answer)
            self.assertTrue(answer.endswith("\r\n\r\n"))

    @run_async
    async def test_a_method_is_a_501_only_when_no_route_knows_it(self):
        @self.app.route("/propfind", methods=["PROPFIND"])
        async def propfind(request):
            return "found"

        async with Site(self.app) as site:
            text = "%s %s HTTP/1.1\r\nHost: x\r\n\r\n"
            answer = await self.ask(site, text % ("BREW", "/quick"))
            self.assertIn("HTTP/1.1 501 Not Implemented", answer)
            self.assertIn("\r\nAccess-Control-Allow-Origin: *\r\n", answer)
            self.assertIn("found", await self.ask(site, text % ("PROPFIND", "/propfind")))
            for method in ("PROPFIND", "DELETE"):
                answer = await self.ask(site, text % (method, "/quick"))
                self.assertIn("HTTP/1.1 405 Method Not Allowed", answer)
                self.assertIn("\r\nAllow: ", answer)

    @run_async
    async def test_a_path_beyond_the_stack_is_a_414(self):
        def recurse(request):
            raise RuntimeError("maximum recursion depth exceeded")

        self.app.find_route = recurse
        async with Site(self.app) as site:
            answer = await self.ask(site, GET % "/quick")
            self.assertIn("HTTP/1.1 414 ", answer)
            self.assertIn("\r\nAccess-Control-Allow-Origin: *\r\n", answer)

    @run_async
    async def test_a_path_beyond_the_stack_is_a_414_also_when_all_slots_but_one_stay(self):
        find_route = self.app.find_route

        def recurse(request):
            if request.path == "/quick":
                raise RuntimeError("maximum recursion depth exceeded")
            return find_route(request)

        self.app.find_route = recurse

        @self.app.get("/events")
        async def events(request):
            return Silent(), 200, {"Content-Type": "text/event-stream"}

        async with Site(self.app, max_open_sockets=2, workers=1) as site:
            staying = site.connect()
            await staying.ask(GET % "/events")
            self.assertIn("HTTP/1.1 414 ", await self.ask(site, GET % "/quick"))
            staying.close()

    @run_async
    async def test_a_query_that_can_not_be_decoded_is_a_400(self):
        async with Site(self.app) as site:
            for query in ("a=%ff", "%zz"):
                answer = await self.ask(site, GET % ("/quick?" + query))
                self.assertIn("HTTP/1.1 400 ", answer)
                self.assertIn("\r\nAccess-Control-Allow-Origin: *\r\n", answer)
                self.assertEqual(self.seen.pop(), ("/quick", 400))

    @run_async
    async def test_an_exhausted_budget_is_a_503_and_is_given_back(self):
        async with Site(self.app) as site:
            site.memory.budget = 2 * 1500
            first = site.connect()
            await first.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1500\r\n\r\n")
            await until(lambda: site.memory.taken == 3000)
            answer = await self.ask(site, UPLOAD.replace("1000", "1100"))
            self.assertIn("HTTP/1.1 503 Busy", answer)
            self.assertIn("\r\nRetry-After: 1\r\n", answer)
            small = UPLOAD.replace("1000", "1000") + "x" * 1000  # takes nothing of it
            self.assertIn("took 1000", await self.ask(site, small))
            await first.send("x" * 1500)
            self.assertIn("took 1500", await first.read())
            self.assertEqual(site.memory.taken, 0)
            first.close()

    @run_async
    async def test_a_client_that_goes_in_the_middle_of_a_body_gives_the_budget_back(self):
        async with Site(self.app) as site:
            peer = site.connect()
            await peer.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1500\r\n\r\n")
            await until(lambda: site.memory.taken == 3000)
            peer.close()
            await until(lambda: site.memory.taken == 0)
