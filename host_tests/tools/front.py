"""A real HAProxy in front of boards, for tests."""

import shutil
import socket
import subprocess
from pathlib import Path

from host_tests.waiting import wait_for

_WAIT_S = 20


def find() -> str | None:
    """Why there is none on this computer; None if there is."""
    return None if shutil.which("haproxy") else "no haproxy on PATH; apt install haproxy"


def check(config: Path) -> subprocess.CompletedProcess:
    """What HAProxy says of a configuration."""
    return subprocess.run(["haproxy", "-c", "-f", str(config)], capture_output=True, text=True)


class HAProxy:
    """Serves at `port`, which its configuration names, until it is left."""

    def __init__(self, config: Path, port: int):
        self._port = port
        line = ["haproxy", "-db", "-f", str(config)]
        self._process = subprocess.Popen(line, stderr=subprocess.DEVNULL)
        wait_for(self._is_up, _WAIT_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(_WAIT_S)

    def _is_up(self):
        assert self._process.poll() is None
        with socket.socket() as sock:
            return not sock.connect_ex(("127.0.0.1", self._port))
