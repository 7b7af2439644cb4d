"""The end of an update: a version is checked and becomes the one that runs; loaded for that."""

import asyncio
import os

import firmware
from firmware.update.flash import is_there, read_lines, remove, remove_file, sha256
from firmware.update.restart import restart


def switch(folder: str, wanted: str) -> "Pieces":
    """Switches to a version, if it is whole: lines, of which the last is `activated`, or begins
    with `differs`.

    wanted  SHA-256 of its manifest
    """
    digest = yield from sha256(folder + "/manifest")
    if digest != wanted:
        yield "differs manifest\n"
        return
    for line in read_lines(folder + "/manifest"):
        wanted, path = line.split(" ", 1)
        digest = yield from sha256(folder + "/" + path)
        if digest != wanted:
            yield "differs %s\n" % path
            return
        yield "checked %s\n" % path
    firmware.is_on_trial = False  # the one that runs: it would end the trial of the next
    remove_file("/trial")
    if is_there("/trial.py.new"):
        os.rename("/trial.py.new", "/trial.py")
    os.rename("/main.py.new", "/main.py")
    yield "activated\n"


async def finish(plan: str, log: "Log", reset: "Function") -> None:
    """What comes after the switch, whether its client waits or not."""
    try:
        for line in read_lines(plan):
            if line[:8] == "finally ":
                for _ in remove(line[8:]):
                    await asyncio.sleep_ms(0)
        remove_file(plan)
    except OSError as error:  # the next update removes what is left
        log.error("update: %s", error)
    await restart(log, "a restart that was asked for", reset)
