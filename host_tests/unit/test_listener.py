import errno
import unittest
from time import ticks_diff, ticks_ms

import firmware.listener as listener_module
from firmware.listener import Listener
from host_tests.unit.fakes import FakeLog, FakeSocket, FakeStream, run_async
from host_tests.unit.sites import GET, App, count_calls, count_files


class TestAccept(unittest.TestCase):
    def setUp(self):
        self._can_open = listener_module._can_open

    def tearDown(self):
        listener_module._can_open = self._can_open

    def test_exhausted_sockets_or_memory_do_not_make_it_spin_and_end_nothing(self):
        listener_module._can_open = lambda: False
        for error in (OSError(23), MemoryError()):
            self.fail_with(error, 1)

    def test_a_client_that_has_gone_from_the_queue_costs_nobody_a_connection(self):
        self.fail_with(OSError(errno.ECONNABORTED, ""), 0)

    @run_async
    async def test_a_poller_that_would_crash_for_want_of_memory_is_not_asked(self):
        def fail(length):
            raise MemoryError

        listener = Listener(FakeLog())  # which has no stream: to wait would be an AttributeError
        listener_module.bytearray = fail
        try:
            await listener.wait_pending()
        finally:
            del listener_module.bytearray
        self.assertTrue(listener.is_exhausted)

    @run_async
    async def fail_with(self, error, warnings):
        async with App().site() as site:
            listener = site.server._listener
            idle = site.connect()
            await idle.ask(GET % "/quick")
            listener._sock = FailingSocket(listener._sock, error, 4)
            waits = count_calls(listener, "wait_pending")
            peer = site.connect()
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            self.assertLessEqual(len(waits), 6)
            failed = [line for line in site.log.lines if "accept failed" in line]
            self.assertEqual(len(failed), warnings)
            self.assertEqual("quick" in await idle.ask(GET % "/quick"), not warnings)
            idle.close()
            peer.close()

    @run_async
    async def test_a_client_that_resets_right_after_accept_leaves_no_socket(self):
        async with App().site() as site:
            listener = site.server._listener
            listener._sock = ResettingSocket(listener._sock)
            before = count_files()
            peers = [site.connect() for _ in range(3)]
            for peer in peers:
                self.assertEqual(await peer.read(), "")
                peer.close()
            self.assertEqual(count_files(), before)
            listener._sock = listener._sock.sock

    @run_async
    async def test_exhausted_sockets_close_the_least_recently_used_idle_connection(self):
        listener_module._can_open = lambda: False
        async with App().site(max_open_sockets=3) as site:
            idle = site.connect()
            await idle.ask(GET % "/quick")
            listener = site.server._listener
            listener._sock = FailingSocket(listener._sock, OSError(23), 3)
            peer = site.connect()
            self.assertIn("quick", await peer.ask(GET % "/quick"))
            self.assertEqual(await idle.read(), "")
            peer.close()
            idle.close()

    @run_async
    async def test_a_port_that_is_taken_is_an_oserror_and_leaves_nothing_open(self):
        async with App().site() as site:
            before = count_files()
            with self.assertRaises(OSError):
                Listener(site.log).open("127.0.0.1", site.port, 5)
            self.assertEqual(count_files(), before)


class TestBackOff(unittest.TestCase):
    def setUp(self):
        self._can_open = listener_module._can_open
        self.log = FakeLog()
        self.listener = Listener(self.log)

    def tearDown(self):
        listener_module._can_open = self._can_open

    def fail(self, error, can_open):
        """How long the listener backs off after one more failed `accept()`, in ms."""
        listener_module._can_open = lambda: can_open
        self.listener._sock = FailingSocket(None, error, 1)
        self.assertIsNone(self.listener.accept())
        return self.listener._backoff_ms

    def test_a_shortage_costs_ever_longer_moments_up_to_a_second_and_one_line(self):
        for error in (OSError(23), MemoryError()):
            self.listener = Listener(self.log)
            waits = [self.fail(error, False) for _ in range(9)]
            self.assertEqual(waits, [10, 20, 40, 80, 160, 320, 640, 1000, 1000])
            self.assertTrue(self.listener.is_exhausted)
        self.assertEqual(len(self.log.lines), 2)

    def test_a_client_that_has_gone_costs_a_short_moment_and_no_line(self):
        for _ in range(3):
            self.assertEqual(self.fail(OSError(errno.ECONNABORTED, ""), True), 10)
        self.assertFalse(self.listener.is_exhausted)
        self.assertEqual(self.log.lines, [])

    def test_dropped_clients_leave_the_queue_at_once_while_connections_are_exhausted(self):
        """lwIP puts an entry for each onto the queue, and resets clients while that is full."""
        self.fail(OSError(23), False)
        for _ in range(9):
            self.assertEqual(self.fail(OSError(errno.ECONNABORTED, ""), False), 10)
        self.assertTrue(self.listener.is_exhausted)
        self.assertEqual(len(self.log.lines), 1)

    def test_a_shortage_ends_with_the_first_client_that_comes_in(self):
        self.fail(OSError(23), False)
        self.listener._sock = FakeSocket()
        self.listener._sock.accept = lambda: (ResettingSocket.Reset(FakeSocket()), "address")
        self.assertIsNone(self.listener.accept())
        self.assertEqual((self.listener.is_exhausted, self.listener._backoff_ms), (False, 0))

    @run_async
    async def test_it_waits_for_a_client_no_sooner_than_that(self):
        sock = FakeSocket()
        sock.has_ended = True  # readable at once
        self.listener._stream = FakeStream(sock)
        for backoff_ms in (0, 100):
            self.listener._backoff_ms = backoff_ms
            start = ticks_ms()
            await self.listener.wait_pending()
            self.assertGreaterEqual(ticks_diff(ticks_ms(), start), backoff_ms - 10)


class FailingSocket:
    """A listening socket whose next `count` accepts fail."""

    def __init__(self, sock, error, count):
        self._sock = sock
        self._error = error
        self._count = count

    def accept(self):
        if self._count:
            self._count -= 1
            raise self._error
        return self._sock.accept()

    def close(self):
        self._sock.close()


class ResettingSocket:
    """A listening socket whose clients have reset when they are accepted."""

    def __init__(self, sock):
        self.sock = sock

    def accept(self):
        sock, address = self.sock.accept()
        return self.Reset(sock), address

    class Reset:
        def __init__(self, sock):
            self._sock = sock

        def setblocking(self, blocking):
            pass

        def setsockopt(self, *args):
            raise OSError(22)

        def close(self):
            self._sock.close()
