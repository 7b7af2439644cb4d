import json
import os
import unittest

import machine

import firmware
from firmware import last_words
from firmware.last_words import Record, begin, describe, end, load, unpack

VERSION = "/httpd32-01234567"


class FakeMemory:
    """The memory of an RTC."""

    def __init__(self, octets=b""):
        self.octets = octets

    def __call__(self, octets=None):
        if octets is None:
            return self.octets
        self.octets = octets
        return None


class Chip:
    """What outlives the restarts of a board, and the board."""

    def __init__(self):
        self.memory = FakeMemory()
        self.start(machine.PWRON_RESET)

    def start(self, cause, version=VERSION):
        """Whether it starts in safe mode."""
        is_safe_mode = begin(version, self.memory, cause)
        if not self.memory.octets:  # as Health does, when the application has had its turn
            self.memory(firmware.record)
        return is_safe_mode

    def serve(self):
        """It has served for a minute."""
        record = self.record()
        record.serve()
        self.memory(record.pack())

    def fail(self, words="ValueError"):
        end(words, True, self.memory)

    def record(self):
        return load(self.memory)


def raise_deep():
    raise ValueError("deep\ndown")


class TestRecord(unittest.TestCase):
    def setUp(self):
        self.record = firmware.record
        self.chip = Chip()

    def tearDown(self):
        firmware.record = self.record

    def test_a_start_tells_what_runs_in_the_place_of_the_application(self):
        said: list = []
        bad = [False, False, True, True]
        given = last_words.begin, last_words._arm, last_words._ALONE
        last_words.begin = lambda version: bad.pop(0)
        last_words._arm = lambda: None
        last_words._ALONE = "test_last_words.alone"
        try:
            for _ in range(2):
                with open(last_words._ALONE, "w"):
                    pass
                said += [last_words.start(VERSION) for _ in range(2)]
        finally:
            last_words.begin, last_words._arm, last_words._ALONE = given
        self.assertEqual(said, ["update.alone", "", "update.alone", "safe_mode"])

    def bad_starts(self, count, cause=machine.HARD_RESET):
        """Whether each start after a bad one is in safe mode."""
        said = []
        for _ in range(count):
            self.chip.fail()
            said.append(self.chip.start(cause))
        return said

    def test_after_five_bad_starts_in_a_row_the_application_is_left_out(self):
        self.assertEqual(self.bad_starts(6), [False] * 4 + [True] * 2)

    def test_five_resets_by_the_watchdog_are_five_bad_starts(self):
        said = [self.chip.start(machine.WDT_RESET) for _ in range(5)]
        self.assertEqual(said, [False] * 4 + [True])
        self.assertIn("watchdog", self.chip.record().words)

    def test_a_start_that_hangs_before_anything_was_kept_is_counted(self):
        memory = FakeMemory()
        said = [begin(VERSION, memory, machine.WDT_RESET) for _ in range(5)]
        self.assertEqual(said, [False] * 4 + [True])

    def test_a_minute_of_service_makes_the_row_begin_anew(self):
        self.bad_starts(4)
        self.chip.serve()
        self.assertEqual(self.bad_starts(5), [False] * 5)

    def test_what_ends_after_a_minute_of_service_was_no_bad_start(self):
        for _ in range(7):
            self.chip.serve()
            self.assertEqual(self.bad_starts(1), [False])
            self.chip.serve()
            self.assertFalse(self.chip.start(machine.WDT_RESET))

    def test_restarts_that_were_asked_for_are_no_bad_starts(self):
        for cause in (machine.HARD_RESET, machine.SOFT_RESET, machine.DEEPSLEEP_RESET) * 3:
            self.assertFalse(self.chip.start(cause))
        self.assertEqual(self.chip.record().bad, 0)

    def test_a_restart_because_the_network_is_deaf_is_no_bad_start(self):
        for _ in range(7):
            end("deaf", False, self.chip.memory)
            self.assertFalse(self.chip.start(machine.HARD_RESET))
        self.assertEqual(self.chip.record().words, "deaf")

    def test_safe_mode_stays_however_long_it_serves_and_whatever_restarts_it(self):
        self.bad_starts(5)
        self.chip.serve()
        for cause in (machine.HARD_RESET, machine.SOFT_RESET, machine.WDT_RESET):
            self.assertTrue(self.chip.start(cause))

    def test_a_deploy_ends_safe_mode(self):
        self.bad_starts(5)
        self.assertFalse(self.chip.start(machine.HARD_RESET, "/httpd32-89abcdef"))
        self.assertEqual(self.chip.record().bad, 0)

    def test_the_loss_of_power_ends_safe_mode_on_a_chip_that_keeps_the_record_too(self):
        self.bad_starts(5)
        self.assertFalse(self.chip.start(machine.PWRON_RESET))

    def test_the_loss_of_power_ends_safe_mode_when_it_wipes_the_record(self):
        self.bad_starts(5)
        self.chip.memory(b"")
        self.assertFalse(self.chip.start(machine.PWRON_RESET))
        self.assertEqual((self.chip.record().boots, self.chip.record().words), (1, ""))

    def test_without_a_launcher_nothing_is_ever_left_out(self):
        for _ in range(7):
            self.assertFalse(self.chip.start(machine.WDT_RESET, ""))

    def test_the_words_of_a_run_are_there_in_the_next_and_not_in_the_one_after(self):
        self.chip.fail("ValueError: x, main.py:3")
        self.chip.start(machine.HARD_RESET)
        self.assertEqual(self.chip.record().words, "ValueError: x, main.py:3")
        self.chip.start(machine.SOFT_RESET)
        self.assertEqual(self.chip.record().words, "a soft reset")

    def test_after_a_run_that_said_nothing_the_cause_of_the_reset_is_told(self):
        said = []
        for cause in (1, 2, 3, 4, 5):
            self.chip.start(cause)
            said.append(self.chip.record().words)
        self.assertEqual(len(set(said)), 5)
        self.assertNotIn("", said)
        self.chip.start(0)  # on a chip that does not tell
        self.assertEqual(self.chip.record().words, "")

    def test_starts_are_counted(self):
        for _ in range(3):
            self.chip.start(machine.HARD_RESET)
        self.assertEqual(self.chip.record().boots, 4)

    def test_long_words_are_cut(self):
        self.chip.fail("\u00fc" * 3000)
        self.assertTrue(200 < len(self.chip.record().words) < 300)
        self.assertTrue(len(self.chip.memory.octets) < 2048)

    def test_a_version_and_words_come_back_as_they_were(self):
        record = Record(VERSION, 70000, 4, 1, "two\nlines \u2026")
        again = unpack(record.pack())
        for name in ("version", "boots", "bad", "state", "words"):
            self.assertEqual(getattr(again, name), getattr(record, name))

    def test_what_power_has_spoilt_is_no_record(self):
        whole = Record(VERSION, 1, 5, 0, "words").pack()
        for at in range(len(whole)):
            spoilt = whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :]
            self.assertIsNone(unpack(spoilt))
            self.assertIsNone(unpack(whole[:at]))
        for octets in (b"\xff" * 2048, b"\0" * 2048, os.urandom(2048)):
            memory = FakeMemory(octets)
            self.assertFalse(begin(VERSION, memory, machine.PWRON_RESET))
            self.assertEqual(unpack(firmware.record).words, "")

    def test_what_an_application_keeps_in_that_memory_is_left_alone(self):
        memory = FakeMemory(b"mine")
        self.assertFalse(begin(VERSION, memory, machine.WDT_RESET))
        end("words", True, memory)
        self.assertEqual(memory.octets, b"mine")
        self.assertIn("watchdog", unpack(firmware.record).words)

    def test_nothing_is_written_before_an_application_has_had_its_turn(self):
        memory = FakeMemory()
        begin(VERSION, memory, machine.PWRON_RESET)
        self.assertEqual(memory.octets, b"")
        end("ValueError", True, memory)
        self.assertEqual(unpack(memory.octets).words, "ValueError")


