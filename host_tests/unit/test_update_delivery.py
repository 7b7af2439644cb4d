import asyncio
import hashlib
import os
import unittest
from binascii import hexlify

from firmware.update import delivery
from firmware.update.flash import is_there, remove_file
from host_tests.unit.fakes import run_async, turns
from host_tests.unit.test_update import Bench, Request


class Silent:
    """The stream of a client that does not go on."""

    def __init__(self):
        self.asked = asyncio.Event()

    async def read(self, length):
        self.asked.set()
        await asyncio.Event().wait()


class Sending:
    """The stream of a client that sends as much as it is asked for."""

    async def read(self, length):
        return b"x" * length


class TestDelivery(unittest.TestCase):
    def setUp(self):
        self.plan, delivery._PLAN = delivery._PLAN, "test_update.plan"

    def tearDown(self):
        delivery._PLAN = self.plan

    def start(self):
        """One that has no plan yet, of a board with room for it."""
        self.bench = Bench()
        self.bench.update._delivery = made = self.bench.update._make_delivery()
        return made

    @run_async
    async def test_a_second_plan_is_refused_while_the_first_is_on_its_way(self):
        self.start()
        updater = self.bench.update
        first, second = Request("POST", "update"), Request("POST", "update")
        first.content_length = 10
        first.stream = Silent()
        first.headers["Authorization"] = await self.bench.sign("update")
        task = asyncio.create_task(updater.answer(first))
        try:
            await first.stream.asked.wait()
            second.headers["Authorization"] = await self.bench.sign("update")
            self.assertEqual((await updater.answer(second))[1], 409)
        finally:
            task.cancel()
            await turns()
        self.assertFalse(is_there("test_update.plan.new"))

    @run_async
    async def test_only_a_file_that_has_arrived_takes_room(self):
        made = self.start()
        made._has_plan = True
        made._room = 4096
        digest = hexlify(hashlib.sha256(b"x" * 512).digest()).decode()
        for wanted, status in (("another", 400), (digest, 200), (digest, 507)):
            made._find = lambda command, wanted=wanted: ("send", wanted, "test_update.file")
            request = Request("PUT", "file/0", await self.bench.sign("file/0"))
            request.content_length = 512
            request.stream = Sending()
            self.assertEqual((await self.bench.update.answer(request))[1], status)
        remove_file("test_update.file")

    @run_async
    async def test_what_a_plan_removes_is_room_for_its_files(self):
        class Flash:
            statvfs = staticmethod(lambda path: (4096, 4096, 500, 200, 200))

        made = self.start()
        try:
            with open("test_update.plan", "w") as file:
                file.write("target /httpd32-aaaaaaaa a\nremove /httpd32-00000000\n")
            delivery.os = Flash
            made._room = 0
            made._target = "/httpd32-aaaaaaaa", "a"
            self.assertEqual(list(made._prepare()), ["complete\n"])
        finally:
            delivery.os = os
            remove_file("test_update.plan")
        self.assertTrue(made._room > 4096 * 100)

    @run_async
    async def test_an_update_may_take_a_quarter_of_an_hour(self):
        made = self.start()
        made._has_plan = True
        made._touched = made._began + 900000
        self.assertTrue(self.bench.update.is_needed(made._began + 899999))
        self.assertFalse(self.bench.update.is_needed(made._began + 900000))

    @run_async
    async def test_it_is_needed_until_what_comes_after_the_switch_is_done(self):
        made = self.start()
        made._task = "its task"
        made._began = now = self.bench.update.asked + 60000
        self.assertTrue(self.bench.update.is_needed(now))
        made._task = None
        self.assertFalse(self.bench.update.is_needed(now))

    @run_async
    async def test_one_that_is_given_up_leaves_no_plan(self):
        made = self.start()
        with open("test_update.plan", "w"):
            made._has_plan = True
        self.bench.update.close()
        self.bench.update.close()
        self.assertFalse(is_there("test_update.plan"))
        self.assertEqual(self.bench.log.lines, ["update: given up"])
