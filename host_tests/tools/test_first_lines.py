"""On a board, a function knows the line of its first statement, and no other."""

import ast
import subprocess

import pytest

from tools.checkout import ROOT
from tools.simulator.interpreter import micropython
from tools.version import build, compiler, first_lines

SHAPES = {
    "a function": "def f():\n  '''Text.'''\n  x = 1\n\n  fail()\n",
    "with many arguments": "def f(a=1, b=2, c=3, d=4, e=5, *, g=6, **h):\n  x = 1\n  fail()\n",
    "a generator": "def g():\n  x = 1\n  yield 1\n  fail()\ndef f():\n  list(g())\n",
    "a closure": "def f():\n  x = [1]\n  def g():\n    x.append(2)\n    fail()\n  g()\n",
    "with cells of its own": "def f(a=1, b=2, c=3):\n  def g():\n    return a, b, c\n  fail(g())\n",
    "a method": "class A:\n  x = (1, ('a', b'b'))\n  def f(self):\n    fail()\nf = A().f\n",
    "one that catches": "def f():\n  try:\n    fail()\n  except OSError:\n    pass\n",
    "a lambda": "def f():\n  x = lambda y: [fail(z) for z in y]\n  x([1])\n",
    "beside constants": (
        "def f():\n  x = ('a' * 9, 1 << 70, 1.5, 2j, None, ..., (1, (True, False, 'b', 1.5)))\n"
        "  fail()\n"
    ),
    "with long tables": (
        "def f(%s):\n  fail()\n" % ", ".join(f"argument_{n}={n}" for n in range(70))
    ),
    "with a body further down": "def f(\n  a=1,\n  b=2,\n):\n\n\n  x = 1\n\n  fail()\n",
}
CATCH = (
    "import sys\ntry:\n  f()\nexcept ValueError as error:\n"
    "  sys.print_exception(error, sys.stdout)\n"
)
FAIL = "def fail(x=1):\n  y = 1\n  raise ValueError(x)\n"


def run(folder, text):
    """The places of a traceback that MicroPython prints, each (line, function)."""
    compiled = compiler.compile_text(folder / "own.py", text.encode()).read_bytes()
    (folder / "own.mpy").write_bytes(first_lines.keep(compiled))
    line = [*micropython("1M"), "-c", "import own"]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True)
    places = [line.split(", line ")[1].split(", in ") for line in done.stdout.splitlines()[1:-1]]
    return [(int(line), name) for line, name in places]


def find_first_statements(text):
    """Function to the line of its first statement behind a docstring."""
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            found[node.name] = body[0].lineno
        elif isinstance(node, ast.Lambda):
            found["<lambda>"] = node.lineno
    return found


@pytest.mark.parametrize("before", [0, 1, 2, 60, 2040, 2044, 2045, 2046, 5000])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_traceback_says_the_line_of_the_first_statement(tmp_path, shape, before):
    text = "\n" * before + FAIL + SHAPES[shape] + CATCH
    places = run(tmp_path, text)
    # What the module does by itself keeps its lines.
    line, name = places.pop(0)
    assert (name, text.split("\n")[line - 1]) == ("<module>", "  f()")
    first = find_first_statements(text)
    assert places[0][1] == "f" and places[-1][1] == "fail"
    for line, name in places:
        if name != "<listcomp>":
            assert (name, line) == (name, first[name])


def test_of_all_that_is_built_no_function_keeps_more_and_the_application_keeps_its_lines(tmp_path):
    main = tmp_path / "main.py"
    main.write_text("import own\nfrom microdot.sse import with_sse\nfrom firmware import run\n")
    (tmp_path / "own.py").write_text("def f():\n  x = 1\n  return 2\n")
    board = build.build(board=tmp_path / "board", main=main)
    files = build.files(board)
    assert {"own.mpy", "firmware/core.mpy", "lib/microdot/sse.mpy"} <= set(files)
    for path, file in files.items():
        if path.endswith(".mpy"):
            content = file.read_bytes()
            assert (first_lines.keep(content) == content) == (path != "own.mpy")


def test_it_is_a_twentieth_of_the_one_module(tmp_path):
    core = build.build(board=tmp_path / "board") / "firmware" / "core.mpy"
    found = build.sources(ROOT, build.find_microdot(), ROOT / "main.py")
    whole = compiler.compile_text(core, build.reduce(found)["firmware/core.mpy"])
    assert core.stat().st_size < whole.stat().st_size * 0.95


@pytest.mark.parametrize("start", [b"M\x07\x00\x1f", b"M\x06\x2e\x1f", b"import"])
def test_a_file_of_another_kind_is_refused(start):
    with pytest.raises(ValueError, match="version 6"):
        first_lines.keep(start + b"\x00\x00")
