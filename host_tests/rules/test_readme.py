"""README and docs/ tell the truth."""

import ast
import json
import re
import subprocess

import pytest

from firmware import metrics, slots
from firmware.config import SETTINGS, check
from firmware.config.ethernet_boards import BOARDS
from firmware.status import _NAMES
from host_tests.blackbox.board import Board
from host_tests.rules.test_house import IMPORTS
from tools.checkout import ROOT
from tools.commands.config import VARIABLES

README = (ROOT / "README.md").read_text()
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
PAGES.append(ROOT / "host_tests" / "README.md")


def read(name):
    return (ROOT / "docs" / f"{name}.md").read_text()


def test_the_application_in_readme_works_when_pasted(runtime, tmp_path):
    (pasted,) = re.findall(r"```python\n(.*?)```", README, re.S)
    board = Board(runtime, tmp_path, main=pasted)
    try:
        with board.connect() as slow, board.connect() as client:
            slow.send("GET", "/slow")
            board.wait_line("invoking /slow")
            assert client.request("GET", "/hello").text == "Hello!\n"
        mark = board.wait_line("uri: /hello")
        with board.connect(timeout_s=30) as client:  # it takes 10 s
            assert client.request("GET", "/slow?again").text == "Done.\n"
        assert board.wait_line("invoking /slow", mark)
    finally:
        board.stop()


def test_the_route_in_the_page_on_memory_works_when_pasted(runtime, tmp_path):
    (pasted,) = re.findall(r"```python\n(.*?)```", read("memory"), re.S)
    board = Board(runtime, tmp_path, main=pasted)
    try:
        with board.connect() as client:
            seen = json.loads(client.request("GET", "/mem").text)
    finally:
        board.stop()
    assert seen["heap_in_use"] > 0
    assert set(seen) == {"heap_in_use", "pool_free", "pool_largest"}


def rows_of(page, column):
    """Of the table with that heading in its second or third column: name to the cell below it."""
    (table,) = re.findall(rf"^\|[^\n]*\| {column} \|[^\n]*\n((?:\|.*\n)+)", read(page), re.M)
    heading = re.search(rf"^\|[^\n]*\| {column} \|", read(page), re.M).group()
    at = heading.strip("| ").split(" | ").index(column)
    rows = [row.strip("| ").split(" | ") for row in table.splitlines()[1:]]
    return {row[0].strip("`"): row[at] for row in rows}


def test_the_import_table_is_that_of_the_house():
    cells = rows_of("architecture", "imports of ours")
    assert {name: set(re.findall(r"`([\w.]+)`", cell)) for name, cell in cells.items()} == IMPORTS


def test_what_the_architecture_calls_a_method_is_one():
    named = set(re.findall(r"`(\w+)\.(\w+)\(\)`", read("architecture")))
    there = set()
    for path in (ROOT / "firmware").rglob("*.py"):
        for owner in ast.walk(ast.parse(path.read_text())):
            if isinstance(owner, (ast.Module, ast.ClassDef)):
                name = getattr(owner, "name", path.stem)
                there |= {(name, getattr(each, "name", None)) for each in owner.body}
    assert named and named <= there, named - there


def test_the_table_of_states_is_that_of_the_slots():
    cells = rows_of("architecture", "may be followed by")
    states = sorted(cells, key=lambda name: getattr(slots, name))
    assert [getattr(slots, name) for name in states] == list(range(len(slots._SUCCESSORS)))
    for name, successors in zip(states, slots._SUCCESSORS, strict=True):
        allowed = {each for each in states if successors >> getattr(slots, each) & 1}
        assert set(cells[name].split(", ")) == allowed, name


def test_the_table_of_settings_is_that_of_the_validator():
    lines = read("configuration").split("\n")
    for key, default, _, text in SETTINGS:
        row = f"| `{key}` | `{json.dumps(default)}` | "
        assert any(line.startswith(row) and line.endswith(f" | {text} |") for line in lines), key


def test_the_table_of_the_status_names_each_value_and_its_metric():
    names = _NAMES.split()
    section = read("status").partition("|---|---|---|\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)`[^|]*\|(?: `([^`{]+)[^|]*)?", section, re.M)
    assert [row[0] for row in rows] == names[: names.index("requests.1xx") + 1]
    for index, (_, metric) in enumerate(rows):
        values: list = [None] * len(names)
        values[index] = 1
        lines = "".join(metrics.tell(names, values)).splitlines()[3:]  # behind `httpd32_info`
        told = [re.split("[{ ]", line)[0] for line in lines if line[0] != "#"]
        assert told == (["httpd32_" + metric] if metric and metric != "info" else [])


def test_every_ethernet_board_is_listed():
    listed = read("ethernet").replace("\n  ", " ")
    assert [board for board in BOARDS if board not in listed] == []


@pytest.mark.parametrize(("page", "count"), [("configuration", 3), ("ethernet", 3)])
def test_every_configuration_is_right(page, count):
    examples = re.findall(r"^    (\{.*\})$", read(page), re.M)
    assert len(examples) >= count
    for example in map(json.loads, examples):
        is_whole = "network" in example or "server" in example
        check(example if is_whole else {"network": {"ethernet": example}})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_make_command_is_one_that_make_takes(page):
    makefile = (ROOT / "Makefile").read_text()
    known = {*re.findall(r"^(\w+) \?=", makefile, re.M), *VARIABLES.values()}
    commands = re.findall(
        r"^    (.*\bmake\b.*?)(?: {2,}.*)?$|`([^`\n]*\bmake [^`\n]*)`", page.read_text(), re.M
    )
    for command in (block or inline for block, inline in commands):
        assert set(re.findall(r"\b([A-Z_]{3,})=", command)) <= known, command
        line = re.sub(r"\b(make\b)", r"\1 --dry-run", command)
        done = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_to_a_file(page):
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_every_test_that_the_parity_page_names_exists():
    page = (ROOT / "docs" / "esp_http_server.md").read_text()
    tests = "\n".join(path.read_text() for path in (ROOT / "host_tests").rglob("test_*.py"))
    names = set(re.findall(r"`(test_\w+)`", page))
    assert len(names) > 30
    assert [name for name in names if f"def {name}(" not in tests] == []


def complaints():
    """Of each warning and error that `firmware/` logs: the longest text between what is filled in;
    after a semicolon it says itself what to do.
    """
    for path in sorted((ROOT / "firmware").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("warning", "error", "exception")
                and isinstance(node.args[0], ast.Constant)
            ):
                text = str(node.args[0].value).partition("; ")[0]
                yield max(re.split(r"%[sd]", text), key=len).strip(" :,")


def test_every_warning_and_error_is_in_a_page():
    pages = " ".join(page.read_text() for page in PAGES)
    wanted = set(complaints())
    assert "\n".join(text for text in wanted if text not in pages) == ""
    assert len(wanted) > 20
