"""The doctor names what is wrong with tools, port and board, and what to do about it."""

import signal
import subprocess
import sys
import threading

import pytest

from host_tests.blackbox.deployed import bring
from host_tests.ports import reserve_port
from host_tests.serial.board import SerialBoard, format_flash, pack_flash
from host_tests.serial.esp32 import Esp32Board
from tools.board import usb
from tools.board.console import Answer
from tools.board.ports import Found
from tools.checkout import ROOT
from tools.commands import deploy, doctor
from tools.simulator import harness
from tools.version import build

CP2102 = Found("/dev/ttyUSB0", "CP2102 USB to UART Bridge Controller", 0x10C4, 0xEA60, "0001")
IN_A_LOOP = b"rst:0x10 (RTCWDT_RTC_RESET),boot:0x13\r\ninvalid header: 0xffffffff\r\n"


def examine(port):
    line = [sys.executable, "-m", "tools", "doctor", "--port", port]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120)


def plug_in(sys_usb, name, ids, tty=None):
    """A USB device as Linux shows it; `tty` where its driver makes a port."""
    device = sys_usb / name
    device.mkdir(parents=True)
    (device / "idVendor").write_text(ids.split(":")[0] + "\n")
    (device / "idProduct").write_text(ids.split(":")[1] + "\n")
    if tty:
        (device / f"{name}:1.0" / tty).mkdir(parents=True)


@pytest.mark.parametrize("is_pty", [False, True], ids=["socket", "pty"])
def test_a_board_with_micropython_has_nothing_to_do_and_runs_on(tmp_path, is_pty):
    with SerialBoard(format_flash(tmp_path / "flash"), is_pty=is_pty) as board:
        done = examine(board.port)
        board.wait_text(b"MPY: soft reboot")
    assert done.returncode == 0 and done.stderr == "", done
    tools, port, micropython, end = done.stdout.splitlines()
    assert tools.startswith("Tools: Python ") and "esptool 5.6.0, mpremote 1.29.0" in tools
    assert port == board.port
    assert micropython == "  MicroPython v1.25.0: Generic ESP32 module with ESP32"
    assert end == "Nothing to do."


def test_a_board_that_serves_has_its_urls_told(tmp_path):
    port = reserve_port()
    harness.write_config(tmp_path, {"network": {"hostname": "lab"}}, str(port))
    config = {"config.json": tmp_path / "config.json"}
    with SerialBoard(format_flash(tmp_path / "flash")) as board:
        deploy.deploy(board.port, build.files(build.build()) | config)
        done = examine(board.port)
    assert done.returncode == 0 and done.stderr == "", done
    assert f"  Serves http://127.0.0.1:{port}/ and http://lab.local:{port}/\n" in done.stdout


def test_a_board_whose_network_is_not_there_is_a_finding(tmp_path):
    harness.write_config(tmp_path, {"network": {"wifi": [{"ssid": "nowhere"}]}})
    config = {"config.json": tmp_path / "config.json"}
    with SerialBoard(format_flash(tmp_path / "flash")) as board:
        bring(board.port, build.files(build.build()) | config)
        done = examine(board.port)
    assert done.returncode == 1 and done.stderr == "", done
    assert "  It has no network: nowhere: no such network\n    to do: is " in done.stdout


def test_a_board_behind_rfc2217_is_examined_as_well(tmp_path):
    port = reserve_port()
    with SerialBoard(format_flash(tmp_path / "flash")) as board:
        line = [sys.executable, "-u", "-m", "esp_rfc2217_server", "-p", str(port), board.port]
        server = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        with server:
            while "Waiting for connection" not in server.stdout.readline():
                assert server.poll() is None
            done = examine(f"rfc2217://127.0.0.1:{port}?ign_set_control")
            server.terminate()
    assert done.returncode == 0 and done.stderr == "", done
    assert "  MicroPython v1.25.0: Generic ESP32" in done.stdout


def test_an_empty_board_is_told_which_image_it_needs(tmp_path):
    with Esp32Board(tmp_path, "esp32c3") as board:
        done = examine(board.port)
    assert done.returncode == 1 and done.stderr == "", done
    assert "  ESP32-C3 " in done.stdout and "no MicroPython answers" in done.stdout
    assert (
        "    to do: make flash FIRMWARE=file.bin, with ESP32_GENERIC_C3 from "
        "https://micropython.org/download/ESP32_GENERIC_C3/\n"
    ) in done.stdout


