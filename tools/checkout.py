"""Where the firmware and the tools are, and where the application is that they serve.

In a checkout that is the same folder.  Installed by pip, an application is where the command is
given.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IS_INSTALLED = not (ROOT / "Makefile").exists()
# Of main.py and config.json, if no others are named, and of build/.
HERE = Path.cwd() if IS_INSTALLED else ROOT


def named(path: str) -> Path:
    """What somebody has named: zsh and dash leave the ~ of `make run APP=~/blink` as it is."""
    return Path(os.path.expanduser(path))
