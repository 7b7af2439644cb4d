"""The machine and the versions that a run was made with."""

import importlib.metadata
import os
import platform
import re
import subprocess
import time
from pathlib import Path

from tools.checkout import ROOT
from tools.simulator.interpreter import micropython


def describe(heap: str, rounds: int) -> dict:
    """What the figures hold for."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.release()}, load {os.getloadavg()[0]:.1f}",
        "httpd32": _revision(),
        "MicroPython": _micropython(),
        "Microdot": importlib.metadata.version("microdot"),
        "heap": heap,
        "rounds": rounds,
    }


def format_lines(header: dict) -> str:
    return "\n".join(f"{name + ':':13}{value}" for name, value in header.items())


def format_footer(header: dict) -> str:
    """The same in one line, short."""
    return (
        f"MicroPython {header['MicroPython'].split(',')[0]} for Unix, "
        f"Microdot {header['Microdot']}, heap {header['heap']}; "
        f"median of {header['rounds']} rounds; {header['date'][:10]}"
    )


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def _revision() -> str:
    """Of the checkout; a `-dirty` behind it when files are not committed."""
    line = ["git", "describe", "--always", "--dirty"]
    try:
        text = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return text.strip()


def _micropython() -> str:
    """MicroPython's own words about itself: `1.29.0-preview, 9458e3a23f on 2026-07-05`."""
    code = (
        "import sys; v = sys.implementation.version;"
        "print('-'.join(['.'.join(str(n) for n in v[:3])] + [n for n in v[3:] if n]) + ',',"
        "sys.version.split('MicroPython ')[-1])"
    )
    return subprocess.run(
        [*micropython("1M"), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
