"""Runs one unit file under MicroPython: run_unit.py CHECKOUT LIB NAME."""

import sys

checkout, lib, name = sys.argv[1:4]
# The folder of this file stays: it has the `unittest`.
sys.path[:] = [checkout, lib, ".frozen", sys.path[0]]

import unittest  # noqa: E402

from tools.simulator import modules  # noqa: E402

modules.install(checkout)
sys.exit(1 if unittest.run(__import__("host_tests.unit." + name, None, None, ("*",))) else 0)
