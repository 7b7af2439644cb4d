"""On a board, a function knows the line that its body begins at, and none of its others."""

import subprocess

import pytest

from tools.checkout import ROOT
from tools.simulator.interpreter import micropython
from tools.version import build, compiler, lines
from tools.version.tracebacks import find_function

SHAPES = {
    "a function": "def f():\n  '''Text.'''\n  x = 1\n\n  fail()\n",
    "with many arguments": "def f(a=1, b=2, c=3, d=4, e=5, *, g=6, **h):\n  x = 1\n  fail()\n",
    "a generator": "def g():\n  x = 1\n  yield 1\n  fail()\ndef f():\n  list(g())\n",
    "a closure": "def f():\n  x = [1]\n  def g():\n    x.append(2)\n    fail()\n  g()\n",
    "with cells of its own": "def f(x=1):\n  def g():\n    return x\n  g()\n  fail()\n",
    "a method": "class A:\n  x = (1, ('a', b'b'))\n  def f(self):\n    fail()\nf = A().f\n",
    "one that catches": "def f():\n  try:\n    fail()\n  except OSError:\n    pass\n",
    "beside constants": "def f():\n  x = ('a' * 9, 1 << 70, 1.5, None, ...)\n  fail()\n",
}
CATCH = (
    "import sys\ntry:\n  f()\nexcept ValueError as error:\n"
    "  sys.print_exception(error, sys.stdout)\n"
)
FAIL = "def fail():\n  x = 1\n  raise ValueError(x)\n"


def compile_short(folder, text):
    return lines.keep_first(compiler.compile_text(folder / "own.py", text.encode()).read_bytes())


def run(folder, content):
    (folder / "own.mpy").write_bytes(content)
    line = [*micropython("1M"), "-c", "import own"]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("before", [0, 60, 2045, 5000])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_traceback_says_a_line_of_each_function(tmp_path, shape, before):
    text = "\n" * before + FAIL + SHAPES[shape] + CATCH
    shown = run(tmp_path, compile_short(tmp_path, text))
    source = tmp_path / "own.py"
    source.write_text(text)
    places = [line.split(", line ")[1].split(", in ") for line in shown if ", line " in line]
    # What runs while it is loaded keeps its lines.
    line, name = places.pop(0)
    assert (name, text.split("\n")[int(line) - 1]) == ("<module>", "  f()")
    assert places[0][1] == "f" and places[-1][1] == "fail"
    for line, name in places:
        assert find_function(source, int(line)) == name
    assert int(line) == text[: text.index("x = 1")].count("\n") + 1


def test_all_that_is_built_runs_as_before_and_is_shorter(tmp_path):
    board = build.build(board=tmp_path / "board")
    for path, file in build.files(board).items():
        if path.endswith(".mpy"):
            content = file.read_bytes()
            assert lines.keep_first(content) == content
    core = board / "firmware" / "core.mpy"
    found = build.sources(ROOT, build.find_microdot(), ROOT / "main.py")
    whole = build.reduce(found)["firmware/core.mpy"]
    compiled = compiler.compile_text(ROOT / "firmware" / "core.py", whole).read_bytes()
    assert core.stat().st_size < len(compiled) - 2500


def test_what_is_no_such_module_is_refused():
    with pytest.raises(ValueError, match="version 6"):
        lines.keep_first(b"M\x07\x00\x1f")
