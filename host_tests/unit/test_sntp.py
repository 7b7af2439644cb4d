import asyncio
import socket
import struct
import time
import unittest

import machine
import network

from firmware import sntp
from firmware.sntp import ask, encode_query, find_address, read_time
from host_tests.unit.fakes import FakeLog, run_async
from host_tests.unit.ports import bind_free
from tools.simulator.surroundings import Surroundings

ERA_S = 1 << 32
SINCE_1900 = 3989111111  # 2026-05-30 06:25:11
SENT = b"12345678"
QUESTION = b"\x04pool\x03ntp\x03org\0\0\x01\0\x01"
QUERY = b"ab\x01\0\0\x01\0\0\0\0\0\0" + QUESTION


def record(kind, content):
    return b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 300, len(content)) + content


def dns_answer(*records):
    head = b"ab\x81\x80\0\x01" + struct.pack(">HHH", len(records), 0, 0)
    return head + QUESTION + b"".join(records)


def ntp_answer(seconds=SINCE_1900, first=0x24, stratum=2, originate=SENT):
    head = bytes((first, stratum)) + bytes(22) + originate + bytes(8)
    return head + struct.pack(">II", seconds % ERA_S, 0)


class TestDns(unittest.TestCase):
    def test_a_query_asks_for_the_address_of_a_name(self):
        for name in ("pool.ntp.org", "pool.ntp.org."):
            self.assertEqual(encode_query(name, b"ab"), QUERY)

    def test_the_first_address_is_found(self):
        one, two = record(1, bytes((192, 0, 2, 1))), record(1, bytes((192, 0, 2, 2)))
        self.assertEqual(find_address(dns_answer(one, two), QUERY), "192.0.2.1")

    def test_it_is_found_behind_another_name(self):
        other = record(5, b"\x05other\xc0\x11")
        owned = b"\x05other\x03org\0" + record(1, bytes((192, 0, 2, 3)))[2:]
        self.assertEqual(find_address(dns_answer(other, owned), QUERY), "192.0.2.3")

    def test_what_is_no_answer_to_the_query_has_no_address(self):
        whole = dns_answer(record(1, bytes((192, 0, 2, 1))))
        other = whole.replace(b"pool", b"loop")
        for answer in (b"", b"ab", dns_answer(), b"xy" + whole[2:], other):
            self.assertEqual(find_address(answer, QUERY), "")

    def test_an_answer_that_was_cut_anywhere_has_no_address(self):
        whole = dns_answer(record(5, b"\x05other\xc0\x11"), record(1, bytes((192, 0, 2, 1))))
        for end in range(len(whole)):
            self.assertEqual(find_address(whole[:end], QUERY), "")

    def test_an_answer_of_any_octets_is_harmless(self):
        start = dns_answer()
        for octet in (0, 1, 0x3F, 0x7F, 0xC0, 0xFF):
            self.assertEqual(find_address(start + bytes((octet,)) * 40, QUERY), "")


class TestNtp(unittest.TestCase):
    def date(self, seconds, **changes):
        found = read_time(ntp_answer(seconds, **changes), SENT)
        return None if found is None else tuple(time.gmtime(found)[:6])

    def test_the_time_is_that_of_the_server(self):
        self.assertEqual(self.date(SINCE_1900), (2026, 5, 30, 6, 25, 11))

    def test_it_goes_on_when_the_seconds_of_ntp_begin_anew_in_2036(self):
        self.assertEqual(self.date(ERA_S - 1), (2036, 2, 7, 6, 28, 15))
        self.assertEqual(self.date(ERA_S), (2036, 2, 7, 6, 28, 16))

    def test_an_answer_to_somebody_else_is_none(self):
        self.assertIsNone(self.date(SINCE_1900, originate=b"87654321"))

    def test_a_server_that_does_not_know_the_time_is_not_believed(self):
        self.assertIsNone(self.date(SINCE_1900, first=0xE4))
        for stratum in (0, 16, 255):
            self.assertIsNone(self.date(SINCE_1900, stratum=stratum))

    def test_what_no_server_has_sent_is_not_believed(self):
        self.assertIsNone(self.date(SINCE_1900, first=0x23))
        self.assertIsNone(read_time(ntp_answer()[:47], SENT))
        self.assertIsNone(read_time(b"", SENT))


