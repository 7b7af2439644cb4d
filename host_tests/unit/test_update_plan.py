import unittest

from firmware.update.plan import check_plan, is_clean
from firmware.update.proof import Refused

DIGEST = "1234abcd" + "0" * 56
FOLDER = "/httpd32-1234abcd"
RUNNING = "/httpd32-11111111"
TARGET = "target %s %s" % (FOLDER, DIGEST)


class TestPlan(unittest.TestCase):
    def refused(self, *lines):
        with self.assertRaises(Refused) as caught:
            check_plan(iter(lines), RUNNING)
        return caught.exception.args[0]

    def test_a_plan_has_a_version_and_writes_into_its_folder(self):
        lines = [
            TARGET,
            "remove %s/part.mpy" % FOLDER,
            "remove /httpd32-99999999",
            "remove /main.py.new",
            "folder " + FOLDER,
            "folder %s/lib" % FOLDER,
            "copy %s/a b.txt\t%s/a b.txt" % (RUNNING, FOLDER),
            "copy /main.py\t/main-12345678.py",
            "send %s %s/a..b" % (DIGEST, FOLDER),
            "seal %s %s/config.json" % (DIGEST, FOLDER),
            "send %s /main.py.new" % DIGEST,
            "send %s /trial.py.new" % DIGEST,
            "finally " + RUNNING,
        ]
        self.assertEqual(check_plan(iter(lines), RUNNING), (FOLDER, DIGEST))

    def test_a_plan_without_a_version_only_removes(self):
        self.assertIsNone(check_plan(iter(["remove /httpd32-99999999"]), RUNNING))
        self.assertEqual(self.refused("send %s %s/x" % (DIGEST, FOLDER)), 403)

    def test_a_second_folder_has_a_b_behind_its_name(self):
        line = "target %sb %s" % (FOLDER, DIGEST)
        self.assertEqual(check_plan(iter([line]), RUNNING), (FOLDER + "b", DIGEST))

    def test_a_folder_that_is_not_named_after_its_manifest_or_runs_is_refused(self):
        for folder in ("/httpd32-1234abce", FOLDER + "bb", "/app", "", "/"):
            self.assertEqual(self.refused("target %s %s" % (folder, DIGEST)), 400)
        self.assertEqual(self.refused("target %s 11111111" % RUNNING), 400)

    def test_what_runs_is_not_removed_before_the_switch_and_nothing_else_at_all(self):
        for path in (RUNNING, RUNNING + "/main.py", "/", "", "/boot.py", "/main.py", "/lib"):
            self.assertEqual(self.refused("remove " + path), 403)
        for path in ("/boot.py", "/", "/main.py", "/httpd32-1/../boot.py"):
            self.assertEqual(self.refused("finally " + path), 403)

    def test_a_path_that_leaves_the_folder_is_refused(self):
        for path in (
            "/boot.py",
            "/main.py",
            "%s/../boot.py" % FOLDER,
            "%s/./x" % FOLDER,
            "%s//x" % FOLDER,
            FOLDER + "x/y",
            FOLDER[1:] + "/x",
            "",
            FOLDER,
        ):
            for line in ("send %s %s", "seal %s %s"):
                self.assertEqual(self.refused(TARGET, line % (DIGEST, path)), 403)
            self.assertEqual(self.refused(TARGET, "copy %s/a\t%s" % (RUNNING, path)), 403)

    def test_only_versions_are_copied_from(self):
        for path in ("/secret", "/boot.py", RUNNING + "/../x", "", "httpd32-1/x"):
            self.assertEqual(self.refused(TARGET, "copy %s\t%s/x" % (path, FOLDER)), 403)

    def test_a_line_of_another_kind_is_refused(self):
        for line in ("", "format /", "rename a b"):
            self.assertEqual(self.refused(line), 400)


class TestPaths(unittest.TestCase):
    def test_a_clean_path_is_absolute_and_has_no_steps(self):
        for path in ("/a", "/a/b", "/a..b/.c"):
            self.assertTrue(is_clean(path))
        for path in ("", "a", "/", "//a", "/a/", "/a/../b", "/..", "/./a", "../a"):
            self.assertFalse(is_clean(path))
