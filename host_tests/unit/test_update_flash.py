import hashlib
import os
import sys
import unittest
from binascii import hexlify

from firmware import update_flash as flash

_FOLDER = "test_flash_%s" % hexlify(os.urandom(4)).decode()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def digest(text):
    return hexlify(hashlib.sha256(text.encode()).digest()).decode()


def returned(generator):
    """(what it has returned, what it has yielded)."""
    given = []
    while True:
        try:
            given.append(next(generator))
        except StopIteration as end:
            return end.value, given


class TestFlash(unittest.TestCase):
    def setUp(self):
        flash.make_folder(_FOLDER)

    def tearDown(self):
        for _ in flash.remove(_FOLDER):
            pass

    def test_a_digest_is_made_in_pieces_so_that_others_run(self):
        text = "x" * 2000
        write(_FOLDER + "/a", text)
        self.assertEqual(returned(flash.sha256(_FOLDER + "/a")), (digest(text), [""] * 4))

    def test_a_file_is_copied_as_a_whole(self):
        write(_FOLDER + "/a", "x" * 2000)
        for _ in flash.copy(_FOLDER + "/a", _FOLDER + "/b"):
            self.assertFalse(flash.is_there(_FOLDER + "/b"))
        self.assertEqual(b"".join(flash.read(_FOLDER + "/b")), b"x" * 2000)
        self.assertEqual(sorted(os.listdir(_FOLDER)), ["a", "b"])

    def test_a_folder_that_is_there_is_made_again_without_complaint(self):
        flash.make_folder(_FOLDER)
        with self.assertRaises(OSError):
            flash.make_folder(_FOLDER + "/not/there")

    def test_a_folder_goes_with_all_that_is_in_it_and_what_is_not_there_does_not_matter(self):
        flash.make_folder(_FOLDER + "/lib")
        write(_FOLDER + "/lib/a", "")
        self.assertEqual(
            [line.replace(_FOLDER, "") for line in flash.remove(_FOLDER + "/lib")],
            ["removed /lib/a\n", "removed /lib\n"],
        )
        self.assertEqual(list(flash.remove(_FOLDER + "/lib")), [])
        flash.remove_file(_FOLDER + "/lib/a")

    def check_version(self, wanted):
        return [line for line in flash.check_version(_FOLDER, wanted) if line]

    def test_a_version_is_whole_if_its_manifest_and_each_file_are(self):
        manifest = "%s a b\n%s c\n" % (digest("1"), digest("2"))
        write(_FOLDER + "/manifest", manifest)
        write(_FOLDER + "/a b", "1")
        write(_FOLDER + "/c", "2")
        self.assertEqual(self.check_version(digest(manifest)), ["checked a b\n", "checked c\n"])
        self.assertEqual(self.check_version(digest("other")), ["differs manifest\n"])
        write(_FOLDER + "/c", "3")
        self.assertEqual(self.check_version(digest(manifest))[-1], "differs c\n")
        os.remove(_FOLDER + "/c")
        with self.assertRaises(OSError):
            self.check_version(digest(manifest))

    def test_the_inventory_has_size_and_digest_of_each_file(self):
        flash.make_folder(_FOLDER + "/lib")
        write(_FOLDER + "/lib/a b", "1")
        lines = [line for line in flash.read_files(_FOLDER) if line]
        self.assertEqual(lines, ["file 1 %s %s/lib/a b\n" % (digest("1"), _FOLDER)])

    def test_a_file_that_goes_while_it_is_listed_is_left_out(self):
        write(_FOLDER + "/a", "1")
        files = flash.read_files(_FOLDER)
        self.assertEqual(next(files), "")
        gone = flash.read_files(_FOLDER)
        os.remove(_FOLDER + "/a")
        self.assertEqual(list(gone), [])

    def test_modules_that_an_image_has_not_are_not_found_and_what_is_loaded_stays(self):
        loaded = sys.modules.copy()
        self.assertEqual(flash.find_frozen(["firmware", "nobody_has_this"]), [])
        self.assertEqual(sys.modules, loaded)
