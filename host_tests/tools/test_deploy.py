"""Deploying, with the real mpremote, onto a board that is played here."""

import hashlib
import json
import re
import subprocess
import sys

import pytest

import harness
from boards import find_port
from client import Client
from serial_board import SerialBoard, format_flash, unpack_flash
from tools import build, deploy, inventory, remote, rollback, startup, terminal, version
from tools.deploy_plan import plan
from tools.remote import Remote
from tools.terminal import Refused

# pyserial does not close its socket if the other end has gone before.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
# Says what the tool waits for, and then waits for Ctrl-C, as httpd32 does.
MAIN = """
import asyncio
import part
print("I (1) httpd32: IPv4 address: 127.0.0.1,")
print("I (2) httpd32: Starting server on port: '9'")
print("I (3) httpd32: Registering URI handlers")
try:
    asyncio.run(asyncio.Event().wait())
except KeyboardInterrupt:
    print("main ends", part.NAME)
"""


@pytest.fixture
def board(tmp_path):
    # A pseudo-terminal: the sockets of pyserial are slower.
    with SerialBoard(format_flash(tmp_path / "flash"), is_pty=True) as started:
        yield started


@pytest.fixture
def sources(tmp_path):
    return make_sources(tmp_path / "sources", part="NAME = 'first'\n")


def make_sources(folder, main=MAIN, **modules):
    """A small version: path on the board to file."""
    folder.mkdir(exist_ok=True)
    texts = {"boot.py": "", "main.py": main, "config.json": "{}", "app/page.html": "x" * 3000}
    texts.update({f"{name}.py": text for name, text in modules.items()})
    sources = {}
    for path, text in texts.items():
        sources[path] = folder / path.replace("/", "-")
        sources[path].write_text(text)
    return sources


def read_flash(board, tmp_path, was_cut=False):
    """What the board runs, path to content: as main.py and the manifest say, each file checked."""
    root = unpack_flash(tmp_path / "flash", tmp_path / f"unpacked-{board.byte_count}")
    main = (root / "main.py").read_text()
    folder = root / re.search(r'^CURRENT = "/(.*)"', main, re.M)[1]
    manifest = (folder / "manifest").read_text()
    assert hashlib.sha256(manifest.encode()).hexdigest()[:8] == folder.name[8:16]
    files = {}
    for line in manifest.splitlines():
        digest, path = line.split(" ", 1)
        files[path] = (folder / path).read_bytes()
        assert hashlib.sha256(files[path]).hexdigest() == digest, path
    assert was_cut or not list(root.rglob("*.new"))
    return files


def contents(sources):
    return {path: file.read_bytes() for path, file in sources.items()}


def versions(board, tmp_path):
    root = unpack_flash(tmp_path / "flash", tmp_path / f"versions-{board.byte_count}")
    return sorted(path.name for path in root.glob("httpd32-*"))


def test_make_deploy_brings_httpd32_onto_an_empty_board_and_it_serves(board, tmp_path):
    port = find_port()
    harness.write_config(tmp_path, {}, str(port))
    line = [sys.executable, "-m", "tools.deploy", "--port", board.port]
    line += ["--config", str(tmp_path / "config.json")]
    done = subprocess.run(line, cwd=harness.ROOT, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"\n\d+ files sent, \d+ bytes, in \d+\.\d s\n", done.stdout), done.stdout
    assert re.search(r"\nI \(\d+\) httpd32: IPv4 address: 127.0.0.1,\n", done.stdout)
    assert f"\nhttp://127.0.0.1:{port}/\n/quick answers 200 in " in done.stdout
    with Client("127.0.0.1", port) as client:
        assert client.request("GET", "/quick").status == 200
    names = {path for path in build.plan(build.ROOT, build.find_microdot(), build.ROOT / "main.py")}
    assert set(read_flash(board, tmp_path)) == names | {"config.json"}


def test_a_second_deploy_copies_nothing_and_leaves_the_board_running(board, sources, capsys):
    deploy.deploy(board.port, sources)
    first = board.byte_count
    start = len(board.console)
    deploy.deploy(board.port, sources)
    assert "runs on the board: nothing to copy\n" in capsys.readouterr().out
    assert board.byte_count - first < first * 0.7
    ended = board.wait_text(b"main ends first", start)
    assert board.wait_text(b"Registering URI handlers", ended)


