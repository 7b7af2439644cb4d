import asyncio
import unittest
from time import ticks_diff, ticks_ms

from firmware.link import Link
from firmware.supervisor import Supervisor
from host_tests.unit.fakes import FakeInterface, FakeLog, FakeServer, run_async, until


class TestSupervisor(unittest.TestCase):
    def setUp(self):
        self.interface = FakeInterface()
        self.log = FakeLog()

    @run_async
    async def run_steps(self, server, steps, **callbacks):
        """`steps`: (time, address) each; what the server was told."""
        supervisor = Supervisor(Link(self.interface), server, self.log, **callbacks)
        for now, address in steps:
            self.interface.address = address
            await supervisor.step(now)
        return server.events

    def test_the_server_follows_the_link(self):
        steps = [(0, "a"), (300, "a"), (400, None), (700, None), (800, "b"), (1100, "b")]
        events = self.run_steps(FakeServer(), steps)
        self.assertEqual(events, ["start a", "stop", "start b"])

    @run_async
    async def test_seconds_are_counted_with_and_without_a_link(self):
        supervisor = Supervisor(Link(self.interface), FakeServer(), self.log)
        start = ticks_ms()
        for ms in range(100, 10100, 100):
            self.interface.address = None if 3000 < ms <= 5000 else "a"
            await supervisor.step(start + ms)
        self.assertIn(supervisor.uptime_s, (9, 10))
        self.assertIn(supervisor.down_s, (2, 3))  # an address must hold for a moment
        self.assertEqual(supervisor.reconnects, 1)

    @run_async
    async def test_the_seconds_in_which_the_loop_stood_still_are_counted_afterwards(self):
        supervisor = Supervisor(Link(self.interface), FakeServer(), self.log)
        start = ticks_ms()
        for n in range(20):
            await supervisor.step(start + 15000 + n)
        self.assertIn(supervisor.uptime_s, (14, 15))

    @run_async
    async def test_without_a_link_a_server_that_still_runs_is_stopped(self):
        server = FakeServer()
        stop = server.stop
        failures = [MemoryError()]

        async def fail_once(grace_ms):
            if failures:
                raise failures.pop()
            await stop(grace_ms)

        server.stop = fail_once
        supervisor = Supervisor(Link(self.interface), server, self.log)
        for now, address in ((0, "a"), (300, "a"), (400, None), (700, None), (800, None)):
            self.interface.address = address
            try:
                await supervisor.step(now)
            except MemoryError:
                self.assertTrue(server.is_running())
        self.assertEqual((failures, server.events), ([], ["start a", "stop"]))

    def test_the_address_is_logged_before_the_server_starts(self):
        server = FakeServer()
        server.events = self.log.lines
        self.run_steps(server, [(0, "10.0.0.1"), (300, "10.0.0.1")])
        self.assertEqual(self.log.lines, ["IPv4 address: 10.0.0.1,", "start 10.0.0.1"])

    def test_a_start_that_fails_is_tried_again_ever_more_slowly(self):
        steps = [(now, "a") for now in range(0, 8000, 100)]
        events = self.run_steps(FakeServer(failures=3), steps)
        self.assertEqual(events, ["fail", "fail", "fail", "start a"])
        waits = [line.split()[-2] for line in self.log.lines if "Error starting" in line]
        self.assertEqual(waits, ["1000", "2000", "4000"])

    def test_the_waits_end_at_a_minute_and_begin_anew_with_the_link(self):
        steps = [(now, "a") for now in range(0, 300000, 100)]
        steps += [(300000, None), (300300, None), (301000, "a"), (301300, "a")]
        self.run_steps(FakeServer(failures=99), steps)
        waits = [line.split()[-2] for line in self.log.lines if "Error starting" in line]
        self.assertEqual(waits[5:], ["32000", "60000", "60000", "60000", "60000", "1000"])

    def test_the_application_does_not_hear_of_a_link_on_which_the_server_never_started(self):
        gone = []
        steps = [(0, "a"), (300, "a"), (400, None), (700, None)]
        self.run_steps(FakeServer(failures=1), steps, on_disconnect=lambda: gone.append(1))
        self.assertEqual(gone, [])

    def test_a_link_that_flaps_ten_times_in_5_s_restarts_nothing(self):
        steps = [(0, "a"), (300, "a")]
        steps += [(now, "a" if now % 500 < 250 else None) for now in range(500, 5500, 50)]
        steps += [(now, "a") for now in range(5500, 9000, 100)]
        self.assertEqual(self.run_steps(FakeServer(), steps), ["start a"])

    def test_the_application_hears_of_the_link_after_the_server(self):
        server = FakeServer(failures=1)
        steps = [(0, "a"), (300, "a"), (1300, "a"), (1400, None), (1700, None)]
        self.run_steps(
            server,
            steps,
            on_connect=lambda address: server.events.append("connected to " + address),
            on_disconnect=lambda: server.events.append("disconnected"),
        )
        self.assertEqual(
            server.events, ["fail", "start a", "connected to a", "stop", "disconnected"]
        )

    @run_async
    async def test_a_callback_of_the_application_that_raises_is_logged_and_harms_nothing(self):
        def fail(*_):
            raise RuntimeError("of the application")

        server = FakeServer()
        supervisor = Supervisor(Link(self.interface), server, self.log, fail, fail)
        self.interface.address = "a"
        task = asyncio.create_task(supervisor.run())
        await until(lambda: any("of the application" in line for line in self.log.lines))
        self.interface.address = None
        await until(lambda: not server.is_running())
        self.interface.address = "b"
        await until(server.is_running)
        task.cancel()
        self.assertEqual(server.events, ["start a", "stop", "start b"])

    def test_a_start_without_memory_is_tried_again_as_well(self):
        class Poor(FakeServer):
            async def start(self, address):
                if not self.events:
                    self.events.append("no memory")
                    raise MemoryError
                await super().start(address)

        steps = [(now, "a") for now in range(0, 1400, 100)]
        self.assertEqual(self.run_steps(Poor(), steps), ["no memory", "start a"])

    @run_async
    async def test_once_it_has_ended_nothing_starts_the_server_again(self):
        server = FakeServer()
        supervisor = Supervisor(Link(self.interface), server, self.log)
        await supervisor.step(0)
        self.interface.address = "a"
        supervisor.end()
        await supervisor.step(300)
        await supervisor.step(5000)
        self.assertEqual(server.events, [])

    @run_async
    async def test_the_application_may_end_it_from_its_own_callback(self):
        async def connected(address):
            supervisor.close()
            server.events.append("connected")

        server = FakeServer()
        supervisor = Supervisor(Link(self.interface), server, self.log, connected)
        self.interface.address = "a"
        await supervisor.run()
        await until(lambda: "connected" in server.events)
        self.assertEqual(server.events, ["start a", "connected"])
        self.assertFalse(any("failed" in line for line in self.log.lines))
        supervisor.end()

    @run_async
    async def test_a_driver_that_raises_is_asked_again_after_a_second(self):
        class Broken:
            def poll(self, now):
                raise RuntimeError("driver")

        supervisor = Supervisor(Link(Broken()), FakeServer(), self.log)
        start = ticks_ms()
        task = asyncio.create_task(supervisor.run())
        await until(lambda: len(self.log.lines) >= 2)
        self.assertTrue(ticks_diff(ticks_ms(), start) >= 900)
        self.assertFalse(task.done())
        task.cancel()

    def test_a_link_that_is_lost_ends_the_retries(self):
        steps = [(0, "a"), (300, "a"), (400, None), (700, None), (5000, None)]
        self.assertEqual(self.run_steps(FakeServer(failures=9), steps), ["fail", "stop"])
