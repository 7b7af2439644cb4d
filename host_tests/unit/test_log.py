import unittest

from firmware.log import Log


class TestLog(unittest.TestCase):
    def setUp(self):
        self.lines = []

    def test_a_line_has_the_form_of_esp_idf(self):
        Log("info", write=self.lines.append).info("uri: %s", "/quick")
        level, ticks, rest = self.lines[0].split(" ", 2)
        self.assertEqual((level, rest), ("I", "httpd32: uri: /quick"))
        self.assertTrue(ticks[0] == "(" and ticks[-1] == ")" and ticks[1:-1].isdigit())

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
        def fail(line):
            raise OSError(32)

        Log("info", write=fail).info("text")

    def test_a_line_for_which_there_is_no_memory_says_so(self):
        class Vast:
            def __str__(self):
                raise MemoryError

        Log("info", write=self.lines.append).info("text: %s", Vast())
        self.assertIn("out of memory", self.lines[0])
