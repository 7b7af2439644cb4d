"""Begins an application: main.py, a .gitignore that keeps the password private, and a README."""

import shutil
from argparse import ArgumentParser, Namespace

from tools.checkout import ROOT, named
from tools.terminal import CommandError, worded

_TEMPLATE = ROOT / "tools" / "template"
_NAMES = {"gitignore": ".gitignore"}  # with that name it would hold for this checkout


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", default="", help="where, else here")


def run(options: Namespace) -> None:
    folder = named(options.folder)
    files = {
        folder / _NAMES.get(source.name, source.name): source
        for source in sorted(_TEMPLATE.iterdir())
        if source.is_file()
    }
    for target in files:
        if target.exists():
            raise CommandError(f"{target} is there already, and stays; name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for target, source in files.items():
        shutil.copyfile(source, target)
    shown = f'"{folder}"' if " " in str(folder) else folder
    where = f" APP={shown}" if options.folder else ""
    print(f"Wrote {', '.join(str(target) for target in files)}.")
    print(worded(f"Next: make run{where}, then make config and make deploy{where}."))
