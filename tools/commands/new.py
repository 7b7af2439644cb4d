"""Begins an application: main.py, a .gitignore that keeps the password private, and a README."""

import re
import shlex
from argparse import ArgumentParser, Namespace

from tools.checkout import ROOT, named
from tools.terminal import IS_INSTALLED, CommandError, worded

_TEMPLATE = ROOT / "tools" / "template"
_SPECIAL = re.compile(r"[^\w \\./:~@%+=,-]")  # in a shell, beside the space
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
    remedy = "name another folder" if IS_INSTALLED else "name another, make new APP=folder"
    for target in files:
        if target.exists():
            raise CommandError(f"{target} is there already, and stays; {remedy}")
    folder.mkdir(parents=True, exist_ok=True)
    where = f" APP={_quoted(str(folder))}" if options.folder else ""
    for target, source in files.items():
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".md":
            place = "" if IS_INSTALLED else "In the checkout of httpd32:\n\n"
            text = worded(text.replace("{place}", place).replace("{where}", where))
        target.write_text(text, encoding="utf-8", newline="\n")
    print(f"Wrote {', '.join(str(target) for target in files)}.")
    print(worded(f"Next: make run{where}, then make config and make deploy{where}."))


def _quoted(word: str) -> str:
    """As a shell takes it, and with a space Windows, too."""
    if _SPECIAL.search(word):
        return shlex.quote(word)
    return f'"{word}"' if " " in word else word
