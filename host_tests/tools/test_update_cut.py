"""Connection and power are lost at moments of an update: the board runs the old or the new."""

import os
from concurrent.futures import ThreadPoolExecutor

from host_tests.ports import reserve_port
from host_tests.serial.board import SerialBoard
from host_tests.tools.cutting import CutLine
from host_tests.tools.network_board import Flash, Version, bring, deployed
from tools.terminal import CommandError

MOMENTS = int(os.environ.get("MOMENTS", "20"))
BOARDS = 4  # side by side: much of an update is waiting
UP = b"Registering URI handlers"
# It lies in /lib here: what a version copies of it would be most of the work.
FIRMWARE = ("firmware/", "lib/")


def test_an_update_that_is_cut_leaves_a_whole_version_and_the_next_one_completes(tmp_path):
    firmware = make_firmware(tmp_path / "firmware")

    def cut(number):
        numbers = range(number, MOMENTS, BOARDS)
        return cut_again_and_again(tmp_path / str(number), firmware, numbers)

    with ThreadPoolExecutor(BOARDS) as pool:
        found = [each for some in pool.map(cut, range(BOARDS)) for each in some]
    assert len(found) == MOMENTS and "old" in found, found


def cut_again_and_again(folder, firmware, numbers):
    """Cuts updates of a board of its own, each completed before the next; what ran after each."""
    port = reserve_port()
    host = f"127.0.0.1:{port}"
    found = []
    flash = deployed(folder / "board", make(folder / "first", port, "first"), firmware)
    with SerialBoard(flash, is_pty=True) as board:
        board.wait_text(UP)
        new = make(folder / "uncut", port, "uncut")
        with CutLine(host) as line:
            complete_update(board, line.host, new)
        for number in numbers:
            old, new = new, make(folder / str(number), port, f"version {number}")
            is_power = number // BOARDS % 2 == 1
            start = len(board.console)
            moment = line.count * (number + 1) // (MOMENTS + 1)
            cut_update(host, new, moment, board.press_reset if is_power else None)
            if is_power:
                board.wait_text(UP, start)
            runs = Flash(flash, folder / f"unpacked-{number}").files
            assert runs in (old.contents(), new.contents()), moment
            found.append("new" if runs == new.contents() else "old")
            if found[-1] == "new":  # it restarts, or has
                board.wait_text(UP, start)
            complete_update(board, host, new)
            completed = Flash(flash, folder / f"completed-{number}")
            assert completed.files == new.contents()
            assert completed.versions() == sorted([completed.current, completed.previous])
            assert not list(completed.root.rglob("*.new"))
    return found


def make_firmware(folder):
    """Path on the board to file."""
    files = Version(folder, 80, "firmware").files
    found = {path: file for path, file in files.items() if path.startswith(FIRMWARE)}
    return {f"lib/{path.removeprefix('lib/')}": file for path, file in found.items()}


def make(folder, port, name):
    version = Version(folder, port, name)
    version.files = {
        path: file for path, file in version.files.items() if not path.startswith(FIRMWARE)
    }
    version.write("large.txt", f"{name:20}\n" * 600)
    return version


def complete_update(board, host, version):
    start = len(board.console)
    if bring(host, version, starts=False):
        board.wait_text(UP, start)


def cut_update(host, version, moment, on_cut):
    with CutLine(host, moment, on_cut or (lambda: None)) as line:
        try:
            bring(line.host, version, starts=False)
        except CommandError as error:
            assert "\n" not in str(error)
