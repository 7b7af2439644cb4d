"""Power and cable are lost at fifty moments of a deploy: the board runs the old or the new."""

import shutil
from concurrent.futures import ThreadPoolExecutor

from host_tests.serial.board import SerialBoard, format_flash
from host_tests.tools.expect import error_line
from host_tests.tools.sample_version import contents, make_sources, read_flash
from tools.commands import deploy, rollback
from tools.terminal import CommandError

AT_A_TIME = 8


def test_a_deploy_that_is_cut_leaves_a_whole_version_and_the_next_one_completes(tmp_path):
    old = make_sources(tmp_path / "old", part="NAME = 'old'\n")
    new = make_sources(tmp_path / "new", part="NAME = 'new'\n" * 400)
    flash = format_flash(tmp_path / "flash", 64 * 4096)
    with SerialBoard(flash) as board:
        deploy.deploy(board.port, old)
    total = deploy_copy(tmp_path / "uncut", flash, new, None)

    def cut(numbered):
        number, moment = numbered
        return deploy_copy(tmp_path / str(number), flash, new, moment, old)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = list(pool.map(cut, enumerate(moments(total))))
    assert len(found) == 50 and set(found) == {"new", "old"}, found


def test_a_cut_over_a_version_that_failed_leaves_the_working_one_to_go_back_to(tmp_path):
    working = make_sources(tmp_path / "working", part="NAME = 'working'\n")
    failing = make_sources(tmp_path / "failing", part="1/0\n")
    new = make_sources(tmp_path / "new", part="NAME = 'new'\n" * 400)
    flash = format_flash(tmp_path / "flash", 64 * 4096)
    with SerialBoard(flash) as board:
        deploy.deploy(board.port, working)
        error_line(deploy.deploy, board.port, failing)
    total = deploy_copy(tmp_path / "uncut", flash, new, None, says=b">>> ")

    def cut(numbered):
        number, moment = numbered
        folder = tmp_path / str(number)
        found = deploy_copy(folder, flash, new, moment, failing, says=b">>> ")
        with SerialBoard(folder / "flash") as board:
            rollback.rollback(board.port)
            assert read_flash(board, folder) == contents(working)
        return found

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = list(pool.map(cut, enumerate(moments(total)[4::5])))  # the last moment with them
    assert len(found) == 10 and set(found) == {"new", "old"}, found


def moments(total):
    """In bytes: over the whole deploy, and closer together at its end, where the switch is."""
    end = total * 8 // 10
    return [total * n // 30 for n in range(30)] + [
        end + (total - end) * n // 20 for n in range(1, 21)
    ]


def deploy_copy(folder, flash, new, cut_after, old=None, says=b"Registering URI handlers"):
    """Deploys onto a copy of `flash`; how many bytes that took, or what runs after a cut.

    says  what a board says at last that starts with `flash`
    """
    folder.mkdir()
    shutil.copy(flash, folder / "flash")
    with SerialBoard(folder / "flash") as board:
        board.wait_text(says)
        before = board.byte_count
        if cut_after is None:
            deploy.deploy(board.port, new)
            return board.byte_count - before
        board.cut_after(cut_after)
        try:
            deploy.deploy(board.port, new)
        except CommandError as error:
            assert "\n" not in str(error)
        board.cut()
        runs = read_flash(board, folder, was_cut=True)
        assert runs in (contents(old), contents(new))
        board.power_on()
        deploy.deploy(board.port, new)
        assert read_flash(board, folder) == contents(new)
    return "new" if runs == contents(new) else "old"
