"""README tells the truth."""

import json
import re

from firmware.config import SETTINGS, check
from firmware.ethernet_boards import BOARDS
from host_tests.blackbox.board import Board
from tools.checkout import ROOT

README = (ROOT / "README.md").read_text()


def test_the_application_in_readme_works_when_pasted(runtime, tmp_path):
    (tmp_path / "main.py").write_text(re.search(r"```python\n(.*?)```", README, re.S)[1])
    board = Board(runtime, tmp_path)
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


def test_the_table_of_settings_is_that_of_the_validator():
    for key, default, _, text in SETTINGS:
        row = f"| `{key}` | `{json.dumps(default)}` | "
        assert any(
            line.startswith(row) and line.endswith(f" | {text} |") for line in README.split("\n")
        )


def test_every_ethernet_board_is_listed():
    listed = README.replace("\n  ", " ")
    assert [board for board in BOARDS if board not in listed] == []


def test_every_configuration_in_readme_is_right():
    examples = re.findall(r"^    (\{.*\})$", README, re.M)
    assert len(examples) > 5
    for example in map(json.loads, examples):
        is_whole = "network" in example or "server" in example
        check(example if is_whole else {"network": {"ethernet": example}})


def test_every_make_target_in_readme_exists():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make (\w+)", README)):
        assert f"\n{target}:" in makefile, target


def test_every_test_that_the_parity_page_names_exists():
    page = (ROOT / "docs" / "esp_http_server.md").read_text()
    tests = "\n".join(path.read_text() for path in (ROOT / "host_tests").rglob("test_*.py"))
    names = set(re.findall(r"`(test_\w+)`", page))
    assert len(names) > 30
    assert [name for name in names if f"def {name}(" not in tests] == []
