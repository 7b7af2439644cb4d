import asyncio
import hashlib
import unittest
from binascii import hexlify

import network
from microdot.microdot import NoCaseDict

from firmware import update
from firmware.update.flash import is_there, remove_file
from firmware.update.proof import hmac
from host_tests.unit.fakes import FakeLog, run_async
from tools.simulator.surroundings import Surroundings

PASSWORD = "correct horse"
ADDRESS = "192.168.1.5"


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


class Bench:
    """An `Update`, as it answers at ADDRESS, and who asks it.

    has_room  there is memory for an update
    """

    def __init__(self, is_alone=False):
        network.surroundings = Surroundings()
        network.hostname("lamp")
        self.log = FakeLog()
        self.has_room = True
        self.restarts = []
        self.loaded = []
        self.update = update.Update(
            self.log, PASSWORD, lambda: ADDRESS, self.load, is_alone, self.restart
        )

    def restart(self):
        self.restarts.append(True)

    async def load(self, length, make):
        self.loaded.append(length)
        return make() if self.has_room else None

    async def sign(self, command, password=PASSWORD, content=b""):
        body = (await self.update.answer(Request("GET", "nonce")))[0]
        nonce = body.split()[0]
        digest = hexlify(hashlib.sha256(content).digest()).decode()
        message = "%s\n/.httpd32/%s\n%s\n" % (nonce, command, digest)
        proof = hexlify(hmac(password.encode(), message.encode())).decode()
        return "httpd32 %s %s %s" % (nonce, digest, proof)

    async def order(self, command, method="POST", body=b"", says=None):
        """The body and the status that a command is answered with; `says` is what was announced."""
        proof = await self.sign(command, content=body if says is None else says)
        request = Request(method, command, proof)
        request.body = body
        return (await self.update.answer(request))[:2]


