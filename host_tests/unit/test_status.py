import json
import unittest
from binascii import b2a_base64

import firmware
from firmware import status
from firmware.log import Log
from firmware.wifi import WiFi
from host_tests.unit.fakes import FakeMemory, Play, run_async, until
from host_tests.unit.sites import App
from tools.simulator import network
from tools.simulator.surroundings import AccessPoint, Surroundings

OWN = ("/status.json", "/metrics", "/log", "/status")


class Supervisor:
    uptime_s = 90000
    down_s = 7
    reconnects = 2

    class link:
        address = "192.0.2.1"


class Health:
    last_words = 'ValueError: "x"'
    boots = 4
    is_safe_mode = True


class Parts:
    """What the composition root hands over: a server that runs, and the rest played."""

    def __init__(self, password="", app=None):
        network.surroundings = Surroundings()  # Wi-Fi may be loaded, by another file: it is down
        self.password = password
        self.lines = []
        self.log = Log("info", write=self.lines.append)
        self.supervisor = Supervisor()
        self.memory = FakeMemory()
        self.health = None
        self.status = None
        self.app = app or App()
        self.site = self.app.site(log=self.log, status=self.answer)
        self.server = self.site.server

    def answer(self, request):
        if not self.status:
            self.status = status.Status(self)
        return self.status.answer(request)

    async def __aenter__(self):
        await self.site.__aenter__()
        return self

    async def __aexit__(self, *_):
        await self.site.__aexit__()

    async def ask(self, path, *fields, method="GET"):
        """(head, body) of the answer to a request on a connection of its own."""
        peer = self.site.connect()
        await peer.send("\r\n".join(("%s %s HTTP/1.0" % (method, path),) + fields + ("", "")))
        head, _, body = (await peer.read_all()).partition("\r\n\r\n")
        peer.close()
        return head, body

    async def json(self):
        return json.loads((await self.ask("/status.json"))[1])

    async def metrics(self):
        """Name, with its label if it has one, to value."""
        lines = (await self.ask("/metrics"))[1].split("\n")
        samples = [line.rsplit(" ", 1) for line in lines if line and line[0] != "#"]
        return dict([(name, float(value)) for name, value in samples])


def basic(user, password):
    credentials = b2a_base64(("%s:%s" % (user, password)).encode()).decode().strip()
    return "Authorization: Basic " + credentials


