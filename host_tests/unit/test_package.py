import sys
import unittest

import firmware


class TestPackage(unittest.TestCase):
    def test_what_an_application_needs_is_loaded_when_it_is_asked_for(self):
        from firmware import WorkerPool, run

        self.assertIs(run, sys.modules["firmware.app"].run)
        self.assertIs(WorkerPool, sys.modules["firmware.workers"].WorkerPool)

    def test_the_heap_grows_before_anything_is_loaded_whichever_is_asked_for_first(self):
        from firmware import startup

        grow, anchor = startup.grow, firmware._anchor
        try:
            for name in ("run", "WorkerPool"):
                asked = []
                startup.grow = asked.append
                firmware._anchor = None
                firmware.__getattr__(name)
                self.assertEqual(asked, [firmware.pool_len])
        finally:
            startup.grow, firmware._anchor = grow, anchor

    def test_a_module_is_imported_from_it_as_from_any_package(self):
        from firmware import ethernet_boards

        self.assertTrue(ethernet_boards.BOARDS)

    def test_what_it_does_not_have_it_does_not_have(self):
        for name in ("nothing", "_private", "__wrapped__"):
            self.assertFalse(hasattr(firmware, name))

    def test_the_version_has_three_numbers(self):
        self.assertEqual(len([int(part) for part in firmware.__version__.split(".")]), 3)
