"""What Prometheus is told of a fleet: the text of its prometheus.yml."""

import json
from typing import Any

from tools.fleet.boards import Board, Fleet

_HEAD = """\
# Written by `make fleet` from fleet.toml, which is the place for changes.
global: {scrape_interval: 15s}
scrape_configs:
"""


def write(fleet: Fleet) -> str:
    told = [each for each in fleet.boards if each.settings["status"]["enabled"]]
    if not told:
        return _HEAD.replace("scrape_configs:", "scrape_configs: []  # status.enabled: false")
    return _HEAD + "".join(_job(each) for each in told)


def _job(board: Board) -> str:
    """A job of its own, because each may have another password; they are one by their label."""
    host, port = board.address
    labels = {"job": "httpd32", "instance": board.name}
    lines = [
        f"  - job_name: {_yaml(board.name)}",
        f"    static_configs: {_yaml([{'targets': [f'{host}:{port}'], 'labels': labels}])}",
    ]
    if password := board.settings["status"]["password"]:
        lines.append(f"    basic_auth: {_yaml({'username': 'admin', 'password': password})}")
    return "\n".join(lines) + "\n"


def _yaml(value: Any) -> str:
    """JSON is YAML, but for its pairs of escapes."""
    return json.dumps(value, ensure_ascii=False)
