import asyncio
import unittest

from microdot import Microdot, Response

from host_tests.unit.fakes import run_async, until
from host_tests.unit.sites import GET, App, Site

UPLOAD = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


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
            self.assertIn("HTTP/1.1 400 ", await self.ask(site, GET % "/quick?a=%ff"))

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


class TestLasting(unittest.TestCase):
    """One slot is never for what stays."""

    def setUp(self):
        self.app = Microdot()
        self.gate = asyncio.Event()
        self.called = 0

        @self.app.get("/quick")
        async def quick(request):
            return "quick"

        @self.app.get("/events")
        async def events(request):
            self.called += 1
            return Silent(), 200, {"Content-Type": "text/event-stream"}

        @self.app.get("/socket")
        async def socket(request):
            self.called += 1
            await request.sock[1].awrite(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            await request.sock[0].read(1)
            return Response.already_handled

    async def fill(self, site, count, text):
        peers = [site.connect() for _ in range(count)]
        for peer in peers:
            self.assertIn("HTTP/1.1 ", await peer.ask(text))
        return peers

    @run_async
    async def test_one_event_stream_too_many_is_503_before_its_handler_runs(self):
        async with Site(self.app, max_open_sockets=3) as site:
            peers = await self.fill(site, 2, GET % "/events")
            late, quick = site.connect(), site.connect()
            answer = await late.ask(GET % "/events")
            self.assertIn("HTTP/1.1 503 Busy", answer)
            self.assertIn("\r\nRetry-After: 1\r\n", answer)
            self.assertEqual(self.called, 2)
            self.assertIn("quick", await quick.ask(GET % "/quick"))
            for peer in peers + [late, quick]:
                peer.close()

    @run_async
    async def test_one_websocket_too_many_is_503_before_its_handler_runs(self):
        text = (
            "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"
        )
        async with Site(self.app, max_open_sockets=3) as site:
            peers = await self.fill(site, 2, text)
            late = site.connect()
            self.assertIn("HTTP/1.1 503 Busy", await late.ask(text))
            self.assertEqual(self.called, 2)
            peers[0].close()
            await site.wait_open(1)
            again = site.connect()
            self.assertIn("101 Switching", await again.ask(text))
            for peer in peers + [late, again]:
                peer.close()

    @run_async
    async def test_without_memory_for_one_more_that_lasts_it_is_503_and_quick_requests_go_on(self):
        text = "GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n"
        async with Site(self.app, max_open_sockets=7) as site:
            site.memory.is_full = True
            peers = await self.fill(site, 1, GET % "/events")  # the first always may
            for request in (GET % "/events", text):
                late = site.connect()
                self.assertIn("HTTP/1.1 503 Busy", await late.ask(request))
                peers.append(late)
            quick = site.connect()
            self.assertIn("quick", await quick.ask(GET % "/quick"))
            site.memory.is_full = False
            for request in (GET % "/events", text):
                late = site.connect()
                self.assertNotIn("503", await late.ask(request))
                peers.append(late)
            for peer in peers + [quick]:
                peer.close()

    @run_async
    async def test_a_long_request_too_many_is_503_though_a_worker_is_ready(self):
        app = App()
        app.app.mount(self.app)
        async with app.site(max_open_sockets=3, workers=2) as site:
            peers = await self.fill(site, 2, GET % "/events")
            late = site.connect()
            answer = await late.ask(GET % "/long")
            self.assertIn("HTTP/1.1 503 Busy", answer)
            self.assertIn("no workers available. server busy.", answer)
            self.assertEqual(site.pool.count_ready(), 2)
            for peer in peers + [late]:
                peer.close()

    @run_async
    async def test_there_is_no_http_behind_what_the_application_has_sent_itself(self):
        @self.app.get("/own")
        async def own(request):
            await request.sock[1].awrite(b"all mine")
            raise ValueError("behind it")

        async with Site(self.app) as site:
            peer = site.connect()
            await peer.send(GET % "/own")
            self.assertEqual(await peer.read_all(), "all mine")
            peer.close()


class Silent:
    """A stream that stays and says nothing more than its first event."""

    def __init__(self):
        self._has_begun = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self._has_begun:
            await asyncio.Event().wait()
        self._has_begun = True
        return "data: 1\n\n"
