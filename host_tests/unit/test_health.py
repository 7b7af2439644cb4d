import asyncio
import socket
import unittest
from time import ticks_add, ticks_ms

import machine

import firmware
from firmware import health as health_module
from firmware import last_words
from firmware.health import Health
from firmware.link import DOWN, UP
from host_tests.unit.fakes import FakeLog, run_async
from host_tests.unit.ports import bind_free
from host_tests.unit.test_last_words import VERSION, FakeMemory

SECOND = 1000
MINUTE = 60 * SECOND


class FakeChip:
    """The watchdog of a chip: the time-outs that it was made with, and how often it was fed."""

    def __init__(self):
        self.timeouts = []
        self.fed = 0

    def __call__(self, timeout):
        self.timeouts.append(timeout)
        return self

    def feed(self):
        self.fed += 1


class FakeLink:
    def __init__(self):
        self.state = UP
        self.address = "127.0.0.1"


class FakeInterface:
    """With a gateway that is silent, or answers, or can't be asked."""

    def __init__(self):
        self.is_alive = True
        self.is_failing = False
        self.stops = 0

    def gateway(self):
        return self

    def stop(self):
        self.stops += 1

    def has_failed(self):
        return self.is_failing


class ClockSetBy:
    """In the place of what asks a host for the time."""

    def __init__(self, set_clock):
        self.set_clock = set_clock

    def __enter__(self):
        self.kept, health_module._set_clock = health_module._set_clock, self.set_clock

    def __exit__(self, *_):
        health_module._set_clock = self.kept


class FakeServer:
    """A server on a port of its own, which answers if it is told to."""

    def __init__(self, answer=b"HTTP/1.1 204 No Content\r\n\r\n"):
        self.answer = answer
        self.answered = 0
        self.workers = self
        self.expired = []  # when its workers were asked
        self.asked = []
        self.is_up = True
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = bind_free(self.sock)
        self.sock.listen(5)
        self.sock.setblocking(False)

    def expire(self, now):
        self.expired.append(now)

    def is_running(self):
        return self.is_up

    def count_answered(self):
        return self.answered

    def count_open(self):
        return 0

    async def serve(self):
        while True:
            await asyncio.sleep(0.01)
            try:
                client = self.sock.accept()[0]
            except OSError:
                continue
            client.setblocking(True)
            self.asked.append(client.recv(100))
            client.send(self.answer)
            client.close()


