import unittest

from firmware.reasons import explain

# ESP-IDF's `wifi_err_reason_t`.
KNOWN = list(range(1, 40)) + list(range(46, 52)) + [67, 68] + list(range(200, 213))


class TestReasons(unittest.TestCase):
    def test_each_reason_of_the_driver_has_words_and_no_other(self):
        for reason in range(256):
            words = explain(reason)
            self.assertTrue(words and "\n" not in words, words)
            self.assertEqual(words != "reason %d" % reason, reason in KNOWN)

    def test_the_words_are_those_of_the_reason_and_not_of_another(self):
        for reason, words in (
            (1, "no reason given"),
            (2, "no answer"),
            (3, "ended by the access point"),
            (15, "wrong password"),
            (212, "its signal is too weak"),
        ):
            self.assertEqual(explain(reason), words)