def test_a_board_that_resets_in_a_loop_is_told_apart_from_a_silent_one():
    with SerialBoard(says=IN_A_LOOP) as board:
        done = examine(board.port)
    assert done.returncode == 1 and done.stderr == "", done
    assert "  The board resets again and again\n    to do: try another cable" in done.stdout
    assert "does not answer\n    to do: hold BOOT" in done.stdout


def test_a_port_that_is_not_there_is_a_finding():
    done = examine("/dev/ttyUSB99")
    assert done.returncode == 1 and done.stderr == "", done
    assert "  /dev/ttyUSB99 is not there\n    to do: plug the board in" in done.stdout


def test_what_is_no_port_is_one_line():
    done = examine("ttyUSB0")
    assert done.returncode == 1
    assert done.stderr.startswith("PORT=ttyUSB0 is not a port; ")
    assert len(done.stderr.splitlines()) == 1


def test_a_port_that_hangs_is_not_waited_for(monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(doctor, "examine_port", lambda *_: never.wait() and [])
    (finding,) = doctor.examine_port_within(0.1, "/dev/ttyUSB0")
    never.set()
    assert finding.text == "The port does not respond" and "unplug" in finding.remedy


def test_ctrl_c_leaves_a_board_that_runs_what_it_ran(tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "main.py").write_text("import time\nprint('runs')\ntime.sleep(600)\n")
    line = [sys.executable, "-m", "tools", "doctor", "--port"]
    with SerialBoard(pack_flash(tmp_path / "flash", tmp_path / "files"), baud=9600) as board:
        board.wait_text(b"runs")
        with subprocess.Popen([*line, board.port], cwd=ROOT, stdout=subprocess.PIPE) as process:
            stopped_at = board.wait_text(b"KeyboardInterrupt")
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        board.wait_text(b"runs", stopped_at)


@pytest.mark.parametrize(
    "version, is_old", [("v1.24.1", True), ("v1.25.0", False), ("v2.0", False)]
)
def test_a_micropython_that_is_too_old_is_a_finding(version, is_old):
    (finding,) = doctor.examine_console(Answer(version, "ESP32", b""))
    assert finding.remedy.startswith("too old; make flash") == is_old


def test_tools_of_other_versions_are_a_finding():
    required = doctor.required()
    assert required["mpremote"] == "1.29.0" and required["esptool"] == "5.6.0"
    (finding,) = doctor.examine_tools(required, {**required, "esptool": "4.8.1"})
    assert finding.remedy == "esptool 5.6.0 wanted: make clean, then make doctor"
    del required["mpremote"]
    assert doctor.examine_tools({"mpremote": "1.29.0"}, required)[0].remedy.startswith("mpremote")


def test_a_port_is_described_with_the_name_of_its_usb_chip():
    text = "CP2102 or CP2104 bridge, CP2102 USB to UART Bridge Controller, USB 10c4:ea60"
    assert usb.describe(CP2102) == text
    assert usb.describe(Found("COM3", "", 0x1234, 0x5678, "")) == "USB 1234:5678"


def test_a_chip_without_driver_is_found_and_its_driver_named(tmp_path):
    plug_in(tmp_path, "1-1", "10c4:ea60", tty="ttyUSB0")
    plug_in(tmp_path, "1-2", "1a86:7523")
    plug_in(tmp_path, "1-3", "046d:c31c")
    found = usb.without_port(tmp_path)
    assert found == [usb.BRIDGES[0x1A86, 0x7523]]
    text, remedy = usb.advice(found)
    assert text.startswith("A CH340 bridge is plugged in, but has no port")
    assert remedy.startswith("sudo modprobe ch341")


def test_a_port_that_acm_made_is_seen(tmp_path):
    device = tmp_path / "1-4"
    plug_in(tmp_path, "1-4", "303a:1001")
    (device / "1-4:1.0" / "tty" / "ttyACM0").mkdir(parents=True)
    assert usb.without_port(tmp_path) == []


def test_brltty_that_takes_the_port_is_named():
    text, remedy = usb.advice([usb.BRIDGES[0x1A86, 0x7523]], {"systemd", "brltty"})
    assert "brltty takes its port away" in text and remedy.startswith("sudo apt remove brltty")


def test_without_any_usb_chip_the_cable_is_suspected():
    text, remedy = usb.advice([])
    assert text.startswith("No ") and remedy
