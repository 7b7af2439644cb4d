"""What a deploy shows while the board starts, and makes of a board that does not."""

import subprocess
import sys
import time

import pytest

import firmware
from host_tests.blackbox.deployed import bring
from host_tests.ports import reserve_port
from host_tests.serial.board import SerialBoard, format_flash
from host_tests.tools.sample_version import MAIN, make_sources, read_flash, versions
from tools.board import startup
from tools.board.console import Console
from tools.checkout import ROOT
from tools.commands import deploy, rollback
from tools.simulator import harness
from tools.terminal import CommandError
from tools.version import install


def test_ctrl_c_leaves_a_prompt_at_which_main_can_be_imported_again_and_again(
    serial_board, sources
):
    deploy.deploy(serial_board.port, sources)
    with Console(serial_board.port) as console:
        for _ in range(3):
            assert console.ask(20).version
            start = len(serial_board.console)
            console.write(b"import main\r")
            start = serial_board.wait_text(b"Registering URI handlers", start)
            console.write(b"\x03")
            start = serial_board.wait_text(b"main ends first", start)
            serial_board.wait_text(b">>> ", start)


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
        with pytest.raises(CommandError, match=reason):
            deploy.deploy(board.port, sources)
        rollback.rollback(board.port)
        assert read_flash(board, tmp_path)["part.py"] == b"NAME = 1\n"
        assert len(versions(board, tmp_path)) == 1


def test_a_board_whose_log_is_hidden_is_not_waited_for_long(
    serial_board, sources, monkeypatch, capsys
):
    sources["part.py"].write_text("import asyncio\nasyncio.run(asyncio.Event().wait())\n")
    monkeypatch.setattr(startup, "_QUIET_LIMIT_S", 2)
    deploy.deploy(serial_board.port, sources, is_quiet=True)
    assert "its log.level hides its address" in capsys.readouterr().out
    with pytest.raises(CommandError, match="The board has said nothing for 2 s; make monitor"):
        startup.run(Console(serial_board.port), limit_s=2)


def test_a_version_whose_log_is_hidden_is_rolled_back_to_and_not_waited_for_long(
    serial_board, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(startup, "_QUIET_LIMIT_S", 2)
    mute = make_sources(tmp_path / "mute", "import asyncio\nasyncio.run(asyncio.Event().wait())\n")
    mute["config.json"].write_text('{"log": {"level": "error"}}')
    deploy.deploy(serial_board.port, mute, is_quiet=True)
    deploy.deploy(serial_board.port, make_sources(tmp_path / "loud", part="NAME = 1\n"))
    capsys.readouterr()
    rollback.rollback(serial_board.port)
    assert "its log.level hides its address" in capsys.readouterr().out


def test_a_board_without_its_network_is_one_line(serial_board, sources):
    sources["part.py"].write_text(
        "import asyncio\nprint('I (1) httpd32: connecting to home')\n"
        "asyncio.run(asyncio.Event().wait())\n"
    )
    bring(serial_board.port, sources)
    with pytest.raises(CommandError, match="The board has no network after 2 s; is the network"):
        startup.run(Console(serial_board.port), limit_s=2)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("I (1) httpd32: Ethernet has started", "no Ethernet cable is plugged in; plug one in, "),
        (
            "E (1) httpd32: Ethernet does not start: x; put network.ethernet right, then reset",
            "Ethernet does not start: x; make config, then make deploy",
        ),
    ],
)
def test_ethernet_that_says_no_more_is_not_waited_for_long(
    serial_board, sources, line, reason, monkeypatch
):
    monkeypatch.setattr(startup, "_ETHERNET_LIMIT_S", 1)
    sources["part.py"].write_text(
        f"import asyncio\nprint({line!r})\nasyncio.run(asyncio.Event().wait())\n"
    )
    bring(serial_board.port, sources)
    for is_quiet in (False, True):
        with pytest.raises(CommandError, match=f"^The board has no network: {reason}"):
            startup.run(Console(serial_board.port), is_quiet)


def test_wifi_that_follows_on_ethernet_is_waited_for(serial_board, sources, monkeypatch):
    monkeypatch.setattr(startup, "_ETHERNET_LIMIT_S", 1)
    sources["part.py"].write_text(
        "import time\nprint('I (1) httpd32: Ethernet has started')\n"
        "print('W (2) httpd32: Ethernet has no address; falling back to Wi-Fi')\ntime.sleep(2)\n"
    )
    bring(serial_board.port, sources)
    startup.run(Console(serial_board.port))


WITHOUT_QUICK = """
from firmware import run
from microdot import Microdot
run(Microdot())
"""