class TestHealth(unittest.TestCase):
    def setUp(self):
        self.record = firmware.record
        firmware.record = None
        self.memory = FakeMemory()
        self.log = FakeLog()
        self.chip = FakeChip()
        self.restarts = []
        self.link = FakeLink()
        self.interface = FakeInterface()
        self.ping = health_module._ping
        health_module._ping = self.answer_ping

    def tearDown(self):
        health_module._ping = self.ping
        firmware.record = self.record
        firmware.is_armed = firmware.is_clock_set = False

    async def answer_ping(self, interface):
        return interface.is_alive

    def start(self, cause=machine.PWRON_RESET, timeout_s=60, version=VERSION, ntp_host=""):
        last_words.begin(version, self.memory, cause)
        restart = lambda: self.restarts.append(1)  # noqa: E731
        self.health = Health(self.log, timeout_s, ntp_host, self.memory, self.chip, restart)
        return self.health

    def kept(self):
        return last_words.unpack(self.memory.octets)

    async def run_for(self, seconds, server, now=None):
        """Steps of a second, each with its time; the time then."""
        now = ticks_ms() if now is None else now
        for _ in range(seconds):
            now = ticks_add(now, SECOND)
            await self.health.step(now, self.link, self.interface, server)
        return now

    async def begin(self, server):
        """Its task runs as far as its first wait."""
        task = asyncio.create_task(self.health.run(self.link, self.interface, server))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()

    # The watchdog of the chip.

    @run_async
    async def test_a_server_that_is_asked_and_answers_feeds_it(self):
        server = FakeServer()
        self.start()
        await self.begin(server)
        task = asyncio.create_task(server.serve())
        fed = self.chip.fed
        await self.run_for(200, server)
        self.assertTrue(self.chip.fed > fed)
        self.assertEqual(server.asked[0], b"OPTIONS * HTTP/1.0\r\n\r\n")
        task.cancel()
        server.sock.close()

    async def ask(self, server):
        """Whether the watchdog is fed when the server is asked."""
        self.health._watchdog._proven = ticks_add(0, -MINUTE)
        self.health._watchdog._answered = server.answered
        fed = self.chip.fed
        await self.health.step(0, self.link, self.interface, server)
        return self.chip.fed > fed

    @run_async
    async def test_threads_that_are_free_again_are_found_before_there_is_a_link(self):
        server = FakeServer()
        self.start()
        self.link.state = DOWN
        await self.health.step(1000, self.link, self.interface, server)
        self.assertEqual(server.expired, [1000])
        server.sock.close()

    @run_async
    async def test_one_that_has_answered_and_is_silent_does_not(self):
        server = FakeServer()
        self.start(timeout_s=2)
        await self.begin(server)
        task = asyncio.create_task(server.serve())
        self.assertTrue(await self.ask(server))
        task.cancel()
        await asyncio.sleep(0)
        self.assertFalse(await self.ask(server))
        server.sock.close()
        self.assertFalse(await self.ask(server))  # nor one that refuses

    @run_async
    async def test_one_that_accepts_and_never_answers_does_not(self):
        server = FakeServer()
        self.start(timeout_s=2)
        await self.begin(server)
        self.assertFalse(await self.ask(server))
        server.answer = b""
        task = asyncio.create_task(server.serve())
        self.assertFalse(await self.ask(server))
        task.cancel()
        server.sock.close()

    @run_async
    async def test_a_board_that_can_not_connect_to_itself_does_not_restart_for_that(self):
        server = FakeServer()
        server.sock.close()
        self.start(timeout_s=2)
        await self.begin(server)
        self.assertTrue(await self.ask(server))

    @run_async
    async def test_it_is_made_with_its_time_and_put_off_when_nobody_serves_any_more(self):
        server = FakeServer()
        self.start(timeout_s=90)
        await self.begin(server)
        self.assertEqual(self.chip.timeouts, [90000])
        self.health.put_off()
        self.assertEqual(self.chip.timeouts, [90000, 2000000000])
        self.health.put_off()
        self.assertEqual(len(self.chip.timeouts), 2)
        server.sock.close()

    @run_async
    async def test_with_0_none_is_made_and_the_one_of_the_start_is_put_off(self):
        server = FakeServer()
        self.start(timeout_s=0)
        await self.begin(server)
        self.assertEqual((self.chip.timeouts, self.chip.fed), ([], 0))
        firmware.is_armed = True
        await self.begin(server)
        self.assertEqual(self.chip.timeouts, [2000000000])
        server.sock.close()

    # What is kept of a run.

    def test_the_last_words_are_a_line_of_the_log(self):
        self.start()
        self.assertEqual(self.log.lines, [])
        last_words.end("ValueError: x", True, self.memory)
        self.start(machine.HARD_RESET)
        self.assertEqual(self.log.lines, ["Last time: ValueError: x"])
        health = self.health
        seen = (health.last_words, health.boots, health.is_safe_mode)
        self.assertEqual(seen, ("ValueError: x", 2, False))

    def test_safe_mode_is_a_line_of_the_log(self):
        self.start()
        for _ in range(5):
            last_words.end("ValueError: x", True, self.memory)
            self.start(machine.HARD_RESET)
        self.assertTrue(self.health.is_safe_mode)
        self.assertIn("safe mode", self.log.lines[-1])
        self.assertEqual(sum("safe mode" in line for line in self.log.lines), 1)

    def test_without_a_launcher_the_start_is_counted_here(self):
        self.health = Health(self.log, 60, "", self.memory, self.chip, None)
        self.assertEqual(self.health.boots, 1)
        self.assertEqual(self.kept().version, "")

    def test_the_record_is_kept_from_here_on_unless_an_application_has_something_there(self):
        self.start()
        self.assertEqual(self.kept().boots, 1)
        self.memory(b"mine")
        self.start(machine.HARD_RESET)
        self.health.end_exhausted()
        self.assertEqual(self.memory.octets, b"mine")

    @run_async
    async def test_a_minute_of_service_makes_a_start_a_good_one(self):
        server = FakeServer()
        self.start()
        for _ in range(3):
            last_words.end("ValueError: x", True, self.memory)
            self.start(machine.HARD_RESET)
        self.assertEqual(self.kept().bad, 3)
        now = await self.run_for(59, server)
        server.is_up = False
        self.link.state = DOWN
        now = await self.run_for(30, server, now)
        self.assertEqual(self.kept().bad, 3)
        server.is_up = True
        self.link.state = UP
        await self.run_for(1, server, now)
        self.assertEqual(self.kept().bad, 0)
        last_words.end("ValueError: x", True, self.memory)
        self.assertEqual(self.kept().bad, 0)
        server.sock.close()

    def test_exhausted_memory_is_kept_without_needing_any_and_is_a_bad_end(self):
        self.start()
        self.health.end_exhausted()
        self.assertEqual((self.kept().words, self.kept().bad), ("out of memory", 1))
        self.assertEqual(self.restarts, [])
        self.start(machine.SOFT_RESET)
        self.health.restart_exhausted()
        self.assertEqual((self.kept().bad, self.restarts), (2, [1]))

    def test_what_the_log_keeps_makes_way_for_the_record(self):
        self.start()
        self.log.loud.append("E (1) httpd32: out of memory")

        def read_or_write(*octets):
            if self.log.loud:
                raise MemoryError
            return self.memory(*octets)

        self.health._memory = read_or_write
        self.health.end_exhausted()
        self.assertEqual(self.kept().words, "out of memory")

    @run_async
    async def test_exhausted_memory_after_a_minute_of_service_is_no_bad_start(self):
        server = FakeServer()
        self.start()
        await self.run_for(60, server)
        self.health.end_exhausted()
        self.assertEqual((self.kept().words, self.kept().bad), ("out of memory", 0))
        server.sock.close()

    # A link that is deaf.

    @run_async
    async def test_a_deaf_link_is_connected_anew_and_then_the_board_restarts(self):
        server = FakeServer()
        self.start(timeout_s=0)
        now = await self.run_for(70, server)
        self.interface.is_alive = False
        for stops in (1, 2, 3):
            while self.interface.stops < stops:
                now = await self.run_for(1, server, now)
            self.link.state = DOWN
            now = await self.run_for(5, server, now)
            self.link.state = UP
        while not self.restarts:
            now = await self.run_for(1, server, now)
        self.assertEqual(self.interface.stops, 3)
        self.assertEqual(self.kept().words, "the gateway does not answer any more")
        self.assertEqual(self.kept().bad, 0)
        server.sock.close()

    # The clock.

    @run_async
    async def test_the_clock_is_set_when_the_link_is_up_and_once_a_day(self):
        times = []
        is_set = [False, True, True, True]

        async def set_clock(host, log):
            self.assertEqual(firmware.is_clock_set, len(times) > 1)
            times.append((self.now // SECOND, host))
            return is_set[len(times) - 1]

        server = FakeServer()
        self.start(timeout_s=0, ntp_host="ntp.example")
        with ClockSetBy(set_clock):
            for self.now in range(0, 30 * 3600 * SECOND, 30 * SECOND):
                self.link.state = DOWN if self.now < 90 * SECOND else UP
                await self.health.step(self.now, self.link, self.interface, server)
        server.sock.close()
        self.assertEqual(times, [(at, "ntp.example") for at in (90, 390, 390 + 86400)])

    @run_async
    async def test_it_is_set_at_once_where_the_link_is_up_from_the_beginning(self):
        asked = []

        async def set_clock(host, log):
            asked.append(host)

        server = FakeServer()
        self.start(timeout_s=0, ntp_host="ntp.example")
        with ClockSetBy(set_clock):
            await self.run_for(1, server)
        server.sock.close()
        self.assertEqual(asked, ["ntp.example"])

    @run_async
    async def test_without_a_host_nobody_is_asked_for_the_time(self):
        async def fail(host, log):
            raise AssertionError

        server = FakeServer()
        self.start(timeout_s=0)
        with ClockSetBy(fail):
            await self.run_for(120, server)
        server.sock.close()
        self.assertEqual(self.log.lines, [])
        self.assertTrue(firmware.is_clock_set)  # it is the application's to set
