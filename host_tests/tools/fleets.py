"""How tests give the command `fleet`."""

import os
import subprocess
import sys
from pathlib import Path

from tools.checkout import ROOT


def run_command(fleet: Path, *options: str) -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "tools", "fleet", "--fleet", str(fleet), *options]
    environment = {name: value for name, value in os.environ.items() if name != "UPDATE_PASSWORD"}
    return subprocess.run(
        line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100
    )
