"""Runs every unit file on the real MicroPython as well."""

import subprocess
from pathlib import Path

import pytest

from tools.checkout import ROOT
from tools.simulator.interpreter import micropython
from tools.version.build import find_microdot

UNIT = ROOT / "host_tests" / "unit"
_HEAP = "2M"  # the tests are compiled on the heap, too


@pytest.mark.parametrize("name", sorted(path.stem for path in UNIT.glob("test_*.py")))
def test_unit_file_passes_on_micropython(name, tmp_path):
    # The whole of it: a board has what its application needs.
    (tmp_path / "microdot").symlink_to(find_microdot())
    runner = Path(__file__).parent / "run_unit.py"
    line = [*micropython(_HEAP), str(runner), str(ROOT), str(tmp_path), name]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed" in done.stdout and not done.stdout.startswith("0 passed"), done.stdout
