"""Deploying onto a board whose image has httpd32 and Microdot frozen in."""

import subprocess
import sys

import pytest

from host_tests.serial.board import unpack_flash
from host_tests.tools.sample_version import MAIN, make_sources, read_flash
from tools.board import startup
from tools.board.console import Console
from tools.board.mpremote import Remote, script
from tools.checkout import ROOT
from tools.commands import deploy, rollback
from tools.simulator.interpreter import micropython
from tools.terminal import CommandError
from tools.version import build, frozen, inventory, manifest
from tools.version.plan import plan

VERSIONS = {"firmware": "0.1.0", "microdot": "2.7.0"}
FACTS = ["micropython 1.25.0", "mpy 10502", "flash 4096 1048576"]
PACKAGES = {
    "firmware/__init__.py": "__version__ = '0.1.0'\n",
    "lib/microdot/__init__.py": "__version__ = '2.7.0'\n",
    "lib/microdot/microdot.py": "",
}
SAYS = "import firmware\nimport microdot\nprint('runs', firmware.__file__, microdot.__file__)\n"
# Its folder /image is what the board has frozen: last in the path, and asked for as `.frozen`.
BOOT = """
import builtins
import sys
sys.path.append("/image")
def __import__(name, *rest):
    if ".frozen" in sys.path:
        sys.path[:] = ["/image"]
    return builtins.__import__(name, *rest)
"""


def with_packages(folder, **others):
    """A small version with the two packages, and `sse` for another module of Microdot's."""
    sources = make_sources(folder, main=SAYS + MAIN, part="NAME = 'first'\n")
    modules = {f"lib/microdot/{name}.py": text for name, text in others.items()}
    for path, text in (PACKAGES | modules).items():
        sources[path] = folder / path.replace("/", "-")
        sources[path].write_text(text)
    return sources


def freeze(board, tmp_path, **versions):
    """Plays an image with packages of these versions."""
    with Console(board.port) as console, startup.stopped(console):
        remote = Remote(console)
        folders = ["/image", *(f"/image/{name}" for name in versions)]
        remote.run([f"import os\nfor path in {folders}:\n os.mkdir(path)"])
        for name, version in versions.items():
            text = f"__version__ = {version!r}\n"
            (tmp_path / "text").write_text(text)
            remote.send(tmp_path / "text", f"/image/{name}/__init__.py", lambda count: None)
            remote.send(tmp_path / "text", f"/image/{name}/microdot.py", lambda count: None)
        (tmp_path / "boot").write_text(BOOT)
        remote.send(tmp_path / "boot", "/boot.py", lambda count: None)


def test_what_the_image_has_in_the_same_version_stays_away_and_runs(serial_board, tmp_path, capsys):
    sources = with_packages(tmp_path / "sources")
    freeze(serial_board, tmp_path, **VERSIONS)
    start = len(serial_board.console)
    deploy.deploy(serial_board.port, sources, versions=VERSIONS)
    said = "frozen on the board in the same version, not sent: firmware 0.1.0, microdot 2.7.0\n"
    assert said in capsys.readouterr().out
    assert set(read_flash(serial_board, tmp_path)) == set(sources) - set(PACKAGES)
    serial_board.wait_text(b"runs /image/firmware/__init__.py /image/microdot/__init__.py", start)
    deploy.deploy(serial_board.port, sources, versions=VERSIONS)
    assert "runs on the board: nothing to copy\n" in capsys.readouterr().out


def test_what_the_image_has_in_another_version_is_overridden(serial_board, tmp_path, capsys):
    sources = with_packages(tmp_path / "sources")
    freeze(serial_board, tmp_path, firmware="0.0.9", microdot="2.7.0")
    start = len(serial_board.console)
    deploy.deploy(serial_board.port, sources, versions=VERSIONS)
    said = capsys.readouterr().out
    assert "frozen on the board in the same version, not sent: microdot 2.7.0\n" in said
    assert "frozen on the board is firmware 0.0.9; the files that are sent, 0.1.0, come" in said
    serial_board.wait_text(b"runs /httpd32-", start)
    root = unpack_flash(tmp_path / "flash", tmp_path / "unpacked")
    assert [path.parent.name for path in root.glob("httpd32-*/firmware")]
    assert not list(root.glob("httpd32-*/lib"))