def test_only_what_changed_is_sent_and_the_oldest_version_goes(board, sources, tmp_path, capsys):
    for text in ("NAME = 'first'\n", "NAME = 'second'\n", "NAME = 'third'\n"):
        sources["part.py"].write_text(text)
        deploy.deploy(board.port, sources)
    said = capsys.readouterr().out
    assert "to send 6 files" in said
    assert said.count("to send 2 files") == 2 and said.count("the board has 4 files") == 2
    assert said.count("to remove: httpd32-") == 1
    assert read_flash(board, tmp_path) == contents(sources)
    assert len(versions(board, tmp_path)) == 2


def test_a_file_that_is_gone_here_is_gone_there(board, sources, tmp_path):
    deploy.deploy(board.port, sources)
    del sources["app/page.html"]
    deploy.deploy(board.port, sources)
    assert read_flash(board, tmp_path) == contents(sources)


def test_rollback_goes_back_and_forth(board, sources, tmp_path, capsys):
    deploy.deploy(board.port, sources)
    first = contents(sources)
    sources["part.py"].write_text("NAME = 'second'\n")
    deploy.deploy(board.port, sources)
    rollback.rollback(board.port)
    assert "they differ in part.py\n" in capsys.readouterr().out
    assert read_flash(board, tmp_path) == first
    rollback.rollback(board.port)
    assert read_flash(board, tmp_path) == contents(sources)


def test_a_dry_run_changes_nothing_and_leaves_the_board_running(board, sources, tmp_path, capsys):
    deploy.deploy(board.port, sources)
    first = contents(sources)
    sources["part.py"].write_text("NAME = 'second'\n")
    start = len(board.console)
    deploy.deploy(board.port, sources, dry_run=True)
    assert "to send 2 files" in capsys.readouterr().out
    board.wait_text(b"Registering URI handlers", start)
    assert read_flash(board, tmp_path) == first


def test_ctrl_c_leaves_a_prompt_at_which_main_can_be_imported_again_and_again(board, sources):
    deploy.deploy(board.port, sources)
    console = startup.Board(board.port)
    console.restart()
    for _ in range(3):
        start = len(board.console)
        console._type((b"import main\r", b"import main"))
        start = board.wait_text(b"Registering URI handlers", start)
        console._console.write(b"\x03")
        start = board.wait_text(b"main ends first", start)
        board.wait_text(b">>> ", start)
    console.close()


def test_a_main_of_the_users_own_is_kept_and_comes_back(board, sources, tmp_path, capsys):
    own = tmp_path / "main.py"
    own.write_text("print('my own')\n")
    line = [sys.executable, "-m", "mpremote", "connect", board.port, "cp", str(own), ":main.py"]
    subprocess.run(line, check=True, timeout=60)
    deploy.deploy(board.port, sources)
    assert re.search("own main.py is kept as main-[0-9a-f]{8}.py\n", capsys.readouterr().out)
    rollback.rollback(board.port)
    board.wait_text(b"my own", 0)
    root = unpack_flash(tmp_path / "flash", tmp_path / "unpacked")
    assert (root / "main.py").read_text() == "print('my own')\n"


def test_a_board_without_room_says_so_and_runs_what_it_ran(sources, tmp_path):
    with SerialBoard(format_flash(tmp_path / "flash", 40 * 4096), is_pty=True) as board:
        deploy.deploy(board.port, sources)
        first = contents(sources)
        sources["app/page.html"].write_text("y" * 40 * 4096)
        start = len(board.console)
        with pytest.raises(Refused, match=r"too full: this needs \d+ bytes and \d+ are free; "):
            deploy.deploy(board.port, sources)
        board.wait_text(b"Registering URI handlers", start)
        assert read_flash(board, tmp_path) == first


def test_a_line_that_loses_the_first_bytes_of_each_connection_does(sources, tmp_path):
    with SerialBoard(format_flash(tmp_path / "flash"), swallows=3) as board:
        deploy.deploy(board.port, sources)
        assert read_flash(board, tmp_path) == contents(sources)


