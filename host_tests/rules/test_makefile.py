"""What `make` does before a command runs: the virtual environment, and what is handed on."""

import os
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


# Notes what a command is called with.
TOOL = """#!/bin/sh
printf '%s\\n' "$@" "ssid=$WIFI_SSID" "password=$WIFI_PASSWORD" > called
printf '%s\\n' "${PYTHONPATH-}${PYTHONHOME-}${PYTHONSAFEPATH-}" "$PIP_USER" > elsewhere
"""


@pytest.fixture
def checkout(tmp_path):
    """A folder with the Makefile, and a Python that notes what it is called with."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "requirements.txt").touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(TOOL)
    python.chmod(0o755)
    (tmp_path / "tools" / "board-requirements.txt").touch()
    (tmp_path / ".venv" / "run").touch()
    (tmp_path / ".venv" / "board").touch()
    return tmp_path


def make(folder, *words, **variables):
    environment = {**os.environ, **variables}
    subprocess.run(["make", *words], cwd=folder, env=environment, check=True, timeout=60)
    return (folder / "called").read_text().splitlines()


@pytest.mark.parametrize("is_by_environment", [False, True])
def test_what_is_given_arrives_as_it_is(checkout, is_by_environment):
    given = {"WIFI_SSID": "Bob$home", "WIFI_PASSWORD": "pa$word'$$3 #", "CONFIG": "c$(x) 'y'.json"}
    words = [f"{name}={value}" for name, value in given.items()]
    if is_by_environment:
        called = make(checkout, "config", **given)
    else:
        called = make(checkout, "config", *words)
    assert called[called.index("--config") + 1] == given["CONFIG"]
    assert called[-2:] == ["ssid=Bob$home", "password=pa$word'$$3 #"]


@pytest.mark.parametrize(
    ("given", "is_dry"), [("1", True), ("yes", True), ("0", False), ("", False)]
)
def test_a_dry_run_can_be_refused_as_well_as_asked_for(checkout, given, is_dry):
    assert ("--dry-run" in make(checkout, "deploy", f"DRY_RUN={given}")) == is_dry


def test_what_is_set_for_another_python_is_not_for_this_one(checkout):
    make(checkout, "build", PYTHONPATH="/x", PYTHONHOME="/x", PYTHONSAFEPATH="1", PIP_USER="1")
    assert (checkout / "elsewhere").read_text() == "\n0\n"
