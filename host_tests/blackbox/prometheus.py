"""A real Prometheus, for tests."""

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

from host_tests.ports import reserve_port

_WAIT_S = 20
_CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: board
    static_configs: [{{targets: ["{host}:{port}"]}}]
    basic_auth: {{username: admin, password: {password}}}
"""


def find() -> str | None:
    """Why there is none on this computer; None if there is."""
    if shutil.which("prometheus") and shutil.which("promtool"):
        return None
    return "no prometheus and promtool on PATH; apt install prometheus"


def check(metrics: bytes) -> subprocess.CompletedProcess:
    """What promtool says of the text of `/metrics`."""
    return subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True)


def write_config(folder: Path, host: str, port: int, password: str) -> Path:
    """One for a single board, in a folder."""
    config = folder / "prometheus.yml"
    config.write_text(_CONFIG.format(host=host, port=port, password=json.dumps(password)))
    return config


class Prometheus:
    """Scrapes what its configuration names, until it is left."""

    def __init__(self, config: Path):
        self._port = reserve_port()
        line = ["prometheus", f"--config.file={config}", "--log.level=warn"]
        line += [f"--storage.tsdb.path={config.parent / 'data'}"]
        line += [f"--web.listen-address=127.0.0.1:{self._port}"]
        self._process = subprocess.Popen(line, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(_WAIT_S)

    def ask(self, query: str) -> float | None:
        """The value of the one series that a query finds, None without one."""
        address = f"http://127.0.0.1:{self._port}/api/v1/query?"
        try:
            url = address + urllib.parse.urlencode({"query": query})
            with urllib.request.urlopen(url, timeout=_WAIT_S) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:  # it starts
            return None
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def wait_for(self, query: str, is_so) -> float:
        """The first value of a query for which `is_so`."""
        deadline = time.monotonic() + _WAIT_S
        while (value := self.ask(query)) is None or not is_so(value):
            assert time.monotonic() < deadline, (query, value)
            time.sleep(0.05)
        return value
