"""What a build keeps for the next one, which then need not reduce the firmware again."""

import errno
import gc
import shutil
import sys
from pathlib import Path

import pytest

from tools.version import build, compiler

PATHS = ("main.py", "lib/microdot/microdot.py", "firmware/log.py", "templates/a.html")


class Builds:
    """Builds of a small version in `folder`; how often it was reduced."""

    def __init__(self, folder):
        self.found = {path: folder / path.replace("/", "-") for path in PATHS}
        for path in ("main.py", "firmware/log.py", "templates/a.html"):
            self.found[path].write_text("")
        microdot = folder / "microdot"
        microdot.mkdir()
        self.found["lib/microdot/microdot.py"] = microdot / "microdot.py"
        (microdot / "microdot.py").write_text("")
        (microdot / "sse.py").write_text("")
        self.count = 0

    def reduce(self, found):
        self.count += 1
        return {"firmware/log.mpy": b"X = %d\n" % self.count, "firmware/gone.mpy": b""}

    def make(self):
        planned = {"main.py": self.found["main.py"], "firmware/log.mpy": self.found["main.py"]}
        return build.compile_reduced(self.found, planned)


@pytest.fixture
def builds(tmp_path, monkeypatch):
    made = Builds(tmp_path)
    monkeypatch.setattr(build, "reduce", made.reduce)
    monkeypatch.setattr(compiler, "KEPT", tmp_path / "kept")
    return made


def test_the_same_files_are_reduced_once(builds):
    first = builds.make()
    assert first.keys() == {"firmware/log.mpy"} and builds.make() == first
    assert builds.count == 1


@pytest.mark.parametrize("path", PATHS)
def test_another_text_of_any_file_is_reduced_anew(builds, path):
    first = builds.make()
    builds.found[path].write_text("x = 1")
    assert builds.make() != first and builds.count == 2


def test_so_is_another_extension_of_microdot_or_one_file_more(builds):
    builds.make()
    (builds.found["lib/microdot/microdot.py"].parent / "sse.py").write_text("x = 1")
    builds.make()
    builds.found["own.mpy"] = builds.found["main.py"]
    builds.make()
    assert builds.count == 3


def test_another_compiler_compiles_anew(builds, monkeypatch):
    first = builds.make()
    monkeypatch.setattr(compiler, "identity", lambda: "another")
    assert builds.make() != first and builds.count == 2


def test_so_does_another_python_whose_trees_may_differ(builds, monkeypatch):
    builds.make()
    monkeypatch.setattr(sys, "version", "another")
    builds.make()
    assert builds.count == 2


def test_the_collector_that_rests_meanwhile_runs_again_whatever_happens(builds, monkeypatch):
    is_running = []

    def fail(found):
        is_running.append(gc.isenabled())
        raise OSError(errno.ENOSPC, "full")

    builds.make()
    assert gc.isenabled()
    monkeypatch.setattr(build, "reduce", fail)
    builds.found["main.py"].write_text("x = 1")
    with pytest.raises(OSError, match="full"):
        builds.make()
    assert gc.isenabled() and is_running == [False]


@pytest.mark.parametrize("suffix", [".mpy", ".json"])
def test_what_was_kept_and_is_gone_or_empty_is_made_anew(builds, suffix):
    builds.make()
    lost = next(path for path in compiler.KEPT.iterdir() if path.suffix == suffix)
    for lose in (lost.unlink, lambda: lost.write_bytes(b"")):
        lose()
        builds.count = 0
        kept = builds.make()
        assert all(path.stat().st_size for path in kept.values()) and builds.count == 1


def test_another_tool_reduces_anew(builds, tmp_path, monkeypatch):
    tools = shutil.copytree(Path(build.__file__).parent, tmp_path / "tools")
    monkeypatch.setattr(build, "__file__", str(tools / "build.py"))
    first = builds.make()
    assert builds.make() == first and builds.count == 1
    (tools / "names.py").write_text("")
    assert builds.make() != first and builds.count == 2


def test_where_the_output_of_the_compiler_is_text_it_writes_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(compiler, "KEPT", tmp_path / "kept")
    here = compiler.compile_text(tmp_path / "main.py", b"x = 1").read_bytes()
    monkeypatch.setattr(compiler, "KEPT", tmp_path / "windows")
    monkeypatch.setattr(compiler, "_IS_OUTPUT_TEXT", True)
    there = compiler.compile_text(tmp_path / "main.py", b"x = 1")
    assert there.read_bytes() == here


def test_what_a_full_disk_has_no_room_for_is_not_kept(tmp_path, monkeypatch):
    write_bytes = Path.write_bytes

    def write(path, content):
        if path.suffix == ".mpy":
            write_bytes(path, content[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, content)

    monkeypatch.setattr(compiler, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(OSError, match="No space left"):
        compiler.compile_text(tmp_path / "main.py", b"x = 1")
    assert list((tmp_path / "kept").iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setattr(compiler, "KEPT", tmp_path / "kept")
    assert compiler.compile_text(tmp_path / "main.py", b"x = 1").read_bytes()[:1] == b"M"
