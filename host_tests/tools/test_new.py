"""`make new` begins an application."""

import shlex
import subprocess
import sys

from tools.checkout import ROOT


def call(*words):
    line = [sys.executable, "-m", "tools", "new", *words]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_what_it_writes_says_how_to_run_it_from_a_checkout(tmp_path):
    folder = tmp_path / "blink"
    done = call(str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    where = "In the checkout of httpd32:\n\n"
    assert f"{where}    make run APP={folder}\n" in (folder / "README.md").read_text()
    assert f"make run APP={folder}, then make config" in done.stdout


def test_a_folder_with_an_apostrophe_and_a_space_can_be_pasted(tmp_path):
    folder = tmp_path / "it's new"
    said = call(str(folder)).stdout
    words = shlex.split(said[said.index("make run") : said.index(", then")])
    assert words == ["make", "run", f"APP={folder}"]


def test_where_there_is_one_it_says_how_to_name_another_folder():
    done = call()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("is there already, and stays; name another, make new APP=folder\n")