class FakeServers:
    """A name server and an NTP server.

    asked  (address, port) of each datagram
    """

    def __init__(self, knows_name=True, is_silent=False):
        self._knows_name = knows_name
        self._is_silent = is_silent
        self.asked = []

    def exchange(self, address, port, packet):
        """What a server at that address answers."""
        self.asked.append((address, port))
        if port == 53:
            found = dns_answer(record(1, bytes((192, 0, 2, 1)))) if self._knows_name else b""
            return packet[:2] + found[2:]
        if self._is_silent:
            return b""
        return ntp_answer(originate=packet[40:48])


class TestAsk(unittest.TestCase):
    def setUp(self):
        self.servers = FakeServers()
        self.exchange, sntp._exchange = sntp._exchange, self.answer

    def tearDown(self):
        sntp._exchange = self.exchange

    async def answer(self, address, port, packet):
        return self.servers.exchange(address, port, packet)

    @run_async
    async def test_the_name_is_looked_up_and_the_server_asked(self):
        seconds = await ask("pool.ntp.org", "192.0.2.53")
        self.assertEqual(tuple(time.gmtime(seconds)[:3]), (2026, 5, 30))
        self.assertEqual(self.servers.asked, [("192.0.2.53", 53), ("192.0.2.1", 123)])

    @run_async
    async def test_an_address_needs_no_name_server(self):
        self.assertIsNotNone(await ask("192.0.2.7", None))
        self.assertEqual(self.servers.asked, [("192.0.2.7", 123)])

    @run_async
    async def test_without_a_name_server_or_an_answer_there_is_no_time(self):
        self.assertIsNone(await ask("pool.ntp.org", None))
        self.servers = FakeServers(knows_name=False)
        self.assertIsNone(await ask("pool.ntp.org", "192.0.2.53"))
        self.servers = FakeServers(is_silent=True)
        self.assertIsNone(await ask("pool.ntp.org", "192.0.2.53"))

    @run_async
    async def test_the_clock_is_set_and_a_line_of_the_log_says_so(self):
        network.surroundings = Surroundings()
        log = FakeLog()
        set_to = []

        class Clock:
            def datetime(self, date):
                set_to.append(date)

        clock, machine.RTC = machine.RTC, Clock
        try:
            self.assertTrue(await sntp.set_clock("192.0.2.7", log))
            self.servers = FakeServers(is_silent=True)
            self.assertFalse(await sntp.set_clock("192.0.2.7", log))
        finally:
            machine.RTC = clock
        self.assertEqual(set_to, [(2026, 5, 30, 5, 6, 25, 11, 0)])
        self.assertEqual(log.lines, ["the clock is set: 2026-05-30 06:25:11 UTC"])


class TestExchange(unittest.TestCase):
    def make(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = bind_free(sock)
        sock.setblocking(False)
        return sock

    @run_async
    async def test_the_first_datagram_of_the_server_is_the_answer(self):
        server = self.make()

        async def serve():
            while True:
                await asyncio.sleep(0.01)
                try:
                    packet, client = server.recvfrom(100)
                    server.sendto(packet + b"!", client)
                except OSError:
                    pass

        task = asyncio.create_task(serve())
        self.assertEqual(await sntp._exchange("127.0.0.1", self.port, b"time"), b"time!")
        task.cancel()
        server.close()

    @run_async
    async def test_a_server_that_is_not_there_is_no_answer(self):
        self.make().close()
        self.assertEqual(await sntp._exchange("127.0.0.1", self.port, b"time"), b"")
