import hashlib
import os
import unittest
from binascii import hexlify

import firmware
from firmware.update import flash, switch

_FOLDER = "test_switch_%s" % hexlify(os.urandom(4)).decode()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def digest(text):
    return hexlify(hashlib.sha256(text.encode()).digest()).decode()


class TestSwitch(unittest.TestCase):
    def setUp(self):
        flash.make_folder(_FOLDER)

    def tearDown(self):
        for _ in flash.remove(_FOLDER):
            pass

    def check(self, wanted, count):
        """The first lines, and no more than that: after those comes the switch."""
        lines = []
        for line in switch.switch(_FOLDER, wanted):
            if line:
                lines.append(line)
            if len(lines) == count:
                break
        return lines

    def test_a_version_is_whole_if_its_manifest_and_each_file_are(self):
        manifest = "%s a b\n%s c\n" % (digest("1"), digest("2"))
        write(_FOLDER + "/manifest", manifest)
        write(_FOLDER + "/a b", "1")
        write(_FOLDER + "/c", "2")
        self.assertEqual(self.check(digest(manifest), 2), ["checked a b\n", "checked c\n"])
        self.assertEqual(self.check(digest("other"), 3), ["differs manifest\n"])
        write(_FOLDER + "/c", "3")
        self.assertEqual(self.check(digest(manifest), 3)[-1], "differs c\n")
        os.remove(_FOLDER + "/c")
        with self.assertRaises(OSError):
            self.check(digest(manifest), 3)

    def test_the_version_that_runs_is_on_trial_no_more_when_the_next_one_is(self):
        class Files:
            """The flash of a board, on which nothing is missing."""

            stat = remove = staticmethod(lambda path: None)

            @staticmethod
            def rename(old, new):
                moved.append((new, firmware.is_on_trial))

        moved: list = []
        manifest = ""
        write(_FOLDER + "/manifest", manifest)
        firmware.is_on_trial = True
        try:
            switch.os = flash.os = Files  # type: ignore[assignment]
            lines = list(switch.switch(_FOLDER, digest(manifest)))
        finally:
            switch.os = flash.os = os
            firmware.is_on_trial = False
        self.assertEqual(lines[-1], "activated\n")
        self.assertEqual(moved, [("/trial.py", False), ("/main.py", False)])