def test_a_board_whose_reset_takes_longer_than_mpremote_waits_does(sources, tmp_path):
    boot = tmp_path / "boot.py"
    boot.write_text("import time\ntime.sleep(15)\n")
    with SerialBoard(format_flash(tmp_path / "flash")) as board:
        line = [sys.executable, "-m", "mpremote", "connect", board.port]
        subprocess.run([*line, "cp", str(boot), ":boot.py"], check=True, timeout=60)
        deploy.install(board.port, sources)
        assert read_flash(board, tmp_path) == contents(sources)


def test_a_board_that_wants_long_for_its_prompt_shows_that_it_is_waited_for(monkeypatch, capsys):
    monkeypatch.setattr(deploy, "_PROMPT_LIMIT_S", 3)
    monkeypatch.setattr(terminal, "_REPEAT_S", 0.5)
    with SerialBoard() as board, pytest.raises(Refused):
        deploy.wait_prompt(board.port)
    assert "waiting for the board's prompt ... 3 s\n" in capsys.readouterr().out


def test_a_large_file_on_a_slow_line_is_waited_for_and_shows_how_far_it_is(
    sources, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(remote, "_SILENCE_S", 5)
    monkeypatch.setattr(terminal, "_QUIET_S", 0)
    monkeypatch.setattr(terminal, "_REPEAT_S", 0)
    sources["app/page.html"].write_text("x" * 30000)
    with SerialBoard(format_flash(tmp_path / "flash"), baud=38400) as board:
        deploy.wait_prompt(board.port)
        deploy.install(board.port, sources)
    shown = re.findall(r"^copying \.\.\. (\d+)%$", capsys.readouterr().out, re.M)
    assert len(set(shown)) > 20 and shown == sorted(shown, key=int), shown


def test_what_arrives_otherwise_than_it_was_sent_is_not_activated(board, sources, tmp_path):
    deploy.deploy(board.port, sources)
    first = contents(sources)
    sources["part.py"].write_text("NAME = 'second'\n")
    deploy.wait_prompt(board.port)
    whole = version.add_manifest(sources, tmp_path)
    steps = plan(version.read(whole), inventory.read(Remote(board.port)))
    sources["part.py"].write_text("NAME = 'third'\n")
    with pytest.raises(Refused, match="something else than was sent; make deploy once more"):
        deploy.carry_out(steps, whole, board.port)
    assert read_flash(board, tmp_path) == first


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (b"", "the board does not answer; press its reset button"),
        (b"AT\r\nERROR\r\n", "something answers, but not MicroPython; make flash"),
        (b"\xfe\x81\x00\xff", "something answers, but not MicroPython; make flash"),
        (b"rst:0x10 (RTCWDT_RTC_RESET)\r\n", "the board restarts again and again; make flash"),
        (b"rst:0x1 \r\nwaiting for download\r\n", "its bootloader; press its reset button"),
    ],
    ids=["silent", "another", "noise", "resets", "bootloader"],
)
def test_a_board_without_micropython_is_one_line(says, reason, sources, monkeypatch):
    monkeypatch.setattr(deploy, "_PROMPT_LIMIT_S", 2)
    with SerialBoard(says=says, every_s=0.3) as board, pytest.raises(Refused) as refused:
        deploy.deploy(board.port, sources)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("import machine\nmachine.reset()\n", "The board restarts again and again"),
        ("1/0\n", r"main.py fails on the board: ZeroDivisionError: .* \(part.py, line 1\)"),
        ("NAME = 1\nraise SystemExit\n", "The board restarts again and again"),
    ],
)
def test_an_application_that_does_not_start_is_one_line(tmp_path, part, reason, monkeypatch):
    monkeypatch.setattr(startup.run, "__defaults__", (False, 5.0))
    sources = make_sources(tmp_path / "sources", part="NAME = 1\n")
    # A socket: a pseudo-terminal stays locked while the board, a child of this process, starts.
    with SerialBoard(format_flash(tmp_path / "flash")) as board:
        deploy.deploy(board.port, sources)
        sources["part.py"].write_text(part)
        with pytest.raises(Refused, match=reason):
            deploy.deploy(board.port, sources)
        rollback.rollback(board.port)
        assert read_flash(board, tmp_path)["part.py"] == b"NAME = 1\n"


