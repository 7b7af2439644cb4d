import json
import os
import sys
import unittest

from firmware import settings

_PATH = "test_settings_%s.json" % os.urandom(4).hex()
_CHECKED = "test_checked_%s.json" % os.urandom(4).hex()
_TEXT = json.dumps({"server": {"port": 81}, "network": {"wifi": [{"ssid": "home"}]}})


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def remove(path):
    try:
        os.remove(path)
    except OSError:
        pass


class TestSettings(unittest.TestCase):
    def setUp(self):
        self._checked = settings.CHECKED
        settings.CHECKED = _CHECKED
        write(_PATH, _TEXT)

    def tearDown(self):
        settings.CHECKED = self._checked
        remove(_PATH)
        remove(_CHECKED)

    def note_checked(self, text=_TEXT, port=82):
        checked = {"sha256": settings.digest(text.encode()), "settings": {"server": {"port": port}}}
        write(_CHECKED, json.dumps(checked))

    def test_a_file_that_was_not_checked_is_checked(self):
        loaded = settings.load(_PATH)
        self.assertEqual(loaded["server"]["port"], 81)
        self.assertEqual(loaded["server"]["max_open_sockets"], 7)

    def test_a_file_that_was_checked_is_not_read_by_the_checker(self):
        self.note_checked()
        sys.modules.pop("firmware.config", None)
        self.assertEqual(settings.load(_PATH), {"server": {"port": 82}})
        self.assertNotIn("firmware.config", sys.modules)

    def test_a_file_that_was_changed_since_is_checked_again(self):
        self.note_checked(_TEXT + "\n")
        self.assertEqual(settings.load(_PATH)["server"]["port"], 81)

    def test_what_was_checked_and_can_not_be_read_is_as_good_as_none(self):
        for text in ("", '{"sha256"', "[]", "{}"):
            write(_CHECKED, text)
            self.assertEqual(settings.load(_PATH)["server"]["port"], 81)

    def test_a_file_that_is_wrong_or_missing_is_none(self):
        write(_PATH, '{"server": {"port": 0}}')
        self.assertIsNone(settings.load(_PATH))
        self.assertIsNone(settings.load("there-is-no-such.json"))

    def test_the_checker_is_dropped_whatever_it_says(self):
        for text in (_TEXT, "{"):
            write(_PATH, text)
            settings.load(_PATH)
            self.assertNotIn("firmware.config", sys.modules)
            self.assertNotIn("firmware.config.network", sys.modules)

    def test_a_digest_is_64_digits(self):
        self.assertEqual(settings.digest(b"abc")[:8], "ba7816bf")
        self.assertEqual(len(settings.digest(b"")), 64)