class TestUpdate(unittest.TestCase):
    def setUp(self):
        self.place, update.ALONE = update.ALONE, "test_update.alone"
        self.sleep_ms = asyncio.sleep_ms
        asyncio.sleep_ms = lambda delay_ms: self.sleep_ms(0)  # type: ignore[assignment]

    def tearDown(self):
        remove_file(update.ALONE)
        update.ALONE = self.place
        asyncio.sleep_ms = self.sleep_ms

    @run_async
    async def test_a_nonce_comes_with_the_folder_that_runs(self):
        for is_alone in (False, True):
            bench = Bench(is_alone)
            body, status, _ = await bench.update.answer(Request("GET", "nonce"))
            nonce, folder = body.rstrip("\n").split(" ", 1)
            self.assertEqual((status, len(nonce)), (200, 32))
            self.assertEqual(folder[-6:] == " alone", is_alone)
            self.assertEqual(bench.loaded, [])

    @run_async
    async def test_a_refusal_is_a_status_and_a_line_of_the_log(self):
        bench = Bench()
        for status, method, command, password, host in (
            (421, "GET", "nonce", None, "evil.example"),
            (401, "POST", "inventory", None, ADDRESS),
            (403, "POST", "inventory", "wrong", ADDRESS),
            (403, "POST", "room", "wrong", ADDRESS),
            (403, "PUT", "file/0", "wrong", ADDRESS),
            (404, "POST", "format", PASSWORD, ADDRESS),
            (404, "POST", "activate", PASSWORD, ADDRESS),
            (409, "PUT", "file/0", PASSWORD, ADDRESS),
        ):
            proof = password and await bench.sign(command, password)
            request = Request(method, command, proof, host)
            why, given, fields = await bench.update.answer(request)
            self.assertEqual(given, status)
            text = "update refused with %d: %s, %s" % (status, why.strip(), request.client_addr)
            self.assertEqual(bench.log.lines.pop(), text)
            self.assertEqual(fields, {"WWW-Authenticate": "httpd32"})
        self.assertNotIn(PASSWORD, str(bench.log.lines))

    @run_async
    async def test_what_carries_it_out_is_loaded_once_for_who_knows_the_password(self):
        bench = Bench()
        await bench.update.answer(
            Request("POST", "inventory", await bench.sign("inventory", "wrong"))
        )
        self.assertEqual(bench.loaded, [])
        for _ in range(2):
            self.assertEqual(await bench.order("room"), ("ready\n", 200))
        self.assertEqual(len(bench.loaded), 1)
        self.assertTrue(bench.loaded[0] > 20000)
        self.assertFalse(is_there(update.ALONE))

    @run_async
    async def test_without_room_for_it_the_board_starts_again_for_an_update_alone(self):
        bench = Bench()
        bench.has_room = False
        with self.assertRaises(MemoryError):
            await bench.order("inventory")
        self.assertEqual(await bench.order("room"), ("short\n", 200))
        self.assertFalse(is_there(update.ALONE))
        for _ in range(2):  # the first answer may be lost
            self.assertEqual(await bench.order("alone"), ("restarting\n", 200))
        self.assertTrue(is_there(update.ALONE))
        self.assertEqual(bench.restarts, [])  # the response is to leave before
        self.assertTrue(bench.update.is_needed(bench.update.asked + 60000))
        await bench.update._task
        self.assertEqual(bench.restarts, [True])
        self.assertIn("starting without it", bench.log.lines[0])

    @run_async
    async def test_a_flash_without_room_for_that_file_is_told(self):
        bench = Bench()
        bench.has_room = False
        place, update.ALONE = update.ALONE, "no such folder/alone"
        try:
            self.assertEqual((await bench.order("alone"))[1], 500)
        finally:
            update.ALONE = place
        self.assertIsNone(bench.update._task)

    @run_async
    async def test_only_a_board_that_is_alone_leaves_when_nothing_more_comes(self):
        for is_alone in (False, True):
            bench = Bench(is_alone)
            self.assertEqual(await bench.order("leave"), ("left\n", 200))
            self.assertEqual(bool(bench.update._task), is_alone)
            if is_alone:
                await bench.update._task
            self.assertEqual(bench.restarts, [True] if is_alone else [])

    @run_async
    async def test_nobody_ends_the_update_of_somebody_else(self):
        bench = Bench(True)
        await bench.order("room")
        delivery = bench.update._delivery
        for is_receiving in (True, False):
            delivery._is_receiving = is_receiving
            delivery._has_plan = not is_receiving
            for nonce in ("", "1234"):
                delivery.nonce = nonce
                await bench.order("leave")
                self.assertIsNone(bench.update._task)
        self.assertEqual((await bench.order("leave", body=b"1234", says=b""))[1], 400)
        self.assertIsNone(bench.update._task)
        await bench.order("leave", body=b"1234")  # its own sender may
        await bench.update._task
        self.assertEqual(bench.restarts, [True])

    @run_async
    async def test_of_two_that_come_at_once_one_loads_what_carries_it_out(self):
        async def load(length, make):
            await asyncio.sleep(0)
            return makes.pop(0)(make)

        bench = Bench()
        bench.update._load = load
        makes = [lambda make: make(), lambda make: None]
        answers = await asyncio.gather(bench.order("room"), bench.order("room"))
        self.assertEqual(answers, [("ready\n", 200)] * 2)

    @run_async
    async def test_it_is_needed_for_a_minute_after_each_proof(self):
        updater = Bench().update
        self.assertTrue(updater.is_needed(updater.asked + 59999))
        self.assertFalse(updater.is_needed(updater.asked + 60000))

    @run_async
    async def test_it_stays_while_a_slow_board_tells_what_it_holds(self):
        bench = Bench()
        lines, _ = await bench.order("inventory")
        bench.update.asked -= 60000
        now = bench.update.asked + 60000
        self.assertFalse(bench.update.is_needed(now))
        next(lines)
        self.assertTrue(bench.update.is_needed(now))
