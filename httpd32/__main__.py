"""`httpd32 COMMAND`, or `python -m httpd32 COMMAND`."""

import sys
from pathlib import Path


def main() -> None:
    # `tools` and `firmware` lie in this folder when pip has installed it, and beside it in a
    # checkout: no other program finds packages of these names.
    here = Path(__file__).resolve().parent
    sys.path.insert(0, str(here if (here / "tools").is_dir() else here.parent))
    from tools.__main__ import main
    from tools.terminal import run_tool

    run_tool(main)


if __name__ == "__main__":
    main()
