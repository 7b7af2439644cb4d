"""The virtual environment that `make` brings up before a command runs."""

import shutil
import subprocess

import pytest

from tools.checkout import ROOT

# Stands in for Python: it notes what it is asked for, and as `venv` makes a copy of itself.
PYTHON = """#!/bin/sh
echo "$*" >> asked
case "$*" in "-m venv"*) cp python .venv/bin/python; esac
"""
# As `venv` leaves it until it has come to pip, or while that is being unpacked.
HALF_MADE = '#!/bin/sh\ntest "$1" = -c\n'


@pytest.mark.parametrize(("found", "is_made_anew"), [(HALF_MADE, True), (PYTHON, False)])
def test_an_environment_is_made_anew_if_it_was_left_half_made(tmp_path, found, is_made_anew):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "requirements.txt").touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for path, text in ((tmp_path / "python", PYTHON), (tmp_path / ".venv/bin/python", found)):
        path.write_text(text)
        path.chmod(0o755)
    line = ["make", "--silent", f"PYTHON={tmp_path}/python", ".venv/run"]
    subprocess.run(line, cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / ".venv" / "run").exists()
    asked = (tmp_path / "asked").read_text()
    assert ("-m venv --clear .venv" in asked) == is_made_anew
