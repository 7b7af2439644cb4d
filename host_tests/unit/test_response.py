import unittest

import firmware.response as response_module
from fakes import FakeLog
from firmware.response import Sender


class FakeTime:
    """A clock that shows what the test says."""

    def __init__(self, second, date):
        self._second = second
        self._date = date

    def time(self):
        return self._second

    def gmtime(self, second):
        return self._date


class TestDate(unittest.TestCase):
    def setUp(self):
        self._time = response_module.time
        self.sender = Sender(FakeLog())

    def tearDown(self):
        response_module.time = self._time

    def test_a_board_without_the_time_sends_no_date(self):
        for year in (1970, 2000):
            response_module.time = FakeTime(1, (year, 1, 1, 0, 0, 5, 5, 1))
            self.assertEqual(Sender(FakeLog())._date_field(), b"")

    def test_a_date_is_of_this_second(self):
        for second in (7, 8):
            response_module.time = FakeTime(second, (2026, 2, 3, 4, 5, second, 1, 34))
            expected = b"Date: Tue, 03 Feb 2026 04:05:0%d GMT\r\n" % second
            self.assertEqual(self.sender._date_field(), expected)
