import unittest

import micropython

from firmware.log import Log


class TestLog(unittest.TestCase):
    def setUp(self):
        self.lines = []

    def test_a_line_has_the_form_of_esp_idf(self):
        Log("info", write=self.lines.append).info("uri: %s", "/quick")
        level, ticks, rest = self.lines[0].split(" ", 2)
        self.assertEqual((level, rest), ("I", "httpd32: uri: /quick"))
        self.assertTrue(ticks[0] == "(" and ticks[-1] == ")" and ticks[1:-1].isdigit())

    def test_one_without_a_level_of_its_own_has_the_configured_one_whenever_it_was_made(self):
        early, own = Log(write=self.lines.append), Log("debug", write=self.lines.append)
        rank, Log.rank = Log.rank, Log("warning").rank
        try:
            late = Log(tag="lamp", write=self.lines.append)
            for log in (early, late, own):
                log.info("one")
                log.warning("two")
        finally:
            Log.rank = rank
        self.assertEqual("".join(line[0] for line in self.lines), "WWIW")

    def test_a_text_without_arguments_may_hold_a_percent_sign(self):
        Log("info", write=self.lines.append).info("100 %")
        self.assertIn("100 %", self.lines[0])

    def test_the_level_is_the_least_that_is_logged(self):
        for level, letters in (
            ("error", "E"),
            ("warning", "EW"),
            ("info", "EWI"),
            ("debug", "EWID"),
        ):
            self.lines.clear()
            log = Log(level, write=self.lines.append)
            for write in (log.error, log.warning, log.info, log.debug):
                write("text")
            self.assertEqual("".join(line[0] for line in self.lines), letters)

    def test_a_lost_console_does_not_raise(self):
        for error in (OSError(32), UnicodeError(), MemoryError(), RuntimeError()):

            def fail(line, error=error):
                raise error

            Log("info", write=fail).info("text")
            Log("info", write=fail).exception("text", error)

    def test_nor_does_the_end_of_the_heap(self):
        if not hasattr(micropython, "heap_lock"):  # CPython
            return
        log = Log("info", write=self.lines.append)
        error = ValueError("x")
        micropython.heap_lock()
        try:
            log.exception("text", error)
        finally:
            micropython.heap_unlock()

    def test_a_line_for_which_there_is_no_memory_says_so(self):
        class Vast:
            def __str__(self):
                raise MemoryError

        Log("info", write=self.lines.append).info("text: %s", Vast())
        self.assertIn("out of memory", self.lines[0])

    def test_what_controls_or_turns_a_terminal_is_not_printed(self):
        log = Log("debug", write=self.lines.append)
        for code in (0, 7, 10, 13, 27, 31, 127, 0x80, 0x85, 0x9B, 0x9F, 0x61C, 0x200B, 0x200E):
            self.is_replaced(log, code)
        for code in (0x200F, 0x2028, 0x2029, 0x202A, 0x202E, 0x2066, 0x2069, 0xFEFF):
            self.is_replaced(log, code)

    def is_replaced(self, log, code):
        log.info("uri: %s", "/a" + chr(code) + "b")
        self.assertTrue(self.lines[-1].endswith("uri: /a?b"), hex(code))

    def test_other_characters_are_printed_as_they_are(self):
        text = "~ K\xfcche \xa0 \u20ac \u2010 \u2030 \u05d0 \U0001f600"
        Log("info", write=self.lines.append).info("SSID %s", text)
        self.assertTrue(self.lines[0].endswith(text))

    def test_a_traceback_holds_neither_control_characters_nor_lines_of_the_log(self):
        log = Log("info", write=self.lines.append)
        try:
            raise ValueError("\x1b[2J\x9b\u202e\nI (1) httpd32: uri: /fake")
        except ValueError as error:
            log.exception("request failed", error)
        self.assertIn("request failed", self.lines[0])
        self.assertIn("Traceback", self.lines[1])
        self.assertIn("test_log.py", self.lines[2])
        self.assertEqual(self.lines[-1], "ValueError: ?[2J???I (1) httpd32: uri: /fake")

    def test_a_traceback_for_which_there_is_no_memory_says_so(self):
        class Vast(Exception):
            def __str__(self):
                raise MemoryError

        Log("info", write=self.lines.append).exception("request failed", Vast())
        self.assertIn("request failed", self.lines[0])
        self.assertTrue(self.lines[1].endswith("out of memory, even for a traceback"))

    def test_a_traceback_with_a_long_message_is_cut(self):
        try:
            raise ValueError("x" * 5000)
        except ValueError as error:
            Log("info", write=self.lines.append).trace(error)
        self.assertTrue(self.lines[-1].startswith("ValueError: xxx"))
        self.assertEqual(max(len(line) for line in self.lines), 300)
