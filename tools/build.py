"""`python -m tools.build`: what `python -m tools build` does, for scripts that call it so."""

import sys

from tools.__main__ import main
from tools.terminal import run_tool

if __name__ == "__main__":
    sys.argv.insert(1, "build")
    run_tool(main)
