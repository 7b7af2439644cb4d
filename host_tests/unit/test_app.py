import asyncio
import gc
import json
import os
import sys
import time
import unittest

import network

from firmware import app
from host_tests.unit.ports import find_free
from tools.simulator.surroundings import AccessPoint, Surroundings

_PATH = "test_app_%s.json" % os.urandom(4).hex()
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


class TestRun(unittest.TestCase):
    def run_app(self, turns, around, on_connect=None, **network_settings):
        """Runs the demo until Ctrl-C comes in the given turn: its status, and if it was served."""
        settings = {"server": {"port": find_free()}, "log": {"level": "error"}}
        settings["network"] = dict(wifi=[{"ssid": "home"}], **network_settings)
        with open(_PATH, "w") as file:
            json.dump(settings, file)
        network.surroundings = around
        around.on_turn = Interrupt(turns).turn
        connected = []
        try:
            status = app.run(path=_PATH, on_connect=on_connect or connected.append)
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

    def test_while_it_loads_the_application_s_threshold_does_not_count(self):
        seen = []
        load, app._load = app._load, lambda path: seen.append(gc.threshold())
        try:
            gc.threshold(100000)
            self.assertEqual(app.run(), 1)
        finally:
            app._load = load
            gc.threshold(-1)
        self.assertEqual(seen, [8192])

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

    def test_a_loop_within_the_loop_is_refused(self):
        own = asyncio.run, asyncio.new_event_loop
        said = []

        def on_connect(address):
            for function, given in ((asyncio.run, (None,)), (asyncio.new_event_loop, ())):
                try:
                    function(*given)
                except (RuntimeError, TypeError) as error:
                    said.append(str(error))

        self.run_app(_MAX_TURNS, self.around(), on_connect)
        self.assertEqual(said, ["a loop within the loop; await instead of asyncio.run()"] * 2)
        self.assertEqual((asyncio.run, asyncio.new_event_loop), own)

    def test_what_checks_the_configuration_is_dropped(self):
        self.run_app(1, self.around())
        self.assertNotIn("firmware.config", sys.modules)
        self.assertNotIn("firmware.config.network", sys.modules)

    def test_a_wrong_configuration_is_status_1(self):
        self.assertEqual(app.run(path="there-is-no-such.json"), 1)