class TestStatus(unittest.TestCase):
    @run_async
    async def test_what_was_counted_is_told(self):
        async with Parts() as parts:
            for path in ("/quick", "/quick", "/missing", "/broken"):
                await parts.ask(path)
            told = await parts.json()
            self.assertEqual(told["requests"], {"1xx": 0, "2xx": 2, "3xx": 0, "4xx": 1, "5xx": 1})
            self.assertEqual(told["sockets"], {"open": 1, "most": 1, "limit": 3, "purged": 0})
            self.assertEqual(told["workers"], {"busy": 0, "limit": 2, "refused": 0})
            self.assertEqual(told["uptime_seconds"], 90000)
            self.assertEqual(told["link"]["address"], "192.0.2.1")
            self.assertEqual((told["link"]["reconnects"], told["link"]["down_seconds"]), (2, 7))
            self.assertEqual(told["version"], firmware.__version__)
            self.assertTrue(told["heap"]["used_bytes"] > 0)

    @run_async
    async def test_the_metrics_are_the_same_numbers(self):
        async with Parts() as parts:
            await parts.ask("/quick")
            await parts.json()
            told = await parts.metrics()
            self.assertEqual(told['httpd32_requests_total{class="2xx"}'], 2)
            self.assertEqual(told["httpd32_uptime_seconds"], 90000)
            self.assertEqual(told["httpd32_link_down_seconds_total"], 7)
            self.assertEqual(told["httpd32_sockets_open"], 1)
            self.assertFalse("httpd32_boots_total" in told)

    @run_async
    async def test_each_metric_has_one_type_and_counters_end_in_total(self):
        async with Parts() as parts:
            lines = (await parts.ask("/metrics"))[1].split("\n")
            types = [line.split(" ")[2:] for line in lines if line.startswith("# TYPE")]
            self.assertEqual(len(set([name for name, _ in types])), len(types))
            for name, kind in types:
                self.assertEqual(name.endswith("_total"), kind == "counter")
                self.assertTrue(any(line.startswith("# HELP %s " % name) for line in lines))

    @run_async
    async def test_the_health_of_the_board_is_told_where_it_is_known(self):
        async with Parts() as parts:
            self.assertEqual((await parts.json())["boots"], None)
            parts.health = Health()
            told = await parts.json()
            self.assertEqual((told["boots"], told["safe_mode"]), (4, 1))
            self.assertEqual(told["last_words"], Health.last_words)
            self.assertEqual((await parts.metrics())["httpd32_boots_total"], 4)

    @run_async
    async def test_a_purge_a_refusal_and_a_second_connection_are_counted(self):
        async with Parts() as parts:
            held = [parts.site.connect() for _ in range(2)]
            for peer in held:
                await peer.send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
            await until(lambda: len(parts.site.pool.jobs) == 2)
            self.assertIn("503", (await parts.ask("/long"))[0])
            told = json.loads((await parts.ask("/status.json"))[1])
            self.assertEqual(told["workers"], {"busy": 2, "limit": 2, "refused": 1})
            self.assertEqual((told["sockets"]["open"], told["sockets"]["most"]), (3, 3))
            for peer in held:
                peer.close()

    @run_async
    async def test_an_applications_own_route_wins(self):
        app = App()

        @app.app.get("/metrics")
        async def metrics(request):
            return "mine"

        async with Parts(app=app) as parts:
            self.assertEqual((await parts.ask("/metrics"))[1], "mine")
            self.assertEqual(parts.status, None)
            self.assertIn("httpd32: uri: /metrics", parts.lines[-1])

    @run_async
    async def test_what_is_no_get_is_left_to_the_application(self):
        async with Parts() as parts:
            for path in OWN:
                self.assertIn(" 404 ", (await parts.ask(path, method="POST"))[0])

    @run_async
    async def test_a_head_gets_no_body(self):
        async with Parts() as parts:
            for path in OWN:
                head, body = await parts.ask(path, method="HEAD")
                self.assertIn(" 200 ", head)
                self.assertEqual(body, "")

    @run_async
    async def test_paths_that_only_begin_or_end_like_one_are_none(self):
        async with Parts() as parts:
            for path in ("/", "/s", "/logs", "/status.jso", "/.json", "/status/"):
                self.assertIn(" 404 ", (await parts.ask(path))[0])
            self.assertEqual(parts.status, None)

    @run_async
    async def test_a_loop_that_stands_still_meanwhile_is_told_with_its_path(self):
        async with Parts() as parts:
            await parts.ask("/quick")
            await parts.json()
            self.assertEqual(parts.server._exchange.path, "/status.json")

    @run_async
    async def test_what_shows_the_log_is_not_in_it(self):
        async with Parts() as parts:
            await parts.ask("/log")
            before = len(parts.lines)
            await parts.json()
            await parts.ask("/log")
            self.assertEqual(len(parts.lines), before)

    @run_async
    async def test_it_is_needed_for_some_minutes_after_each_question(self):
        async with Parts() as parts:
            await parts.ask("/status.json")
            asked = parts.status._asked
            self.assertTrue(parts.status.is_needed(asked + 299999))
            self.assertFalse(parts.status.is_needed(asked + 300000))
            parts.status._asked -= 300000
            await parts.ask("/status.json")
            self.assertTrue(parts.status.is_needed(asked + 299999))

    @run_async
    async def test_it_is_needed_for_some_seconds_where_others_need_the_memory(self):
        async with Parts() as parts:
            await parts.ask("/status.json")
            asked = parts.status._asked
            parts.memory.has_room = False
            self.assertTrue(parts.status.is_needed(asked + 9999))
            self.assertFalse(parts.status.is_needed(asked + 10000))

    @run_async
    async def test_the_log_is_kept_until_it_is_closed(self):
        async with Parts() as parts:
            write = parts.log.write
            await parts.ask("/log")
            self.assertTrue(parts.log.write != write)
            parts.status.close()
            self.assertTrue(parts.log.write == write)

    @run_async
    async def test_where_there_is_nothing_new_in_the_log_the_answer_is_empty(self):
        async with Parts() as parts:
            head, text = await parts.ask("/log")
            self.assertIn("Log-Next: %d" % len(text), head)
            head, more = await parts.ask("/log?after=%d" % len(text))
            self.assertIn(" 200 ", head)
            self.assertEqual(more, "")


class TestPassword(unittest.TestCase):
    @run_async
    async def test_without_it_or_with_another_there_is_401_and_a_line(self):
        async with Parts("geheim") as parts:
            for field in (
                "Host: x",
                basic("admin", "geheiM"),
                basic("admin", "geheim1"),
                basic("admin", ""),
                basic("root", "geheim"),
                basic("admin", "geheim").replace("Basic", "Bearer"),
                "Authorization: Basic",
                "Authorization: Basic \xff",
            ):
                for path in OWN:
                    head, body = await parts.ask(path, field)
                    self.assertIn(" 401 ", head)
                    self.assertIn('WWW-Authenticate: Basic realm="httpd32"', head)
                    self.assertEqual(body, "401 Unauthorized\n")
            self.assertIn("refused with 401: ", parts.lines[-1])

    @run_async
    async def test_with_it_the_answer_is_given(self):
        async with Parts("gehe:im é") as parts:
            for field in (
                basic("admin", "gehe:im é"),
                basic("admin", "gehe:im é").replace("Basic ", "basic  "),
            ):
                self.assertIn(" 200 ", (await parts.ask("/metrics", field))[0])


class TestRadio(unittest.TestCase):
    """What `/status.json` tells of the link."""

    def setUp(self):
        network.surroundings = self.around = Surroundings(
            [AccessPoint("home", "home-secret", -61, "10.0.0.2")]
        )
        self.kept, WiFi.wlan = WiFi.wlan, None

    def tearDown(self):
        WiFi.wlan = self.kept

    def test_a_board_on_ethernet_does_not_start_the_radio_for_it(self):
        self.assertEqual(status._read_radio("10.0.0.9"), ["ethernet", "10.0.0.9", None])
        self.assertIsNone(self.around.wlan)

    def test_over_wifi_there_is_the_strength_of_the_signal(self):
        known = [{"ssid": "home", "password": "home-secret"}]
        station = Play(lambda log: WiFi(known, "board", "", False, None, log), self.around)
        self.assertEqual(station.run(3000), "10.0.0.2")
        self.assertEqual(status._read_radio("10.0.0.2"), ["wifi", "10.0.0.2", -61])
        self.assertEqual(status._read_radio("10.0.0.9"), ["ethernet", "10.0.0.9", None])
        self.assertEqual(status._read_radio(None), [None, None, None])
