import asyncio
import gc
import json
import os
import sys
import time
import unittest

import network

import firmware
from firmware import app
from host_tests.unit.fakes import run_async, turns, until
from tools.simulator.surroundings import AccessPoint, Surroundings

_PATH = "test_app_%s.json" % os.urandom(4).hex()
_PORT = 20000 + int.from_bytes(os.urandom(2), "little") % 10000
_MAX_TURNS = 40


class Interrupt:
    """Ctrl-C, when the drivers are asked for their state for the `count`th time."""

    def __init__(self, count):
        self.left = count

    def turn(self):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def fail(*args):
    for each in args:
        if hasattr(each, "send"):  # a coroutine that never runs
            each.close()
    raise MemoryError


class Parts(app._Parts):
    """Of a board that is asked for what it answers itself."""

    update_password = "correct horse"
    password = ""

    def __init__(self):
        self.log = self.supervisor = self.server = self._memory = self.link = self
        self.address = "192.0.2.1"
        self.has_room = True
        self.settled = 0
        self.write = None
        self.loud = ()

    def has(self, length):
        self.asked = length
        return self.has_room

    def settle(self):
        self.settled += 1


class Request:
    method = "GET"
    headers = {"Host": "192.0.2.1"}
    args: dict = {}

    def __init__(self, path):
        self.path = path


NONCE = "/.httpd32/nonce"
OWN = ("status", "update", "update_flash", "update_proof")


class TestOwn(unittest.TestCase):
    def setUp(self):
        self._sleep_ms = asyncio.sleep_ms
        asyncio.sleep_ms = lambda delay_ms: self._sleep_ms(5)  # type: ignore[assignment]
        self.parts = Parts()
        self.loaded = sys.modules.copy()
        network.surroundings = self.around = Surroundings()

    def tearDown(self):
        gc.threshold(-1)
        asyncio.sleep_ms = self._sleep_ms
        for name in OWN:  # of whoever has imported it before
            firmware.drop(name)
            if "firmware." + name in self.loaded:
                sys.modules["firmware." + name] = self.loaded["firmware." + name]
                setattr(firmware, name, self.loaded["firmware." + name])

    def count_loaded(self):
        return len([name for name in OWN if "firmware." + name in sys.modules])

    async def end(self):
        self.parts._leaving.cancel()
        await turns()

    @run_async
    async def test_an_update_for_which_there_is_too_little_memory_is_refused_unloaded(self):
        self.parts.has_room = False
        with self.assertRaises(MemoryError):
            await self.parts._answer_own(Request(NONCE))
        self.assertTrue(self.parts.asked > 20000)
        self.assertIs(self.parts.own, None)

    @run_async
    async def test_what_is_not_to_be_had_is_the_applications(self):
        self.parts.update_password = ""
        self.parts.password = None
        for path in (NONCE, "/status.json"):
            self.assertIs(self.parts._answer_own(Request(path)), None)

    async def come_and_go(self):
        """The status, until nobody needs it any more."""
        self.parts._answer_own(Request("/log"))
        self.assertTrue(self.parts.write)
        for _ in range(10):
            await asyncio.sleep_ms(0)
        self.assertTrue(self.parts.own)
        self.parts.own._asked -= 300000
        while self.parts.own:
            await asyncio.sleep_ms(0)
        await turns()

    @run_async
    async def test_it_leaves_when_nobody_needs_it_any_more(self):
        await self.come_and_go()
        self.assertEqual((self.parts.own, self.parts.write), (None, None))
        self.assertEqual(self.count_loaded(), 0)
        self.assertEqual(self.parts.settled, 2)  # when it was loaded, and when it has left

    @run_async
    async def test_tasks_that_wait_keep_nothing_of_it(self):
        """MicroPython's loop leaves pointers from them to tasks that have ended meanwhile."""

        async def wait(count):
            for _ in range(count):
                await self._sleep_ms(3)
            arrived.append(count)
            await gate.wait()

        gate = asyncio.Event()
        arrived: list = []
        waiting = [asyncio.create_task(wait(count)) for count in range(12)]
        self.parts._answer_own(Request("/log"))
        while len(arrived) < len(waiting):
            await self._sleep_ms(50)  # not often: this task is in the queue, too
        self.parts.own._asked -= 300000
        await until(lambda: not self.parts.own)
        gc.collect()
        used = gc.mem_alloc()
        gate.set()
        await asyncio.gather(*waiting)
        gc.collect()
        self.assertTrue(used - gc.mem_alloc() < 3000)  # the status takes 11 KB

    @run_async
    async def test_an_update_takes_the_place_of_the_status_and_the_status_waits_for_its_end(self):
        self.parts._answer_own(Request("/log"))
        self.assertEqual((await self.parts._answer_own(Request(NONCE))).status_code, 200)
        self.assertEqual(self.parts.write, None)
        self.assertFalse("firmware.status" in sys.modules)
        with self.assertRaises(MemoryError):
            self.parts._answer_own(Request("/log"))
        self.assertEqual((await self.parts._answer_own(Request(NONCE))).status_code, 200)
        await self.end()

    @run_async
    async def test_what_can_not_be_loaded_leaves_nothing(self):
        from firmware import update

        Update, update.Update = update.Update, fail
        try:
            with self.assertRaises(MemoryError):
                self.parts._answer_own(Request(NONCE))
        finally:
            update.Update = Update
        self.assertIs(self.parts.own, None)
        self.assertEqual(self.count_loaded(), 0)


