import asyncio
import hashlib
import unittest
from binascii import hexlify

import network

from firmware.update import alone, delivery
from firmware.update.proof import hmac
from host_tests.unit.fakes import FakeLog, run_async, until
from host_tests.unit.ports import find_free
from host_tests.unit.sites import GET, Peer
from tools.simulator.surroundings import Surroundings

NONCE = "GET /.httpd32/nonce HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
POST = (
    "POST /.httpd32/update HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: httpd32 %s %s %s\r\n"
    "Content-Length: %d\r\n\r\n%s"
)


class Interface:
    """Has `address`; each poll may raise `error`."""

    address: "str | None" = "127.0.0.1"
    error: "Exception | None" = None

    def poll(self, now):
        if self.error:
            error, self.error = self.error, None
            raise error
        return self.address


class Board:
    """One that has started for an update alone; async with it."""

    async def __aenter__(self):
        network.surroundings = Surroundings()
        network.hostname("lamp")
        self.log = FakeLog()
        self.interface = Interface()
        self.restarts: list = []
        self.port = find_free()
        self.peers: list = []
        self.alone = alone.Alone(
            self.log, self.interface, "correct horse", self.port, lambda: self.restarts.append(1)
        )
        self.task = asyncio.create_task(self.alone.run())
        await until(self.is_listening)
        return self

    def is_listening(self):
        return bool(self.alone._server)

    def connect(self):
        self.peers.append(Peer(self.port))
        return self.peers[-1]

    async def ask(self, text):
        peer = self.connect()
        await peer.send(text)
        return await peer.read_all()

    async def __aexit__(self, *_):
        for peer in self.peers:
            peer.close()
        await until(lambda: not self.alone._clients)
        self.task.cancel()
        if self.alone._server:
            self.alone._server.close()
        await asyncio.sleep(0)


class TestAlone(unittest.TestCase):
    @run_async
    async def test_it_answers_for_updates_and_everybody_else_gets_503(self):
        async with Board() as board:
            text = await board.ask(NONCE)
            self.assertTrue(text.startswith("HTTP/1.1 200 "))
            self.assertTrue(text.endswith(" alone\n"))
            for path in ("/", "/quick", "/status.json"):
                text = await board.ask(GET % path)
                self.assertTrue(text.startswith("HTTP/1.1 503 "))
                self.assertIn("\r\nRetry-After: 60\r\n", text)

    @run_async
    async def test_a_request_for_which_there_is_no_memory_gets_503(self):
        async def fail(client):
            raise MemoryError

        async with Board() as board:
            board.alone._update.answer = fail
            self.assertIn(" 503 ", await board.ask(NONCE))

    @run_async
    async def test_what_goes_wrong_is_told_and_the_next_is_answered(self):
        async def fail(client):
            raise KeyError("x")

        async with Board() as board:
            answer, board.alone._update.answer = board.alone._update.answer, fail
            self.assertIn(" 500 ", await board.ask(NONCE))
            self.assertIn("request failed", board.log.lines[-1])
            board.alone._update.answer = answer
            self.assertIn(" 200 ", await board.ask(NONCE))

    @run_async
    async def test_it_ends_when_nothing_has_come_for_a_minute(self):
        async with Board() as board:
            board.alone._update.asked -= 60000
            await board.task
            self.assertEqual(board.restarts, [1])
            self.assertEqual(board.log.lines[-1], "update: restarting")

    @run_async
    async def test_it_follows_the_link(self):
        async with Board() as board:
            board.interface.address = None
            await until(lambda: not board.is_listening())
            board.interface.error = OSError("Wifi Internal Error")
            await until(lambda: "link failed" in board.log.lines[-1])
            board.interface.address = "127.0.0.1"
            await until(board.is_listening)
            self.assertIn(" 200 ", await board.ask(NONCE))

    @run_async
    async def test_of_too_many_that_ask_nothing_the_oldest_leaves(self):
        async with Board() as board:
            silent = [board.connect() for _ in range(4)]
            await until(lambda: len(board.alone._clients) == 4)
            self.assertIn(" 200 ", await board.ask(NONCE))
            self.assertEqual(await silent[0].read(), "")

    @run_async
    async def test_one_that_comes_while_all_are_being_answered_is_closed(self):
        async def answer(client):
            await gate.wait()
            return "fine\n", 200, {}

        gate = asyncio.Event()
        async with Board() as board:
            board.alone._update.answer = answer
            asking = [board.connect() for _ in range(4)]
            for peer in asking:
                await peer.send(NONCE)
            clients = board.alone._clients
            await until(lambda: [each.is_served for each in clients] == [True] * 4)
            self.assertEqual(await board.connect().read(), "")
            gate.set()
            for peer in asking:
                self.assertIn(" 200 ", await peer.read_all())

    @run_async
    async def test_of_too_many_one_leaves_that_still_sends_what_nobody_reads(self):
        async with Board() as board:
            unread = [board.connect() for _ in range(4)]
            for peer in unread:
                await peer.send(
                    GET.replace("\r\n\r\n", "\r\nContent-Length: 99999999\r\n\r\n") % "/"
                )
                self.assertIn(" 503 ", await peer.read())
            self.assertIn(" 200 ", await board.ask(NONCE))

    @run_async
    async def test_a_short_plan_is_carried_out(self):
        async with Board() as board:
            plan, delivery._PLAN = delivery._PLAN, "test_update_alone.plan"
            try:
                body = "remove /httpd32-00000000/none\n"
                nonce = (await board.ask(NONCE)).split("\r\n\r\n")[1].split()[0]
                digest = hexlify(hashlib.sha256(body.encode()).digest()).decode()
                message = "%s\n/.httpd32/update\n%s\n" % (nonce, digest)
                proof = hexlify(hmac(b"correct horse", message.encode())).decode()
                text = await board.ask(POST % (nonce, digest, proof, len(body), body))
                self.assertTrue(text.endswith("\r\n\r\ncomplete\n"))
            finally:
                delivery._PLAN = plan

    @run_async
    async def test_the_minute_begins_when_somebody_could_ask(self):
        async with Board() as board:
            board.interface.address = None
            await until(lambda: not board.is_listening())
            board.alone._update.asked -= 70000
            asked = board.alone._update.asked
            await until(lambda: board.alone._update.asked != asked)
            self.assertEqual(board.restarts, [])

    @run_async
    async def test_one_that_is_silent_is_closed(self):
        async with Board() as board:
            peer = board.connect()
            await peer.send("GET / HT")
            await until(lambda: board.alone._clients and board.alone._clients[0]._received)
            board.alone._clients[0]._since -= 10000
            self.assertEqual(await peer.read(), "")
            self.assertEqual(board.alone._clients, [])

    @run_async
    async def test_a_loop_that_stood_still_is_no_silence(self):
        """The flash may make it: what has come meanwhile is looked at first."""
        ticks_ms = alone.ticks_ms
        ahead = [0]

        def poll(now):
            polls.append(now)
            ahead[0] = 70000  # the driver stands still, once
            return "127.0.0.1"

        polls: list = []
        async with Board() as board:
            alone.ticks_ms = lambda: ticks_ms() + ahead[0]
            board.interface.poll = poll
            try:
                await until(lambda: len(polls) >= 2)
                board.alone._update.asked = alone.ticks_ms()  # somebody was heard meanwhile
                await until(lambda: len(polls) >= 4)
            finally:
                alone.ticks_ms = ticks_ms
            self.assertFalse(board.task.done())
