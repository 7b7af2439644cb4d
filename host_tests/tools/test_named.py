"""What APP=, CONFIG=, FLEET= and FIRMWARE= name, as shells hand it over."""

import os
from argparse import Namespace
from pathlib import Path

import pytest

from host_tests.tools.expect import error_line
from tools.commands import config, fleet, new
from tools.image import image
from tools.settings import file
from tools.version import build
from tools.version.application import find_main


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The home of the one who calls, from another folder."""
    home = tmp_path / "home"
    here = tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    return home


def test_a_tilde_that_the_shell_leaves_is_the_home(home, monkeypatch):
    new.run(Namespace(folder="~/blink"))
    assert list(Path().iterdir()) == []
    assert find_main("~/blink") == home / "blink" / "main.py"
    monkeypatch.setenv("WIFI_SSID", "attic")
    config.run(Namespace(config="~/blink/config.json", host=""))
    assert file.load(home / "blink" / "config.json")["network"]["wifi"][0]["ssid"] == "attic"
    (home / "fleet.toml").write_text("bind = 1")
    assert error_line(fleet.run, Namespace(fleet="~/fleet.toml")).startswith("fleet.toml: bind: 1")


def test_the_home_of_nobody_is_a_file_that_is_not_there(home):
    line = error_line(image.read, "~nobody-at-all/file.bin")
    assert line.startswith("~nobody-at-all/file.bin: No such file or directory; FIRMWARE=")


def test_what_is_to_be_typed_next_can_be_copied_from_a_folder_with_a_space(home, capsys):
    new.run(Namespace(folder="my board"))
    said = capsys.readouterr().out
    assert 'Next: make run APP="my board", then make config and make deploy APP="my board".' in said


def test_a_folder_whose_name_is_not_utf_8_is_built_from(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/k\xfcche"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("names are text here")
    (folder / "main.py").write_text("match 1:\n    case 1:\n        pass\n")
    main = find_main(str(folder))
    line = error_line(lambda: build.build(board=tmp_path / build.folder_of(main).name, main=main))
    assert line.endswith("main.py: mpy-cross refuses it; line 1: SyntaxError: invalid syntax")
