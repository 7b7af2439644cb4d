"""Brings firmware, Microdot and application onto a board, and starts it.

Only what the board does not have is sent.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from firmware.settings import CHECKED
from tools.board import network, ports, startup
from tools.board.console import Console
from tools.checkout import HERE, named
from tools.settings import file
from tools.version import application, build, install, manifest, update


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", default="", help=ports.HELP)
    parser.add_argument("--host", default="", help=network.HELP)
    parser.add_argument("--config", default="", help="the settings, else config.json")
    parser.add_argument("--app", default="", help="another main.py")
    parser.add_argument("--dry-run", action="store_true", help="only looks and tells")


def run(options: Namespace) -> None:
    config = named(options.config or str(HERE / "config.json"))
    settings = file.load(config)
    main = application.find_main(options.app)
    built = build.build(board=build.folder_of(main), main=main)
    with TemporaryDirectory() as folder:
        given = file.normal(config, Path(folder))
        checked = file.write_checked(given, settings, Path(folder) / CHECKED)
        sources = build.files(built) | {"config.json": given, CHECKED: checked}
        versions = build.versions(main)
        if options.host:
            manifest.check_names(sources)
            with network.open_board(options, settings) as board:
                target = update.install(board, sources, options.dry_run, versions)
                update.start(board, target, settings)
            return
        deploy(
            ports.pick(options.port),
            sources,
            file.is_log_hidden(settings),
            options.dry_run,
            versions,
            startup.url(*file.name_of(settings)),
        )


def deploy(
    port: str,
    sources: dict[str, Path],
    is_quiet: bool = False,
    dry_run: bool = False,
    versions: Mapping[str, str] = MappingProxyType({}),
    by_name: str = "",
) -> None:
    """Makes `sources`, path on the board to file, the version that the board runs.

    versions  of the packages in it, to leave out what the board's image has
    by_name   the URL with the board's name
    """
    manifest.check_names(sources)
    with Console(port) as console:
        with startup.stopped(console):
            folder = install.install(console, sources, dry_run, versions)
        if dry_run:
            startup.restart(console)
        else:
            install.start(console, folder, is_quiet, by_name)
