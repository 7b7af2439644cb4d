import hashlib
import os
import unittest
from binascii import hexlify

from firmware.update import flash

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
        copied = b"".join([bytes(block) for block in flash.read(_FOLDER + "/b")])
        self.assertEqual(copied, b"x" * 2000)
        self.assertEqual(sorted(os.listdir(_FOLDER)), ["a", "b"])

    def test_a_file_of_a_version_is_copied_to_its_place_at_once(self):
        write(_FOLDER + "/a", "x" * 600)
        flash.make_folder(_FOLDER + "/v")
        for _ in flash.copy(_FOLDER + "/a", _FOLDER + "/v/b"):
            self.assertEqual(os.listdir(_FOLDER + "/v"), ["b"])
        self.assertEqual(os.stat(_FOLDER + "/v/b")[6], 600)

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

    def test_of_a_version_the_manifest_goes_first_so_that_nobody_goes_back_to_its_rest(self):
        flash.make_folder(_FOLDER + "/v")
        for name in ("a", "manifest", "z"):
            write(_FOLDER + "/v/" + name, "")
        next(flash.remove(_FOLDER + "/v"))
        left = os.listdir(_FOLDER + "/v")
        self.assertEqual((len(left), "manifest" in left), (1, False))