def test_the_plan_is_that_of_a_version_without_what_is_frozen(tmp_path):
    sources = with_packages(tmp_path / "sources")
    board = inventory.parse(
        [
            *FACTS,
            "frozen firmware 0.1.0",
            "frozen microdot 2.7.0",
            "frozen microdot.microdot ",
            "complete",
        ]
    )
    left, _ = frozen.leave_out(sources, VERSIONS, board.frozen)
    whole = manifest.add_manifest(left, tmp_path)
    steps = plan(manifest.read(whole), board)
    assert set(steps.sends) == set(whole) and not set(PACKAGES) & set(steps.sends)
    assert steps.folders == [steps.target, f"{steps.target}/app"]
    assert not any(path in whole[manifest.MANIFEST].read_text() for path in PACKAGES)


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"microdot": "2.6.0", "microdot.microdot": ""},
        {"microdot": "", "microdot.microdot": ""},
        {"microdot": "2.7.0"},
    ],
)
def test_a_package_that_is_not_there_whole_and_in_that_version_is_sent(tmp_path, found):
    sources = with_packages(tmp_path / "sources")
    left, lines = frozen.leave_out(sources, VERSIONS, found)
    assert left == sources and len(lines) == len(found and ["one"])


def test_a_version_that_needs_what_the_image_has_no_more_is_not_gone_back_to(tmp_path):
    sources = with_packages(tmp_path / "sources")
    names, versions = [], {}
    for found in ({"firmware": "0.1.0"}, {}):
        left, _ = frozen.leave_out(sources, VERSIONS, found)
        files = manifest.read(manifest.add_manifest(left, tmp_path))
        names.append(manifest.name(files))
        versions[names[-1]] = files
    lines = [f"version {name}" for name in names]
    board = inventory.parse([*FACTS, *lines, "complete"])
    board = board._replace(versions=versions, previous=names[0], current=names[1])
    with pytest.raises(CommandError, match="needs an image with firmware frozen in, as it was"):
        rollback.plan(board)
    assert rollback.plan(board._replace(frozen={"firmware": "0.1.0"})) == names[0]
    assert rollback.plan(board._replace(previous=names[1], current=names[0])) == names[1]


def test_an_extension_that_is_not_frozen_brings_all_of_microdot_along(tmp_path):
    sources = with_packages(tmp_path / "sources", sse="")
    found = {**VERSIONS, "microdot.microdot": ""}
    left, lines = frozen.leave_out(sources, VERSIONS, found)
    assert set(sources) - set(left) == {"firmware/__init__.py"}
    assert lines[1] == "microdot 2.7.0 is frozen on the board without microdot.sse; sent"
    left, lines = frozen.leave_out(sources, VERSIONS, {**found, "microdot.sse": ""})
    assert set(sources) - set(left) == {*PACKAGES, "lib/microdot/sse.py"}
    assert len(lines) == 1


def test_a_board_is_asked_for_what_the_version_has(tmp_path):
    sources = with_packages(tmp_path / "sources", sse="")
    assert frozen.modules(sources) == ["firmware", "microdot", "microdot.microdot", "microdot.sse"]
    assert frozen.modules({"main.py": tmp_path}) == []


def test_the_versions_are_those_of_the_sources_and_an_own_microdot_has_none(tmp_path):
    main = tmp_path / "main.py"
    main.write_text("import microdot.sse\n")
    assert set(build.versions(main)) == {"firmware", "microdot"}
    assert build.versions(main)["firmware"] == frozen.read_version(ROOT / "firmware")
    own = tmp_path / "lib" / "microdot"
    own.mkdir(parents=True)
    for name in ("__init__.py", "microdot.py", "sse.py"):
        (own / name).write_text("")
    assert set(build.versions(main)) == {"firmware"}
    with pytest.raises(CommandError, match="has no __version__"):
        frozen.read_version(own)


def run_script(program, folder, modules):
    """What scripts/frozen.py prints, and the path after it."""
    modules = ["kept", *modules]  # which the flash has, and boot.py might have loaded
    programs = script("frozen", MODULES=modules)
    programs = [each for each in programs if "import binascii" not in each]
    last = "print(sys.path != ['.frozen'], *[each for each in NAMES if each in sys.modules])"
    text = "\n".join(["import kept", f"NAMES = {modules}", *programs, last])
    (folder / "kept.py").write_text("")
    (folder / "script.py").write_text(text)
    done = subprocess.run([*program, "script.py"], cwd=folder, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_the_script_tells_the_version_of_what_is_frozen_and_cleans_up(tmp_path):
    for path, text in PACKAGES.items():
        file = tmp_path / ".frozen" / path.replace("lib/", "")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / ".frozen" / "microdot" / "broken.py").write_text("import microdot.nothing")
    names = ["firmware", "microdot", "microdot.microdot", "microdot.sse", "microdot.broken"]
    lines = run_script([sys.executable], tmp_path, names)
    found = ["frozen firmware 0.1.0", "frozen microdot 2.7.0", "frozen microdot.microdot "]
    assert lines == [*found, "True kept"]


def test_the_script_does_not_take_files_of_the_flash_for_frozen(tmp_path):
    for name in ("firmware", "asyncio"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("__version__ = 'of the flash'\n")
    lines = run_script(micropython("1M"), tmp_path, ["firmware", "asyncio"])
    assert lines == ["frozen asyncio (3, 0, 0)", "True kept"]