def deploy_application(board, folder, main, config=None, port=None):
    """As `make deploy APP=`, of an application that is the text `main`."""
    folder.mkdir()
    (folder / "main.py").write_text(main)
    harness.write_config(folder, config or {}, str(port or reserve_port()))
    line = [sys.executable, "-m", "tools", "deploy", "--port", board.port, "--app", str(folder)]
    line += ["--config", str(folder / "config.json")]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=100)


def test_an_application_without_quick_is_no_failure(serial_board, tmp_path):
    done = deploy_application(serial_board, tmp_path / "app", WITHOUT_QUICK)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nIt answers in " in done.stdout and "404" not in done.stdout


def test_a_server_that_is_busy_from_the_start_is_told_and_why_that_may_be(serial_board, tmp_path):
    route = "app = Microdot()\napp.get('/quick')(lambda request: ('busy', 503))\nrun(app)"
    main = WITHOUT_QUICK.replace("run(Microdot())", route)
    done = deploy_application(serial_board, tmp_path / "app", main)
    assert done.returncode == 0
    assert "\nwith 503, it is busy: the application may need too much" in done.stdout


def test_the_heap_grows_before_the_application_loads_anything(serial_board, tmp_path):
    early = "import sys\nprint('grown for', sys.modules['firmware']._grown[0])\n"
    deploy_application(serial_board, tmp_path / "app", early + WITHOUT_QUICK)
    assert b"grown for %d\r\n" % firmware.pool_len in serial_board.console


@pytest.mark.parametrize("level", ["info", "warning"])
def test_a_network_that_is_not_in_the_air_ends_a_deploy_as_soon_as_the_log_says_so(
    serial_board, tmp_path, level
):
    networks = [{"ssid": "nowhere"}, {"ssid": "also: nowhere", "password": "secret12"}]
    config = {"network": {"wifi": networks}, "log": {"level": level}}
    done = deploy_application(serial_board, tmp_path / "app", WITHOUT_QUICK, config)
    assert done.returncode == 1
    if level == "info":
        assert "nowhere: no such network" in done.stderr
        assert "also: nowhere: no such network; it goes on trying" in done.stderr
        assert done.stdout.count("Wi-Fi: again in") == 2
    assert "The board has no network" in done.stderr and done.stderr.count("\n") == 1


def test_a_line_that_is_lost_while_the_board_starts_is_one_line(sources, tmp_path, monkeypatch):
    monkeypatch.setattr(startup, "_AWAY_S", 1)
    with SerialBoard(format_flash(tmp_path / "flash")) as board:
        bring(board.port, sources)
        board.cut_after(300)
        with pytest.raises(CommandError, match="has gone; the board runs the new version"):
            startup.run(Console(board.port))


def test_a_port_that_goes_away_with_a_reset_and_comes_back_is_followed(
    sources, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(startup, "_QUIET_S", 1)
    with SerialBoard(format_flash(tmp_path / "flash"), hangs_up=True) as board:
        deploy.deploy(board.port, sources)
    assert "\nI (3) httpd32: Registering URI handlers\n" in capsys.readouterr().out


def test_a_main_that_never_calls_run_says_so_on_the_board(serial_board, tmp_path):
    plain = make_sources(tmp_path / "sources", "NAME = 'nothing is served'\n")
    with pytest.raises(CommandError, match="main.py has ended on the board, without a server"):
        deploy.deploy(serial_board.port, plain)
    assert b"main.py has ended without run(app), which is its last line" in serial_board.console


WATCHED = """
import machine
watchdog = machine.WDT(timeout=400)
async def feed():
    while True:
        watchdog.feed()
        await asyncio.sleep(0.1)
asyncio.create_task(feed())
"""


def test_a_watchdog_of_the_application_does_not_reset_the_board_in_a_deploy(serial_board, tmp_path):
    main = MAIN.replace("import part\n", "import part\n" + WATCHED)
    sources = make_sources(tmp_path / "sources", main, part="NAME = 'first'\n")
    deploy.deploy(serial_board.port, sources)
    resets = serial_board.reset_count
    with Console(serial_board.port) as console, startup.stopped(console):
        assert serial_board.console.count(b"rst:0x8") == 0
        time.sleep(1)  # more than the watchdog grants
        sources["part.py"].write_text("NAME = 'second'\n")
        install.install(console, sources)
        assert serial_board.console.count(b"rst:0x8") == 0
    assert read_flash(serial_board, tmp_path)["part.py"] == b"NAME = 'second'\n"
    assert serial_board.reset_count > resets  # only the interpreter's own


def test_the_played_watchdog_bites(serial_board, tmp_path):
    main = "import machine, time\nmachine.WDT(timeout=200)\nprint('armed')\n"
    bring(serial_board.port, make_sources(tmp_path / "sources", main))
    with Console(serial_board.port) as console:
        console.write(b"\x04")
        serial_board.wait_text(b"rst:0x8")
