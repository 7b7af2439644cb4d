import hashlib
import os
import sys
import unittest
from binascii import hexlify

from firmware.update import flash, inventory

_FOLDER = "test_inventory_%s" % hexlify(os.urandom(4)).decode()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def digest(text):
    return hexlify(hashlib.sha256(text.encode()).digest()).decode()


def list_folder(path):
    """As MicroPython's os.ilistdir()."""
    for name in os.listdir(path):
        found = os.stat(path + "/" + name)
        yield name, found[0] & 0xC000, 0, found[6]


class TestInventory(unittest.TestCase):
    def setUp(self):
        self.has_one = hasattr(os, "ilistdir")
        if not self.has_one:
            os.ilistdir = list_folder
        flash.make_folder(_FOLDER)

    def tearDown(self):
        if not self.has_one:
            del os.ilistdir
        for _ in flash.remove(_FOLDER):
            pass

    def test_the_inventory_has_size_and_digest_of_each_file(self):
        flash.make_folder(_FOLDER + "/lib")
        write(_FOLDER + "/lib/a b", "1")
        lines = [line for line in inventory.read_files(_FOLDER) if line]
        self.assertEqual(lines, ["file 1 %s %s/lib/a b\n" % (digest("1"), _FOLDER)])

    def test_a_file_that_goes_while_it_is_listed_is_left_out(self):
        write(_FOLDER + "/a", "1")
        files = inventory.read_files(_FOLDER)
        self.assertEqual(next(files), "")
        gone = inventory.read_files(_FOLDER)
        os.remove(_FOLDER + "/a")
        self.assertEqual(list(gone), [])

    def test_modules_that_an_image_has_not_are_not_found_and_what_is_loaded_stays(self):
        loaded = sys.modules.copy()
        self.assertEqual(inventory.find_frozen(["firmware", "nobody_has_this"]), [])
        self.assertEqual(sys.modules, loaded)
