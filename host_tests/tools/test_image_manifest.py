"""firmware/manifest.py, which MicroPython's build of an image executes."""

from types import SimpleNamespace

import pytest

from tools.checkout import ROOT
from tools.version import build

MANIFEST = ROOT / "firmware" / "manifest.py"


def execute(monkeypatch, **given):
    """As tools/manifestfile.py does, in the manifest's folder; package to what is asked for."""
    found = {}

    def package(path, files=None, base_path="."):
        found[path] = (files, base_path)

    options = SimpleNamespace(**given)
    options.defaults = lambda **values: options.__dict__.update({**values, **given})
    monkeypatch.chdir(MANIFEST.parent)
    exec(MANIFEST.read_text(), {"package": package, "options": options})
    return found


def test_an_image_gets_all_of_the_firmware_and_of_microdot_what_a_board_can_use(monkeypatch):
    site = build.find_microdot().parent
    found = execute(monkeypatch, microdot=str(site))
    built = build.sources(ROOT, site / "microdot", ROOT / "main.py")
    names = {path[len("firmware/") : -3] for path in built if path.startswith("firmware/")}
    files, base = found["firmware"]
    assert {name[:-3] for name in files} == names and base == ".."
    files, base = found["microdot"]
    assert {"__init__.py", "microdot.py", "sse.py", "websocket.py"} <= set(files)
    assert "wsgi.py" not in files and base == str(site)


def test_a_microdot_that_is_not_there_is_one_line(monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match="Microdot is not there: make build, or include"):
        execute(monkeypatch, microdot=str(tmp_path))


def test_the_manifest_itself_goes_nowhere():
    built = build.plan(ROOT, build.find_microdot(), ROOT / "main.py")
    assert "firmware/core.mpy" in built and "firmware/manifest.mpy" not in built
