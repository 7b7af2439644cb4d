"""What an application names in a file that is no source keeps its name on a board."""

import pytest

from tools.checkout import ROOT
from tools.version import build, compiler

MAIN = """
from microdot.utemplate import Template
from firmware import run
import own
Template.initialize({folder!r})
Template({name!r})
run()
"""


@pytest.fixture
def core(tmp_path):
    def reduce(path, content):
        folder, _, name = path.rpartition("/")
        application = {
            "main.py": MAIN.format(folder=folder, name=name).encode(),
            "own.py": b"import time\n",
            "utemplate/recompile.py": b"",
            path: content,
        }
        if path == "own.mpy":
            del application["own.py"]
        for name, each in application.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(each)
        found = build.sources(ROOT, build.find_microdot(), tmp_path / "main.py")
        assert path in found
        return build.reduce(found)["firmware/core.mpy"]

    return reduce


@pytest.mark.parametrize("folder", ["templates", "pages"])
def test_in_a_template(core, folder):
    template = b"{% args pool %}{{ pool.count_ready() }}\n"
    assert b"def count_ready(" in core(f"{folder}/ready.html", template)


def test_in_a_page_that_is_no_template_is_but_a_word(core):
    assert b"def count_ready(" not in core("pages/ready.html", b"count_ready\n")


def test_in_a_compiled_module_whatever_its_length(core, tmp_path):
    text = b"def use(other): other.has_room_to_last_and_more = other.most_open.count_ready()\n"
    compiled = compiler.compile_text(tmp_path / "own.py", text).read_bytes()
    reduced = core("own.mpy", compiled)
    for name in (b"def count_ready(", b"self.most_open = "):
        assert name in reduced


def test_in_none_of_them(core):
    reduced = core("pages/ready.html", b"")
    assert b"def count_ready(" not in reduced and b"self.most_open = " not in reduced
