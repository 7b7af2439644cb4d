import gc
import sys
import unittest

import firmware
import firmware.log


class TestPackage(unittest.TestCase):
    def test_what_an_application_needs_is_loaded_when_it_is_asked_for(self):
        from firmware import WorkerPool, run

        self.assertIs(run, sys.modules["firmware.app"].run)
        self.assertIs(WorkerPool, sys.modules["firmware.workers"].WorkerPool)

    def test_the_heap_grows_once_for_a_length_of_the_pool_whichever_is_asked_for_first(self):
        asked: list = []

        class Heap:
            grow = asked.append

        def ask(name: str) -> None:
            firmware.heap = Heap  # type: ignore[attr-defined]
            firmware.__getattr__(name)

        pool_len, grown = firmware.pool_len, firmware._grown
        try:
            for names in (("run", "WorkerPool"), ("WorkerPool", "run")):
                firmware._grown = None
                for name in names:
                    ask(name)
            firmware.pool_len = 30000
            ask("run")
            self.assertEqual(asked, [pool_len, pool_len, 30000])
        finally:
            firmware.pool_len, firmware._grown = pool_len, grown
            firmware.drop("heap")

    def test_garbage_is_collected_before_a_module_is_loaded_late_and_only_then(self):
        collections = []

        class Collector:
            collect = staticmethod(lambda: collections.append(1))

        firmware.gc = Collector  # type: ignore[misc,assignment]
        try:
            firmware.collect_before("of_no_such_name")
            firmware.collect_before("log")
        finally:
            firmware.gc = gc  # type: ignore[misc]
        self.assertEqual(len(collections), 1)

    def test_what_is_left_behind_while_modules_are_loaded_is_collected_often(self):
        gc.threshold(-1)
        try:
            firmware.grow()  # also when the heap has its length already
            self.assertEqual(gc.threshold(), 8192)
        finally:
            gc.threshold(-1)

    def test_a_module_is_imported_from_it_as_from_any_package(self):
        from firmware import reasons

        self.assertTrue(reasons.explain)

    def test_a_module_that_is_dropped_leaves_nothing(self):
        from firmware.config import ethernet_boards, values

        config = firmware.config
        firmware.drop("config.values")
        self.assertFalse("firmware.config.values" in sys.modules or hasattr(config, "values"))
        self.assertIs(sys.modules["firmware.config.ethernet_boards"], ethernet_boards)
        from firmware.config import values as again

        self.assertTrue(again.check_value and again is not values)

    def test_a_package_that_is_dropped_leaves_nothing_of_what_is_in_it(self):
        from firmware.config import ethernet_boards  # noqa: F401

        for _ in range(2):  # what is not there any more can be dropped, too
            firmware.drop("config")
            self.assertEqual([name for name in sys.modules if "firmware.config" in name], [])
            self.assertNotIn("config", firmware.__dict__)
        self.assertIn("firmware", sys.modules)

    def test_what_it_does_not_have_it_does_not_have(self):
        for name in ("nothing", "_private", "__wrapped__"):
            self.assertFalse(hasattr(firmware, name))

    def test_the_version_has_three_numbers(self):
        self.assertEqual(len([int(part) for part in firmware.__version__.split(".")]), 3)
