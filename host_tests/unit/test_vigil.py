import unittest
from time import ticks_add

from firmware.vigil import ASK, FEED, NOTHING, RECONNECT, RESTART, Ears, Watchdog

SECOND = 1000
MINUTE = 60 * SECOND


class TestWatchdog(unittest.TestCase):
    """A watchdog of a minute; the time is moved by hand."""

    def setUp(self):
        self.now = ticks_add(0, -5 * SECOND)  # over the end of the ticks
        self.watchdog = Watchdog(MINUTE)
        self.assertEqual(self.decide(), FEED)  # its first minute begins

    def decide(self, after_ms=0, is_up=True, is_listening=True, answered=0):
        self.now = ticks_add(self.now, after_ms)
        return self.watchdog.decide(self.now, is_up, is_listening, answered)

    def test_it_is_not_fed_because_the_loop_turns(self):
        for _ in range(29):
            self.assertEqual(self.decide(SECOND), NOTHING)

    def test_an_answer_to_a_client_feeds_it(self):
        self.assertEqual(self.decide(SECOND, answered=1), FEED)
        self.assertEqual(self.decide(SECOND, answered=1), NOTHING)
        self.assertEqual(self.decide(SECOND, answered=2), FEED)

    def test_when_nobody_has_asked_for_half_its_time_the_server_is_asked_until_it_answers(self):
        self.assertEqual(self.decide(29 * SECOND), NOTHING)
        self.assertEqual(self.decide(SECOND), ASK)
        self.assertEqual(self.decide(SECOND), ASK)
        self.watchdog.prove(self.now)
        self.assertEqual(self.decide(29 * SECOND), NOTHING)
        self.assertEqual(self.decide(SECOND), ASK)

    def test_a_client_that_is_answered_saves_asking(self):
        self.decide(29 * SECOND, answered=1)
        self.assertEqual(self.decide(29 * SECOND, answered=1), NOTHING)

    def test_without_a_network_no_service_is_expected(self):
        for _ in range(100):
            self.assertEqual(self.decide(SECOND, is_up=False, is_listening=False), FEED)

    def test_with_a_network_a_server_that_does_not_listen_is_no_service(self):
        for _ in range(100):
            self.assertEqual(self.decide(SECOND, is_listening=False), NOTHING)


class TestEars(unittest.TestCase):
    def setUp(self):
        self.now = ticks_add(0, -5 * SECOND)
        self.ears = Ears()
        self.answered = 0
        self.decide(0)

    def decide(self, after_ms, is_up=True):
        self.now = ticks_add(self.now, after_ms)
        return self.ears.decide(self.now, is_up, self.answered)

    def ask(self, after_ms, is_alive):
        """The gateway is asked after that time; what follows from its answer."""
        self.assertEqual(self.decide(after_ms - 1), NOTHING)
        self.assertEqual(self.decide(1), ASK)
        return self.ears.note(self.now, is_alive)

    def miss(self, after_ms):
        """The gateway is silent three times."""
        self.assertEqual(self.ask(after_ms, False), NOTHING)
        for follows in (NOTHING, None):
            self.assertEqual(self.decide(SECOND), ASK)
            decision = self.ears.note(self.now, False)
            self.assertIn(decision, (follows, RECONNECT, RESTART))
        return decision

    def reconnect(self):
        self.decide(SECOND, is_up=False)
        self.decide(SECOND)

    def test_the_gateway_is_asked_when_nothing_was_received_for_a_minute(self):
        self.assertEqual(self.ask(MINUTE, True), NOTHING)
        self.assertEqual(self.ask(MINUTE, True), NOTHING)

    def test_a_request_that_was_answered_was_received(self):
        self.ask(MINUTE, True)
        self.decide(MINUTE - 1)
        self.answered += 1
        self.decide(0)
        self.assertEqual(self.ask(MINUTE, True), NOTHING)

    def test_a_gateway_that_has_answered_once_and_is_silent_three_times_is_connected_anew(self):
        self.ask(MINUTE, True)
        self.assertEqual(self.miss(MINUTE), RECONNECT)

    def test_one_answer_in_between_is_enough(self):
        self.ask(MINUTE, True)
        for _ in range(5):
            self.ask(MINUTE, False)
            self.decide(SECOND)
            self.assertEqual(self.ears.note(self.now, False), NOTHING)
            self.decide(SECOND)
            self.assertEqual(self.ears.note(self.now, True), NOTHING)

    def test_a_gateway_that_has_never_answered_says_nothing(self):
        for _ in range(50):
            self.assertEqual(self.ask(MINUTE, False), NOTHING)

    def test_it_is_asked_for_the_first_time_even_while_clients_come(self):
        for _ in range(59):
            self.answered += 1
            self.assertEqual(self.decide(SECOND), NOTHING)
        self.answered += 1
        self.assertEqual(self.decide(SECOND), ASK)

    def test_connecting_anew_three_times_in_vain_is_a_restart(self):
        self.ask(MINUTE, True)
        for quiet_ms in (MINUTE, MINUTE // 2, MINUTE // 4):
            self.assertEqual(self.miss(quiet_ms), RECONNECT)
            self.reconnect()
        self.assertEqual(self.miss(MINUTE // 8), RESTART)

    def test_connecting_anew_that_helps_begins_the_count_anew(self):
        self.ask(MINUTE, True)
        for _ in range(5):
            self.assertEqual(self.miss(MINUTE), RECONNECT)
            self.reconnect()
            self.assertEqual(self.ask(MINUTE // 2, True), NOTHING)

    def test_after_a_link_that_was_lost_by_itself_the_gateway_must_answer_once_more(self):
        self.ask(MINUTE, True)
        self.decide(SECOND, is_up=False)
        self.decide(SECOND)
        for _ in range(20):
            self.assertEqual(self.ask(MINUTE, False), NOTHING)

    def test_an_interface_that_connects_anew_without_a_pause_has_the_time_to_do_so(self):
        self.ask(MINUTE, True)
        self.assertEqual(self.miss(MINUTE), RECONNECT)
        self.assertEqual(self.decide(SECOND), NOTHING)

    def test_a_loss_of_the_link_after_that_is_one_by_itself(self):
        self.ask(MINUTE, True)
        self.assertEqual(self.miss(MINUTE), RECONNECT)
        self.assertEqual(self.ask(MINUTE // 2, True), NOTHING)
        self.decide(SECOND, is_up=False)
        self.decide(SECOND)
        for _ in range(20):
            self.assertEqual(self.ask(MINUTE, False), NOTHING)

    def test_without_a_link_nobody_is_asked(self):
        for _ in range(200):
            self.assertEqual(self.decide(SECOND, is_up=False), NOTHING)

    def test_what_could_not_be_asked_is_no_silence(self):
        self.ask(MINUTE, True)
        for _ in range(20):
            self.assertEqual(self.ask(MINUTE, None), NOTHING)
