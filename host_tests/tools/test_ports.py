"""The port: chosen, or a line that says what to do."""

import errno
import os
import socket
import subprocess
import sys
import termios

import pytest

from host_tests.tools.expect import error_line
from tools.board import ports
from tools.board.ports import Found

ONE = Found("/dev/ttyUSB0", "CP2102", 0x10C4, 0xEA60, "0001")
OTHER = Found("/dev/ttyACM0", "USB JTAG", 0x303A, 0x1001, "AA:BB")

HOLD = """
import sys
file = open(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def pty():
    """The device of a pseudo-terminal, which is a serial port to pyserial."""
    host, device = os.openpty()
    yield os.ttyname(device)
    os.close(host)
    os.close(device)


@pytest.mark.parametrize(
    "given",
    [
        "/dev/ttyUSB0",
        "/dev/serial/by-id/usb-Silicon_Labs-if00-port0",
        "/dev/cu.usbserial-0001",
        "COM3",
        "socket://127.0.0.1:9876",
        "rfc2217://board.local:2217?ign_set_control",
    ],
)
def test_a_port_that_is_given_is_taken_whatever_is_found(given):
    assert ports.choose(given, [ONE, OTHER]) == given


@pytest.mark.parametrize(
    "given", ["ttyUSB0", "8080", "socket://host", "loop://", "http://x:80", "socket://x:65536"]
)
def test_what_is_no_port_is_refused_with_the_forms_that_are(given):
    line = error_line(ports.choose, given, [])
    assert line.startswith(f"PORT={given} is not a port; /dev/ttyUSB0, COM3, socket://host:port")


def test_the_only_port_found_is_taken():
    assert ports.choose("", [ONE]) == "/dev/ttyUSB0"


def test_without_a_port_the_remedies_are_named():
    line = error_line(ports.choose, "", [])
    assert line.startswith("No serial port found; plug the board in with a USB cable")
    assert "make doctor" in line


def test_of_several_ports_one_has_to_be_said():
    line = error_line(ports.choose, "", [ONE, OTHER])
    assert line.startswith("2 serial ports found: /dev/ttyUSB0, /dev/ttyACM0; say which one, PORT=")


def test_a_port_that_is_not_there_is_refused():
    assert error_line(ports.check, "/dev/ttyUSB99").startswith("/dev/ttyUSB99 is not there; plug")


def test_a_file_is_no_port(tmp_path):
    assert "is not a serial port" in error_line(ports.check, str(tmp_path))


@pytest.mark.parametrize("group", ["dialout", "uucp"])
def test_a_port_without_permission_names_the_group_and_the_command(tmp_path, monkeypatch, group):
    tmp_path.chmod(0o770)
    monkeypatch.setattr(ports.Path, "group", lambda path: group)
    line = str(ports.as_command_error(str(tmp_path), PermissionError(errno.EACCES, "")))
    assert f"no permission; it belongs to group {group}: sudo usermod -a -G {group} $USER" in line


@pytest.mark.parametrize(("mode", "group"), [(0o600, "dialout"), (0o660, "root")])
def test_a_port_that_only_root_may_open_is_told_what_helps_where_no_group_does(
    tmp_path, monkeypatch, mode, group
):
    monkeypatch.setattr(ports.Path, "group", lambda path: group)
    port = tmp_path / "ttyUSB0"
    port.touch()
    port.chmod(mode)
    line = str(ports.as_command_error(str(port), PermissionError(errno.EACCES, "")))
    assert f"only root may open it: sudo chmod 666 {port}, " in line


def test_a_container_without_the_device_is_told_how_it_gets_it():
    error = PermissionError(errno.EPERM, "Operation not permitted")
    line = str(ports.as_command_error("/dev/ttyUSB0", error))
    assert line.endswith("needs the device passed to it, as in docker run --device=/dev/ttyUSB0")


def test_a_port_that_goes_at_once_is_told_without_the_marks_of_python():
    error = OSError("Could not configure port: (5, 'Input/output error')")
    line = str(ports.as_command_error("/dev/ttyUSB0", error))
    assert line.startswith("/dev/ttyUSB0 does not open (Input/output error); unplug the board")


def test_permission_is_looked_at_before_the_port_is_opened(pty, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may do everything
    assert "no permission; " in error_line(ports.check, pty)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
def test_who_has_a_device_open_is_found_before_it_is_opened():
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, "/dev/full"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        holder.stdout.readline()
        line = error_line(ports.check, "/dev/full")
        holder.stdin.close()
    assert line.startswith("/dev/full is busy: ") and f"({holder.pid})" in line


def test_a_port_that_is_open_elsewhere_names_the_program(pty):
    import fcntl

    with open(pty) as device:
        fcntl.flock(device, fcntl.LOCK_EX)  # as pyserial and picocom do
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, pty],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as holder:
            holder.stdout.readline()
            line = error_line(ports.open_port, pty)
            holder.stdin.close()
    assert line.startswith(f"{pty} is busy: ")
    assert f"({holder.pid}) has it open; close that" in line


def test_modem_manager_is_named_with_its_own_remedy(monkeypatch):
    monkeypatch.setattr(ports, "holders", lambda device: ["ModemManager (512)"])
    line = str(
        ports.as_command_error("/dev/ttyACM0", OSError(errno.EBUSY, "Device or resource busy"))
    )
    assert "ModemManager takes it for a modem; wait half a minute" in line


def test_windows_says_permission_where_it_means_busy():
    error = OSError("could not open port 'COM3': PermissionError(13, 'Access is denied.', None, 5)")
    assert str(ports.as_command_error("COM3", error)).startswith(
        "COM3 is busy: another program has it open"
    )
    error = OSError("could not open port 'COM9': FileNotFoundError(2, 'Not found', None, 2)")
    assert str(ports.as_command_error("COM9", error)).startswith("COM9 is not there")


def test_a_free_port_is_checked_and_opened(pty):
    ports.check(pty)
    ports.open_port(pty).close()


def test_a_port_on_the_network_that_nobody_serves_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"socket://127.0.0.1:{server.getsockname()[1]}"
    line = error_line(ports.open_port, address)
    assert line == f"{address} does not answer (Connection refused); is its server running?"


def test_a_port_that_goes_while_it_is_opened_is_one_line(pty, monkeypatch):
    def tcflush(*_):
        raise termios.error(errno.EIO, "Input/output error")

    monkeypatch.setattr(termios, "tcflush", tcflush)
    line = error_line(ports.open_port, pty)
    assert line.startswith(f"{pty} does not open (Input/output error); unplug the board")