def test_a_board_whose_log_is_hidden_is_not_waited_for_long(board, sources, monkeypatch, capsys):
    sources["part.py"].write_text("import asyncio\nasyncio.run(asyncio.Event().wait())\n")
    monkeypatch.setattr(startup, "_QUIET_LIMIT_S", 2)
    deploy.deploy(board.port, sources, is_quiet=True)
    assert "its log.level hides its address" in capsys.readouterr().out
    with pytest.raises(Refused, match="The board has said nothing for 2 s; make monitor"):
        startup.run(board.port, limit_s=2)


def test_a_version_whose_log_is_hidden_is_rolled_back_to_and_not_waited_for_long(
    board, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(startup, "_QUIET_LIMIT_S", 2)
    mute = make_sources(tmp_path / "mute", "import asyncio\nasyncio.run(asyncio.Event().wait())\n")
    mute["config.json"].write_text('{"log": {"level": "error"}}')
    deploy.deploy(board.port, mute, is_quiet=True)
    deploy.deploy(board.port, make_sources(tmp_path / "loud", part="NAME = 1\n"))
    capsys.readouterr()
    rollback.rollback(board.port)
    assert "its log.level hides its address" in capsys.readouterr().out


def test_a_board_without_its_network_is_one_line(board, sources):
    sources["part.py"].write_text(
        "import asyncio\nprint('I (1) httpd32: connecting to home')\n"
        "asyncio.run(asyncio.Event().wait())\n"
    )
    deploy.wait_prompt(board.port)
    deploy.install(board.port, sources)
    with pytest.raises(Refused, match="The board has no network after 2 s; is the network there,"):
        startup.run(board.port, limit_s=2)


def test_a_board_that_starts_slowly_has_its_time_for_the_network_as_well(board, sources, capsys):
    sources["part.py"].write_text(
        "import time\ntime.sleep(4)\nprint('I (1) httpd32: Wi-Fi home: connecting')\n"
        "time.sleep(4)\nNAME = 1\n"
    )
    deploy.wait_prompt(board.port)
    deploy.install(board.port, sources)
    startup.run(board.port, limit_s=6)
    assert "\nhttp://127.0.0.1:9/\n" in capsys.readouterr().out


def test_a_line_that_is_lost_while_the_board_starts_is_one_line(sources, tmp_path, monkeypatch):
    monkeypatch.setattr(startup, "_AWAY_S", 1)
    with SerialBoard(format_flash(tmp_path / "flash")) as board:
        deploy.wait_prompt(board.port)
        deploy.install(board.port, sources)
        board.cut_after(300)
        with pytest.raises(Refused, match="has gone; the board runs the new version"):
            startup.run(board.port)


def test_a_port_that_goes_away_with_a_reset_and_comes_back_is_followed(
    sources, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(startup, "_QUIET_S", 1)
    with SerialBoard(format_flash(tmp_path / "flash"), hangs_up=True) as board:
        deploy.deploy(board.port, sources)
    assert "\nI (3) httpd32: Registering URI handlers\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "config.json is missing: the board would find no network; make config"),
        ("{}", 'config.json: network.wifi[0].ssid: "" is not allowed; the name of a network; '),
        ("{", "config.json: not JSON; "),
        ('{"log": {"level": 1}}', "config.json: log.level: 1 is not allowed; "),
    ],
    ids=["missing", "no network", "not JSON", "wrong"],
)
def test_a_config_that_will_not_do_is_refused_before_the_board_is_touched(tmp_path, text, reason):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    line = [sys.executable, "-m", "tools.deploy", "--config", str(tmp_path / "config.json")]
    line += ["--port", "socket://127.0.0.1:1"]
    done = subprocess.run(line, cwd=harness.ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(reason) and done.stderr.count("\n") == 1


def test_a_port_where_nothing_is_is_one_line(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"network": {"wifi": [{"ssid": "home"}]}}))
    port = f"socket://127.0.0.1:{find_port()}"
    for tool in (["tools.deploy", "--config", str(config)], ["tools.rollback"], ["tools.monitor"]):
        line = [sys.executable, "-m", *tool, "--port", port]
        done = subprocess.run(line, cwd=harness.ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and done.stderr.startswith(f"{port} does not answer (")
        assert done.stderr.count("\n") == 1
