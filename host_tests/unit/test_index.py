import io
import sys
import unittest

from firmware import index as loaded

Index = loaded.Index
sys.modules.pop("firmware.index", None)

IS_MICROPYTHON = sys.implementation.name == "micropython"
BUILT_IN = ("collections", "errno", "json", "time")
MANIFEST = """\
00 boot.py
00 firmware/__init__.mpy
00 firmware/app.mpy
00 firmware/config/__init__.mpy
00 json.py
00 lib/microdot/__init__.mpy
00 lib/utemplate.py
00 main.py
00 page.html
"""


class Files:
    """A file system with one version in it; `asked` are the paths that it was asked for."""

    def __init__(self):
        self.asked = []
        self.folders = ()

    def open(self, path, mode):
        self.asked.append(path)
        return io.StringIO(MANIFEST if path == "/v/manifest" else "")

    def stat(self, path):
        self.asked.append(path)
        if path == "/v" or path in self.folders:
            return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        if path == "/v/page.html":
            return (0x8000, 0, 0, 0, 0, 0, 123, 0, 0, 0)
        raise OSError(2)

    def ilistdir(self, path):
        return [("time.mpy", 0x8000, 0, 10)] if path == "/lib" else []

    def rename(self, *paths):
        self.asked.append(paths)


class TestIndex(unittest.TestCase):
    def setUp(self) -> None:
        self.files = Files()
        self.index = Index(self.files, "/v")
        self.files.asked = []

    def test_a_module_is_found_without_the_flash(self):
        self.assertEqual(self.index.stat("/firmware/app.mpy")[0], 0x8000)
        self.assertEqual(self.index.stat("/firmware")[0], 0x4000)
        self.assertEqual(self.index.stat("/firmware/config")[0], 0x4000)
        self.assertEqual(self.index.stat("/firmware/config/__init__.mpy")[0], 0x8000)
        self.assertEqual(self.index.stat("/lib/microdot")[0], 0x4000)
        self.assertEqual(self.files.asked, [])

    def test_what_a_module_is_not_costs_nothing_either(self):
        absent = "/firmware/app /firmware/app.py /firmware/config.py /lib/time /lib/microdot.mpy"
        for path in absent.split():
            with self.assertRaises(OSError):
                self.index.stat(path)
        self.assertEqual(self.files.asked, [])

    def test_a_file_beside_the_modules_is_asked_for(self):
        self.assertEqual(self.index.stat("/page.html")[6], 123)
        with self.assertRaises(OSError):
            self.index.stat("/written-by-main.py")
        self.assertEqual(self.files.asked, ["/v/page.html", "/v/written-by-main.py"])

    def test_files_are_opened_and_changed_where_they_are(self):
        self.index.open("/firmware/app.mpy", "rb").close()
        self.index.rename("/a", "/b")
        self.assertEqual(self.files.asked, ["/v/firmware/app.mpy", ("/v/a", "/v/b")])

    def test_an_application_may_go_into_its_folder_and_out_of_it(self):
        self.index.chdir("/")
        self.assertEqual(self.index.getcwd(), "/")
        self.index.open("config.json", "r").close()
        self.files.folders = ("/v/pages",)
        self.index.chdir("pages")
        self.assertEqual(self.index.getcwd(), "/pages")
        self.index.open("a", "r").close()
        with self.assertRaises(OSError):
            self.index.chdir("/nothing")
        opened = [path for path in self.files.asked if path[-1] in "na"]
        self.assertEqual(opened, ["/v/config.json", "/v/pages/a"])

    def test_modules_are_those_that_can_be_imported(self):
        for name in ("boot", "main", "json", "firmware", "microdot", "utemplate"):
            self.assertTrue(self.index.has_module(name))
        for name in ("app", "lib/microdot/x", "jso", "page"):
            self.assertFalse(self.index.has_module(name))


class System:
    """`vfs` of a board, with this file system as its root."""

    def __init__(self, files):
        self._mounted = [(files, "/")]

    def mount(self, *added):
        if not added:
            return list(self._mounted)
        self._mounted.insert(0, added)
        return None

    def umount(self, where):
        self._mounted = [each for each in self._mounted if each[1] != where]


class TestStart(unittest.TestCase):
    def setUp(self) -> None:
        self.system = System(Files())
        self.kept = dict(sys.modules)
        __import__("machine")  # a computer has none but the played one
        if IS_MICROPYTHON:
            for name in BUILT_IN:
                sys.modules.pop(name, None)

    def tearDown(self) -> None:
        sys.modules.update(self.kept)

    def test_an_index_stands_before_the_folder_until_all_is_loaded(self):
        loaded.begin("/v", self.system)
        self.assertEqual([where for _, where in self.system.mount()], ["/v", "/"])
        loaded.end(self.system)
        self.assertEqual([where for _, where in self.system.mount()], ["/"])
        self.assertFalse("firmware.index" in sys.modules)

    def test_a_built_in_module_is_kept_in_mind_unless_a_file_stands_for_it(self):
        """MicroPython would look for the file in each module that imports it."""
        if not IS_MICROPYTHON:
            return
        loaded.begin("/v", self.system)
        loaded.end(self.system)
        self.assertTrue("errno" in sys.modules and "collections" in sys.modules)
        self.assertFalse("json" in sys.modules)  # there is a json.py
        self.assertFalse("time" in sys.modules)  # there is one in /lib


if __name__ == "__main__":
    unittest.main()
