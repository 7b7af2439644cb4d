import asyncio
import gc
import sys
import unittest

import network

import firmware
from firmware import app, own
from host_tests.unit.fakes import run_async, turns, until
from tools.simulator.surroundings import Surroundings


def fail(*args):
    raise MemoryError


class Parts(app._Parts):
    """Of a board that is asked for what it answers itself."""

    update_password = "correct horse"
    password = ""

    def __init__(self):
        self.log = self.supervisor = self.server = self.memory = self.link = self
        self.address = "192.0.2.1"
        self.has_room = True
        self.is_low = False
        self.give_way = None
        self.loaded = []
        self.write = None
        self.loud = ()

    async def wait_room(self, length):
        self.asked = length
        return self.has_room

    def has(self, length):
        return True

    def is_scarce(self):
        return self.is_low

    def note_loaded(self, length):
        self.loaded.append(length)


class Request:
    method = "GET"
    headers = {"host": "192.0.2.1"}
    args: dict = {}

    def __init__(self, path):
        self.path = path


NONCE = "/.httpd32/nonce"
MODULES = ("own", "status", "update")


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
        for name in MODULES:  # of whoever has imported it before
            firmware.drop(name)
            if "firmware." + name in self.loaded:
                setattr(firmware, name, self.loaded["firmware." + name])
        sys.modules.update(self.loaded)

    async def ask(self, path):
        answered = self.parts._answer_own(Request(path))
        return await answered if hasattr(answered, "send") else answered

    def count_loaded(self):
        """With what is in a package: `firmware.update.flash`."""
        loaded = [name.split(".") for name in sys.modules if name.startswith("firmware.")]
        return len([parts for parts in loaded if parts[1] in MODULES])

    async def end(self):
        self.parts.leaving.cancel()
        await turns()

    @run_async
    async def test_an_update_for_which_there_is_too_little_memory_is_refused_unloaded(self):
        self.parts.has_room = False
        with self.assertRaises(MemoryError):
            await self.ask(NONCE)
        self.assertTrue(4000 < self.parts.asked < 10000)
        self.assertIs(self.parts.own, None)

    @run_async
    async def test_so_is_the_status_and_needs_less(self):
        self.parts.has_room = False
        with self.assertRaises(MemoryError):
            await self.ask("/log")
        self.assertTrue(4000 < self.parts.asked < 10000)
        self.assertEqual((self.parts.own, self.count_loaded()), (None, 0))

    @run_async
    async def test_the_status_gives_way_to_those_who_find_no_memory(self):
        await self.ask("/log")
        self.parts.give_way()
        self.assertEqual((self.parts.own, self.parts.write), (None, None))
        self.assertFalse("firmware.status" in sys.modules)
        self.parts.is_low = True
        with self.assertRaises(MemoryError):
            await self.ask("/log")
        await self.ask(NONCE)  # an update is the owner's wish, and stays
        self.assertIsNone(self.parts.give_way)
        await self.end()

    @run_async
    async def test_of_two_that_have_waited_for_it_one_loads_it(self):
        answers = await asyncio.gather(self.ask("/log"), self.ask("/log"))
        self.assertEqual([answer.status_code for answer in answers], [200, 200])
        self.assertEqual(len(self.parts.loaded), 1)
        with self.assertRaises(MemoryError):
            await asyncio.gather(self.ask(NONCE), self.ask("/log"))
        self.assertTrue(self.parts.own.is_update)
        await self.end()

    @run_async
    async def test_what_is_not_to_be_had_is_the_applications(self):
        self.parts.update_password = ""
        self.parts.password = None
        for path in (NONCE, "/status.json"):
            self.assertIs(self.parts._answer_own(Request(path)), None)

    async def come_and_go(self):
        """The status, until nobody needs it any more."""
        await self.ask("/log")
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
        length, left = self.parts.loaded  # when it was loaded, and when it has left
        self.assertEqual((left, self.parts.own_len), (-length, 0))
        self.assertTrue(length > 0)

    @run_async
    async def test_a_loop_that_stood_still_is_no_silence(self):
        class Heard:
            """Is needed for a minute; it hears of somebody in the second step."""

            at = 0

            def is_needed(self, now):
                return now - self.at < 60000

            def close(self):
                closed.append(len(steps))

        async def step(delay_ms):
            steps.append(delay_ms)
            self.now += 90000 if len(steps) == 1 else delay_ms
            if len(steps) == 2:
                Heard.at = self.now

        steps: list = []
        closed: list = []
        self.now = 0
        self.parts.own = Heard()
        ticks_ms = own.ticks_ms
        try:
            own.ticks_ms = lambda: self.now
            asyncio.sleep_ms = step
            await own._leave(self.parts)
        finally:
            own.ticks_ms = ticks_ms
        self.assertEqual(closed, [62])

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
        await self.ask("/log")
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
        await self.ask("/log")
        self.assertEqual((await self.ask(NONCE)).status_code, 200)
        self.assertEqual(self.parts.write, None)
        self.assertFalse("firmware.status" in sys.modules)
        with self.assertRaises(MemoryError):
            await self.ask("/log")
        self.assertEqual((await self.ask(NONCE)).status_code, 200)
        await self.end()

    @run_async
    async def test_what_an_update_loads_later_is_counted_and_goes_with_it(self):
        await self.ask(NONCE)
        own = self.parts.own
        made = await own._load(24576, lambda: [[] for _ in range(500)])
        self.assertEqual((len(made), self.parts.asked), (500, 24576))
        first, second = self.parts.loaded
        self.assertTrue(second >= 500)
        self.assertEqual(self.parts.own_len, first + second)
        self.parts.has_room = False
        self.assertIsNone(await own._load(24576, fail))
        own.asked -= 60000
        while self.parts.own:
            await asyncio.sleep_ms(0)
        self.assertEqual(sum(self.parts.loaded), 0)

    @run_async
    async def test_what_can_not_be_loaded_leaves_nothing(self):
        from firmware import update

        Update, update.Update = update.Update, fail
        try:
            with self.assertRaises(MemoryError):
                await self.ask(NONCE)
        finally:
            update.Update = Update
        self.assertIs(self.parts.own, None)
        self.assertEqual(self.count_loaded(), 0)
