import unittest

import firmware.response as response_module
from fakes import FakeLog
from firmware.encode import encode_head
from firmware.response import Sender, encode_error


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
            self.assertEqual(Sender(FakeLog())._date_field(), "")

    def test_a_date_is_of_this_second(self):
        for second in (7, 8):
            response_module.time = FakeTime(second, (2026, 2, 3, 4, 5, second, 1, 34))
            expected = "Date: Tue, 03 Feb 2026 04:05:0%d GMT\r\n" % second
            self.assertEqual(self.sender._date_field(), expected)


class TestError(unittest.TestCase):
    def test_it_says_its_status_in_one_line_and_closes(self):
        text = b"400 Bad Request\n"
        fields = {"Content-Type": "text/plain; charset=UTF-8", "Content-Length": str(len(text))}
        self.assertEqual(encode_error(400), encode_head(400, None, fields, True) + text)

    def test_503_says_when_to_come_back(self):
        self.assertIn(b"\r\nRetry-After: 1\r\n", encode_error(503))