class TestRun(unittest.TestCase):
    def run_app(self, turns, around, **network_settings):
        """Runs the demo until Ctrl-C comes in the given turn: its status, and if it was served."""
        settings = {"server": {"port": _PORT}, "log": {"level": "error"}}
        settings["network"] = dict(wifi=[{"ssid": "home"}], **network_settings)
        with open(_PATH, "w") as file:
            json.dump(settings, file)
        network.surroundings = around
        around.on_turn = Interrupt(turns).turn
        connected = []
        try:
            status = app.run(path=_PATH, on_connect=connected.append)
        finally:
            os.remove(_PATH)
        return status, connected

    def around(self, **options):
        access_point = AccessPoint("home", address="127.0.0.1")
        return Surroundings([access_point], pace=1000, clock=time.ticks_ms, **options)

    def interrupt_everywhere(self, make, **network_settings):
        """Ctrl-C in every turn from the first until the server has run for a while."""
        served = 0
        for turn in range(1, _MAX_TURNS):
            status, connected = self.run_app(turn, make(), **network_settings)
            self.assertEqual(status, 0)
            served += len(connected)
            if served == 2:
                return
        raise AssertionError("never served")

    def test_ctrl_c_in_every_state_of_wifi_ends_it_and_it_runs_again(self):
        self.interrupt_everywhere(self.around)

    def test_ctrl_c_in_every_state_of_ethernet_ends_it_and_it_runs_again(self):
        self.interrupt_everywhere(
            lambda: self.around(cable="127.0.0.1"),
            interface="ethernet",
            ethernet={"board": "WT32-ETH01"},
        )

    def test_ctrl_c_while_no_network_is_there_ends_it(self):
        for turn in range(1, 20, 4):
            around = self.around()
            around.access_points[0].switch_off(0)
            self.assertEqual(self.run_app(turn, around), (0, []))

    def test_garbage_is_collected_before_it_fills_the_heap(self):
        gc.threshold(-1)
        try:
            self.run_app(1, self.around())
            self.assertTrue(0 < gc.threshold() < gc.mem_free() + gc.mem_alloc())
        finally:
            gc.threshold(-1)

    def test_want_of_memory_at_the_start_reaches_the_top(self):
        parts = app._Parts
        app._Parts = fail
        try:
            with self.assertRaises(MemoryError):
                self.run_app(1, self.around())
        finally:
            app._Parts = parts

    def test_want_of_memory_in_the_loop_itself_is_a_reset(self):
        run = asyncio.run
        asyncio.run = fail
        try:
            with self.assertRaises(SystemExit):
                self.run_app(1, self.around())
        finally:
            asyncio.run = run

    def test_a_poll_that_fails_for_want_of_memory_is_a_reset_and_any_other_failure_is_not(self):
        run = asyncio.run

        def poll(number):
            def failing(coroutine):
                coroutine.close()
                raise OSError(number, "")

            return failing

        try:
            for number, kind in ((5, SystemExit), (28, OSError)):
                asyncio.run = poll(number)
                with self.assertRaises(kind):
                    self.run_app(1, self.around())
        finally:
            asyncio.run = run

    def test_what_checks_the_configuration_is_dropped(self):
        self.run_app(1, self.around())
        self.assertNotIn("firmware.config", sys.modules)
        self.assertNotIn("firmware.config_network", sys.modules)

    def test_a_wrong_configuration_is_status_1(self):
        self.assertEqual(app.run(path="there-is-no-such.json"), 1)
