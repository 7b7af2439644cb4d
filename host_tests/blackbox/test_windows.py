"""`make run` under a Python that lacks what Windows lacks, as far as that shows here."""

import subprocess

import pytest

from host_tests.blackbox.client import Client
from host_tests.ports import reserve_port
from tools.simulator import harness
from tools.simulator.flash import Flash

WITHOUT = """
import os, runpy, select, selectors, sys
for module, names in (
    (os, "fork statvfs getuid geteuid getpgid killpg"),
    (select, "poll epoll POLLIN"),
    (selectors, "PollSelector EpollSelector"),
):
    for name in names.split():
        delattr(module, name)
selectors.DefaultSelector = selectors.SelectSelector
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def board(runtime, tmp_path):
    """The demo at a port: (process, port)."""
    if runtime != "cpython":
        pytest.skip("MicroPython for Windows is not on PyPI")
    port = reserve_port()
    config = harness.complete({}, str(port))
    flash = Flash(tmp_path)
    sources = harness.sources(runtime)
    version = flash.install(sources, config)
    program, *words = harness.command(runtime, flash, version, config, sources=sources)
    process = subprocess.Popen(
        [program, "-c", WITHOUT, *words],
        cwd=flash.root / version,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process, port
        process.kill()


def wait_line(process, text):
    while text not in (line := process.stdout.readline()):
        assert line, "it has ended"


def test_it_serves_and_obeys(board):
    process, port = board
    wait_line(process, "Registering URI handlers")
    with Client("127.0.0.1", port) as client:
        assert client.request("GET", "/quick").text.startswith("random: ")
        assert "<title>httpd32</title>" in client.request("GET", "/").text
    for word, line in (("down", "Stopping webserver"), ("up", "Registering URI handlers")):
        process.stdin.write(f"{word}\n")
        process.stdin.flush()
        wait_line(process, line)
    process.stdin.write("quit\n")
    process.stdin.flush()
    process.stdout.read()
    assert process.wait(10) == 0


def test_it_goes_on_without_an_input(board):
    process, port = board
    process.stdin.close()
    wait_line(process, "Registering URI handlers")
    with Client("127.0.0.1", port) as client:
        assert client.request("GET", "/quick").status == 200
