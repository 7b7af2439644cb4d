import asyncio
import hashlib
import os
import unittest
from binascii import hexlify

import network
from microdot.microdot import NoCaseDict

from firmware import update
from firmware.update.flash import is_there, remove_file
from firmware.update.proof import hmac
from host_tests.unit.fakes import FakeLog, run_async, turns
from tools.simulator.surroundings import Surroundings

PASSWORD = "correct horse"
ADDRESS = "192.168.1.5"


class Parts:
    """Of a board that serves at ADDRESS."""

    update_password = PASSWORD

    def __init__(self):
        self.log = FakeLog()
        self.supervisor = self.link = self
        self.address = ADDRESS


class Request:
    client_addr = ("192.168.1.9", 5000)
    body = b""
    content_length = 0

    def __init__(self, method, command, proof=None, host=ADDRESS):
        self.method = method
        self.path = "/.httpd32/" + command
        self.headers = NoCaseDict({"Host": host})
        if proof:
            self.headers["Authorization"] = proof


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


class TestUpdate(unittest.TestCase):
    def setUp(self):
        self.parts = Parts()
        self.log = self.parts.log

    def start(self):
        network.surroundings = Surroundings()
        network.hostname("lamp")
        return update.Update(self.parts)

    async def sign(self, updater, command, password=PASSWORD):
        nonce = (await updater.answer(Request("GET", "nonce"))).body.decode().split()[0]
        digest = hexlify(hashlib.sha256(b"").digest()).decode()
        message = "%s\n/.httpd32/%s\n%s\n" % (nonce, command, digest)
        proof = hexlify(hmac(password.encode(), message.encode())).decode()
        return "httpd32 %s %s %s" % (nonce, digest, proof)

    @run_async
    async def test_a_nonce_comes_with_the_folder_that_runs(self):
        response = await self.start().answer(Request("GET", "nonce"))
        nonce, folder = response.body.decode().rstrip("\n").split(" ", 1)
        self.assertEqual((response.status_code, len(nonce)), (200, 32))
        self.assertTrue(folder is not None)

    @run_async
    async def test_a_refusal_is_a_status_and_a_line_of_the_log(self):
        updater = self.start()
        for status, method, command, password, host in (
            (421, "GET", "nonce", None, "evil.example"),
            (401, "POST", "inventory", None, ADDRESS),
            (403, "POST", "inventory", "wrong", ADDRESS),
            (404, "POST", "format", PASSWORD, ADDRESS),
            (404, "POST", "activate", PASSWORD, ADDRESS),
            (409, "PUT", "file/0", PASSWORD, ADDRESS),
        ):
            proof = password and await self.sign(updater, command, password)
            request = Request(method, command, proof, host)
            response = await updater.answer(request)
            self.assertEqual(response.status_code, status)
            why = response.body.decode().rstrip("\n")
            text = "update refused with %d: %s, %s" % (status, why, request.client_addr)
            self.assertEqual(self.log.lines.pop(), text)
            self.assertEqual(response.headers["WWW-Authenticate"], "httpd32")
        self.assertNotIn(PASSWORD, str(self.log.lines))

    @run_async
    async def test_a_second_plan_is_refused_while_the_first_is_on_its_way(self):
        updater = self.start()
        first, second = Request("POST", "update"), Request("POST", "update")
        first.content_length = 10
        first.stream = Silent()
        first.headers["Authorization"] = await self.sign(updater, "update")
        plan, update._PLAN = update._PLAN, "test_update.plan"
        task = asyncio.create_task(updater.answer(first))
        try:
            await first.stream.asked.wait()
            second.headers["Authorization"] = await self.sign(updater, "update")
            self.assertEqual((await updater.answer(second)).status_code, 409)
        finally:
            task.cancel()
            await turns()
            update._PLAN = plan
        self.assertFalse(is_there("test_update.plan.new"))

    @run_async
    async def test_only_a_file_that_has_arrived_takes_room(self):
        updater = self.start()
        updater._has_plan = True
        updater._room = 4096
        updater._guard.check = lambda *given: None
        digest = hexlify(hashlib.sha256(b"x" * 512).digest()).decode()
        for wanted, status in (("another", 400), (digest, 200), (digest, 507)):
            updater._find = lambda command, wanted=wanted: ("send", wanted, "test_update.file")
            request = Request("PUT", "file/0")
            request.content_length = 512
            request.stream = Sending()
            self.assertEqual((await updater.answer(request)).status_code, status)
        remove_file("test_update.file")

    @run_async
    async def test_what_a_plan_removes_is_room_for_its_files(self):
        class Flash:
            statvfs = staticmethod(lambda path: (4096, 4096, 500, 200, 200))

        updater = self.start()
        plan, update._PLAN = update._PLAN, "test_update.plan"
        try:
            with open("test_update.plan", "w") as file:
                file.write("target /httpd32-aaaaaaaa a\nremove /httpd32-00000000\n")
            update.os = Flash
            updater._room = 0
            updater._target = "/httpd32-aaaaaaaa", "a"
            self.assertEqual(list(updater._prepare()), ["complete\n"])
        finally:
            update.os = os
            update._PLAN = plan
            remove_file("test_update.plan")
        self.assertTrue(updater._room > 4096 * 100)

    @run_async
    async def test_it_is_needed_for_a_minute_after_each_proof(self):
        updater = self.start()
        self.assertTrue(updater.is_needed(updater._asked + 59999))
        self.assertFalse(updater.is_needed(updater._asked + 60000))

    @run_async
    async def test_an_update_may_take_a_quarter_of_an_hour(self):
        updater = self.start()
        updater._has_plan = True
        updater._touched = updater._began + 900000
        self.assertTrue(updater.is_needed(updater._began + 899999))
        self.assertFalse(updater.is_needed(updater._began + 900000))

    @run_async
    async def test_it_stays_while_a_slow_board_tells_what_it_holds(self):
        updater = self.start()
        proof = await self.sign(updater, "inventory")
        lines = (await updater.answer(Request("POST", "inventory", proof))).body
        updater._asked -= 60000
        self.assertFalse(updater.is_needed(updater._asked + 60000))
        now = updater._asked + 60000
        next(lines)
        self.assertTrue(updater.is_needed(now))
