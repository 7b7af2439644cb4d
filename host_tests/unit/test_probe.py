import unittest

from firmware import probe
from host_tests.unit.fakes import run_async
from host_tests.unit.sites import App


class Health:
    has_connected = True


class TestProbe(unittest.TestCase):
    @run_async
    async def test_a_server_that_answers_is_alive_and_its_application_does_not_hear_of_it(self):
        health = Health()
        health.has_connected = False
        async with App().site() as site:
            self.assertTrue(await probe.probe(health, "127.0.0.1", site.port, 5, False))
            self.assertFalse([line for line in site.log.lines if "uri: " in line])
        self.assertTrue(health.has_connected)

    @run_async
    async def test_one_that_can_not_be_connected_to_any_more_is_not(self):
        async with App().site() as site:
            pass
        self.assertFalse(await probe.probe(Health(), "127.0.0.1", site.port, 0.1, True))

    @run_async
    async def test_sockets_that_are_all_taken_say_something_against_it_if_no_client_has_one(self):
        class Exhausted:
            def socket(self):
                raise OSError(23)

        module, probe.socket = probe.socket, Exhausted()
        try:
            for has_clients in True, False:
                answer = await probe.probe(Health(), "127.0.0.1", 80, 5, has_clients)
                self.assertEqual(answer, has_clients)
        finally:
            probe.socket = module
