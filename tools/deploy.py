"""make deploy: brings firmware, Microdot and application onto a board, and starts it.

Only what the board does not have is sent.  `deploy_plan` decides; here it is done.
"""

import argparse
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from firmware import config as settings
from tools import build, inventory, repl, startup, version
from tools import port as ports
from tools.deploy_plan import Plan, count, main_text, plan
from tools.remote import Remote, script
from tools.terminal import Progress, Refused, run_tool

_PROMPT_LIMIT_S = 30.0
_COMMANDS_AT_A_TIME = 50  # a command line has its limits
_LEVELS_THAT_SHOW = ("debug", "info")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", default="")
    parser.add_argument("--config", default="")
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args()
    config = Path(options.config or build.ROOT / "config.json")
    given = check_config(config)
    sources = build.files(build.build()) | {"config.json": config}
    deploy(ports.pick(options.port), sources, is_log_hidden(given), options.dry_run)


def check_config(path: Path) -> dict:
    """The settings of a file; Refused if it is missing, wrong, or not enough to reach a network."""
    if not path.is_file():
        raise Refused(f"{path.name} is missing: the board would find no network; make config")
    try:
        given = settings.load(str(path))
        settings.check_interface(given["network"])
    except (ValueError, RecursionError) as error:
        raise Refused(f"{path.name}: {error}; make config")
    return given


def is_log_hidden(given: dict) -> bool:
    """Whether a board with these settings does not say that its server is up."""
    return given["log"]["level"] not in _LEVELS_THAT_SHOW


def deploy(port: str, sources: dict[str, Path], is_quiet: bool = False, dry_run: bool = False):
    """Makes `sources`, path on the board to file, the version that the board runs."""
    version.check_names(sources)
    wait_prompt(port)
    try:
        folder = install(port, sources, dry_run)
    except BaseException:
        startup.restart(port)  # to run what it ran
        raise
    if dry_run:
        startup.restart(port)
    else:
        start(port, folder, is_quiet)


def start(port: str, folder: str, is_quiet: bool):
    """Starts the board and with it the version in `folder`, which is marked if it fails to start.

    Refused if it does not come up.
    """
    try:
        startup.run(port, is_quiet)
    except startup.Failed:
        _mark_failed(port, folder)
        raise


def _mark_failed(port, folder):
    """As far as the board can be reached: why the version has failed is still to be told."""
    mark = f"{folder}/{version.FAILED}"
    with suppress(OSError, Refused, KeyboardInterrupt):
        wait_prompt(port)
        Remote(port).run([["exec", f"open({mark!r}, 'w').close()"]], lambda line: None)
    startup.restart(port)  # to run what it ran


def install(port: str, sources: dict[str, Path], dry_run: bool = False) -> str:
    """Brings `sources` onto a board that waits at its prompt; it runs them from its next start.

    Returns the version's folder.
    """
    board = inventory.read(Remote(port))
    check_mpy(sources, board)
    print(f"{port}: MicroPython {board.micropython}, {board.free_len} bytes of flash free")
    with TemporaryDirectory() as folder:
        whole = version.add_manifest(sources, Path(folder))
        steps = plan(version.read(whole), board)
        print("\n".join(steps.describe()))
        if not dry_run:
            carry_out(steps, whole, port)
    return steps.target


def wait_prompt(port: str):
    """Stops what runs on the board; Refused with the reason if MicroPython does not answer."""
    with Progress("waiting for the board's prompt") as progress:
        try:
            console = repl.ask(port, _PROMPT_LIMIT_S, restart=False, on_turn=progress.show)
        except KeyboardInterrupt:
            startup.restart(port)
            raise
    if console.version:
        return
    if b"waiting for download" in console.text:
        raise Refused(f"{port}: the board is in its bootloader; press its reset button")
    if console.is_resetting():
        raise Refused(f"{port}: the board restarts again and again; make flash begins anew")
    words = console.text.decode("ascii", "replace").split()
    if words:
        raise Refused(f"{port}: something answers, but not MicroPython; make flash puts it there")
    raise Refused(f"{port}: the board does not answer; press its reset button, or make doctor")


def carry_out(steps: Plan, sources: dict[str, Path], port: str):
    """Does what the plan says."""
    start = time.monotonic()
    board = Remote(port, "the board holds the version before or the new one, whole")
    total = sum(steps.sends.values())
    sent = _Sent(steps)
    lines: list[str] = []
    with Progress("copying") as progress:
        for commands in _commands(steps, sources):
            lines += board.run(
                commands, sent.read, on_turn=lambda share: progress.show(sent.share(share))
            )
    if not steps.is_active and "activated" not in lines:
        raise Refused("The board holds something else than was sent; make deploy once more")
    if steps.sends or steps.copies:
        seconds = time.monotonic() - start
        print(f"{count(steps.sends)} sent, {total} bytes, in {seconds:.1f} s")


class _Sent:
    """How much was sent, by what mpremote prints when it begins with a file."""

    def __init__(self, steps: Plan):
        self._steps = steps
        self._total = sum(steps.sends.values())
        self._before = 0
        self._now = 0  # length of the file that is being sent

    def read(self, line: str):
        prefix = f" :{self._steps.target}/"
        if line.startswith("cp ") and prefix in line:
            self._before += self._now
            self._now = self._steps.sends[line.rsplit(prefix, 1)[1]]

    def share(self, share_of_file: float) -> float:
        """Of all that there is to send, 0 to 1."""
        return (self._before + self._now * share_of_file) / (self._total or 1)


def _commands(steps: Plan, sources: dict[str, Path]):
    """mpremote's commands, in lists that fit a command line."""
    if steps.is_active:
        removes = steps.removes_first() + steps.superseded
        if removes:
            yield script("prepare", REMOVE=removes, FOLDERS=[], COPY=[])
        return
    commands = script(
        "prepare", REMOVE=steps.removes_first(), FOLDERS=steps.folders, COPY=steps.copies
    )
    for path in steps.sends:
        commands.append(["fs", "cp", "-f", str(sources[path]), f":{steps.target}/{path}"])
    commands += script(
        "activate",
        TARGET=steps.target,
        WANTED=steps.digest,
        KEEP=steps.keeps,
        MAIN=main_text(steps.target, steps.previous),
        REMOVE=steps.superseded,
    )
    for at in range(0, len(commands), _COMMANDS_AT_A_TIME):
        yield commands[at : at + _COMMANDS_AT_A_TIME]


def check_mpy(sources: dict[str, Path], board: inventory.Inventory):
    """Refused if the board does not run what mpy-cross makes."""
    for path in sources.values():
        if path.suffix == ".mpy" and not version.runs_on(path, board.mpy):
            raise Refused(
                f"MicroPython {board.micropython} on the board runs .mpy {board.mpy}, which this "
                "mpy-cross does not make; put the newest stable MicroPython on it, make flash"
            )


if __name__ == "__main__":
    run_tool(main)
