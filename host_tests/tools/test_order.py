"""A module's table of names, whose first ones take a byte in an instruction, the others two."""

import pytest

from tools.checkout import ROOT
from tools.version import build, compiler, order

MANY = "\n".join(f"rare_{number} = {number}" for number in range(200))


@pytest.mark.parametrize(
    "line",
    [
        "x.often = y.often",
        "often = often + 1",
        "isinstance(often, often)",
        "def often(): often()",
        "def f(a, often): g(b, often=1)",
        "class often: a = often",
    ],
)
def test_a_name_that_is_met_again_and_again_comes_first(line):
    text = f"import often\n{MANY}\n{line}\n"
    assert "_.often." in order.put_first(text)


def test_a_variable_of_a_function_is_in_no_table():
    text = f"{MANY}\ndef f(g):\n  inner = 1\n  return inner + inner + inner\n"
    assert ".inner." not in order.put_first(text)


def test_the_lines_stay_and_nobody_asks_for_the_names():
    text = f'"""A text,\nand more."""\n{MANY}\ndef f(**names): return dict(**names)\n'
    put = order.put_first(text)
    assert put.endswith(text) and put.count("\n") == text.count("\n")
    names = {"__name__": "module"}
    exec(put, names)
    assert names["rare_7"] == 7


def test_a_module_with_few_names_stays_as_it_is():
    text = "import often\nx.often = y.often\n"
    assert order.put_first(text) == text


@pytest.mark.parametrize("first", ["if 1: x = 1", "def f(): pass", "@property\ndef f(): pass"])
def test_a_module_that_begins_with_a_block_stays_as_it_is(first):
    assert order.put_first(f"{first}\n{MANY}\n") == f"{first}\n{MANY}\n"


def test_annotations_count_for_nothing_and_each_name_is_one_that_an_attribute_may_have():
    annotated = "def f(a: often) -> often: b: often = 1\n" * 3
    put = order.put_first(f"import often\n{MANY}\nprint(__debug__)\n{annotated}")
    assert ".often." not in put.split(".rare_1.")[0]
    compile(put, "module", "exec")


def test_the_one_module_of_the_firmware_gets_shorter_by_what_is_put_before_it(tmp_path):
    found = build.sources(ROOT, build.find_microdot(), ROOT / "main.py")
    text = build.reduce(found)["firmware/core.mpy"]
    first, separator, rest = text.partition(b"; ")
    assert separator and first.startswith(b"__name__ or ")
    put, plain = (
        compiler.compile_text(tmp_path / "core.py", each).stat().st_size for each in (text, rest)
    )
    assert put < plain - 500