class TestEnd(unittest.TestCase):
    def test_an_exception_is_one_line_with_the_innermost_place_first(self):
        try:
            raise_deep()
        except ValueError as error:
            line = describe(error)
        self.assertTrue(line.startswith("ValueError: deep down, "))
        places = line.split(", ")[1:]
        self.assertEqual(len(places), 2)
        for place in places:
            self.assertIn("test_last_words.py:", place)
        first, second = [int(place.split(":")[-1]) for place in places]
        self.assertTrue(first < second)

    def test_words_that_look_like_a_place_are_described_too(self):
        try:
            raise ValueError('it said:\n  File "x" is not there')
        except ValueError as error:
            self.assertIn("it said:", describe(error))

    def test_a_failure_is_kept_and_restarts_the_board(self):
        record = firmware.record
        restarts = []
        memory = machine.RTC().memory()
        reset, machine.reset = machine.reset, lambda: restarts.append(1)
        try:
            machine.RTC().memory(b"")
            begin(VERSION, None, machine.PWRON_RESET)
            last_words.fail(ZeroDivisionError("zero"), 100)
            kept = unpack(machine.RTC().memory())
            self.assertEqual(kept.words, "ZeroDivisionError: zero")
            self.assertEqual((kept.bad, restarts), (1, [1]))
        finally:
            machine.reset = reset
            machine.RTC().memory(memory)
            firmware.record = record


class TestWatchdogOfTheStart(unittest.TestCase):
    def timeout_of(self, text):
        """The time-out in ms with this config.json, or without one; None for no watchdog."""
        made = []
        wdt, machine.WDT = machine.WDT, lambda timeout: made.append(timeout)
        folder = "test_last_words_%s" % os.urandom(4).hex()
        here = os.getcwd()
        os.mkdir(folder)
        os.chdir(folder)
        try:
            if text is not None:
                with open("config.json", "w") as file:
                    file.write(text)
            last_words._arm()
            if text is not None:
                os.remove("config.json")
        finally:
            os.chdir(here)
            os.rmdir(folder)
            machine.WDT = wdt
            firmware.is_armed = False
        return made[0] if made else None

    def test_it_is_the_one_of_the_configuration_but_never_short(self):
        for timeout_s, timeout_ms in (
            (10, 60000),
            (90, 90000),
            (90.5, 90000),
            (1e9, 3600000),
            (0, None),
        ):
            text = json.dumps({"watchdog": {"timeout_s": timeout_s}})
            self.assertEqual(self.timeout_of(text), timeout_ms)

    def test_a_version_on_trial_has_one_whatever_the_configuration_says(self):
        firmware.is_on_trial = True
        try:
            self.assertEqual(self.timeout_of('{"watchdog": {"timeout_s": 0}}'), 60000)
        finally:
            firmware.is_on_trial = False

    def test_without_a_configuration_and_with_a_wrong_one_it_is_a_minute(self):
        for text in (
            None,
            "",
            "{",
            "[]",
            "{}",
            '{"watchdog": 1}',
            '{"watchdog": {"timeout_s": []}}',
        ):
            self.assertEqual(self.timeout_of(text), 60000)
