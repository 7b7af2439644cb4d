import unittest

from firmware.kept_log import KeptLog
from firmware.log import Log


class TestKeptLog(unittest.TestCase):
    def setUp(self):
        self.lines = []
        self.log = Log("info", write=self.lines.append)

    def read(self, kept, after=0):
        return b"".join(kept.read(after, kept.end)).decode()

    def test_each_line_is_kept_and_still_written(self):
        kept = KeptLog(self.log)
        self.log.info("one")
        self.log.info("two é")
        self.assertEqual(len(self.lines), 2)
        text = self.read(kept)
        self.assertTrue(text.endswith("one\n" + self.lines[1] + "\n"))

    def test_of_what_was_before_the_last_three_errors_and_warnings_are_there(self):
        for n in range(5):
            self.log.warning("warning %d", n)
            self.log.info("no")
        text = self.read(KeptLog(self.log))
        self.assertEqual([n for n in range(5) if "warning %d" % n in text], [2, 3, 4])
        self.assertFalse("no\n" in text)

    def test_after_a_number_comes_what_is_newer(self):
        kept = KeptLog(self.log)
        number = kept.end
        self.assertEqual(self.read(kept, number), "")
        self.log.info("new")
        self.assertEqual(self.read(kept, number), self.lines[-1] + "\n")

    def test_a_number_of_another_start_gives_all_there_is(self):
        kept = KeptLog(self.log)
        self.log.info("new")
        self.assertEqual(self.read(kept, 123456), self.read(kept))

    def test_the_last_2_kb_are_kept_from_a_whole_line_on(self):
        kept = KeptLog(self.log)
        for n in range(300):
            self.log.info("line %d", n)
            text = self.read(kept)
            self.assertTrue(len(text) <= 2048)
            self.assertTrue(text.endswith("line %d\n" % n))
            self.assertIn(text[0], "(I")
        self.assertTrue(len(text) > 2000)
        self.assertEqual(len(set([line[:3] for line in text.split("\n")[:-1]])), 1)

    def test_what_comes_while_it_is_read_spoils_nothing(self):
        kept = KeptLog(self.log)
        for n in range(100):
            self.log.info("line %d", n)
        pieces = kept.read(0, kept.end)
        first = next(pieces) or next(pieces)
        self.assertTrue(0 < len(first) <= 512)
        for n in range(100, 120):
            self.log.info("line %d", n)
        self.assertTrue(len(b"".join(pieces)) <= 2048)

    def test_a_console_that_is_lost_loses_no_line(self):
        def write(line):
            raise OSError

        log = Log("info", write=write)
        kept = KeptLog(log)
        log.info("kept")
        self.assertIn("kept", self.read(kept))

    def test_afterwards_the_log_is_as_before(self):
        write = self.log.write
        KeptLog(self.log).stop()
        self.assertTrue(self.log.write == write)
