"""Runs one unit file under MicroPython: run_unit.py ROOT LIB NAME."""

import sys

root, lib, name = sys.argv[1:4]
tests = root + "/host_tests"
sys.path[:] = [root, lib, ".frozen", tests, tests + "/unit", tests + "/shims", tests + "/shims/mpy"]

import unittest  # noqa: E402

sys.exit(1 if unittest.run(__import__(name)) else 0)
