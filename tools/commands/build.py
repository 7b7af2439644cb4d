"""Compiles what the board runs into build/board, a folder that looks as the board's flash does."""

from argparse import ArgumentParser, Namespace

from tools.checkout import HERE
from tools.version.build import build, files


def add_arguments(parser: ArgumentParser) -> None:
    pass


def run(options: Namespace) -> None:
    folder = build()
    built = files(folder).values()
    size = sum(path.stat().st_size for path in built)
    print(f"{folder.relative_to(HERE)}: {len(built)} files, {size} bytes")
