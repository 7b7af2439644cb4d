"""The page that shows a board's status: readable in the checkout, compressed on the board."""

import gzip
import re

from tools.checkout import ROOT
from tools.simulator import harness
from tools.version import build

PAGE = ROOT / "firmware" / "status.html"
NAME = "status.html.gz"
MAX_LEN = 6 * 1024


def test_a_board_gets_it_compressed_and_it_is_6_kb_at_most(tmp_path):
    content = (build.build(board=tmp_path / "board") / NAME).read_bytes()
    assert gzip.decompress(content) == PAGE.read_bytes()
    assert len(content) <= MAX_LEN


def test_the_same_page_is_the_same_bytes(tmp_path):
    first = (build.build(board=tmp_path / "one") / NAME).read_bytes()
    assert (build.build(board=tmp_path / "two") / NAME).read_bytes() == first


def test_cpython_serves_the_same():
    files = {runtime: harness.sources(runtime)[NAME] for runtime in harness.RUNTIMES}
    assert files["cpython"].read_bytes() == files["micropython"].read_bytes()


def test_it_takes_nothing_from_elsewhere():
    assert re.findall(r"\b(?:https?:)?//\w|@import|url\(", PAGE.read_text()) == []
    assert set(re.findall(r"(?:src|href)=\"(.*?)\"", PAGE.read_text())) == {"data:,"}


def test_an_image_that_has_the_firmware_frozen_still_gets_the_page(tmp_path):
    main = tmp_path / "main.py"
    main.write_text("from firmware import run\nrun()\n")
    assert NAME in build.plan(ROOT, build.find_microdot(), main)
    assert not NAME.startswith("firmware/")
