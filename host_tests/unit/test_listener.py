import unittest

import firmware.listener as listener_module
from firmware.listener import Listener
from host_tests.unit.fakes import run_async
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
        self.fail_with(OSError(103), 0)

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
        return self._Reset(sock), address

    class _Reset:
        def __init__(self, sock):
            self._sock = sock

        def setblocking(self, blocking):
            pass

        def setsockopt(self, *args):
            raise OSError(22)

        def close(self):
            self._sock.close()
