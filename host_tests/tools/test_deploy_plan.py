"""What a deploy does to a board, decided from what the board holds."""

import hashlib

import pytest

from host_tests.tools.expect import error_line
from tools.commands.rollback import plan as plan_rollback
from tools.terminal import CommandError
from tools.version import manifest
from tools.version.inventory import Inventory, parse
from tools.version.manifest import File
from tools.version.plan import main_text, plan

BLOCK_LEN = 4096
ROOMY = 1 << 20


def make_version(**contents):
    """The files of a version, `a` for a.mpy, and its folder."""
    files = {f"{path}.mpy": make_file(content) for path, content in contents.items()}
    files["lib/microdot/microdot.mpy"] = make_file("microdot")
    text = "".join(f"{files[path].sha256} {path}\n" for path in sorted(files))
    files[manifest.MANIFEST] = make_file(text)
    return files, manifest.name(files)


def make_file(content):
    return File(len(content), hashlib.sha256(content.encode()).hexdigest())


OLDEST, OLDEST_NAME = make_version(a="1", b="1")
OLD, OLD_NAME = make_version(a="2", b="2")
NEW, NEW_NAME = make_version(a="3", b="2")


def make_board(versions=(), current="", previous="", free_len=ROOMY, main_sha256="", others=()):
    return Inventory(
        micropython="1.25.0",
        mpy="6.3",
        block_len=BLOCK_LEN,
        free_len=free_len,
        current=current,
        previous=previous,
        main_sha256=main_sha256,
        versions=dict(versions),
        others=list(others),
    )


def test_an_empty_board_gets_every_file_and_the_folders_parents_first():
    steps = plan(NEW, make_board())
    assert set(steps.sends) == set(NEW) and not steps.copies
    root = f"/{NEW_NAME}"
    assert steps.folders == [root, f"{root}/lib", f"{root}/lib/microdot"]
    assert (steps.target, steps.previous, steps.kept_main) == (root, "", "")


def test_what_the_version_before_has_is_copied_on_the_board():
    steps = plan(NEW, make_board({OLD_NAME: OLD}, OLD_NAME))
    assert set(steps.sends) == {"a.mpy", "manifest"}
    assert (f"/{OLD_NAME}/b.mpy", f"/{NEW_NAME}/b.mpy") in steps.copies
    assert steps.previous == f"/{OLD_NAME}"


def test_the_same_version_again_does_nothing():
    board = make_board({NEW_NAME: NEW, OLD_NAME: OLD}, NEW_NAME, OLD_NAME)
    steps = plan(NEW, board)
    assert steps.is_active and not (steps.sends or steps.copies)
    assert not (steps.removes_first() or steps.superseded)


def test_files_that_the_application_made_do_not_make_it_another_version():
    board = make_board({NEW_NAME: {**NEW, "made.json": make_file("x")}}, NEW_NAME)
    steps = plan(NEW, board)
    assert steps.is_active and not steps.removes_first()


def test_a_version_that_was_changed_on_the_board_is_not_written_to():
    changed = {**NEW, "a.mpy": make_file("changed")}
    steps = plan(NEW, make_board({NEW_NAME: changed}, NEW_NAME))
    assert steps.target == f"/{NEW_NAME}b" and set(steps.sends) == {"a.mpy"}
    again = plan(NEW, make_board({f"{NEW_NAME}b": NEW, NEW_NAME: changed}, f"{NEW_NAME}b"))
    assert again.is_active


def test_the_version_before_the_one_before_goes_after_the_switch():
    board = make_board({OLD_NAME: OLD, OLDEST_NAME: OLDEST}, OLD_NAME, OLDEST_NAME)
    steps = plan(NEW, board)
    assert steps.superseded == [f"/{OLDEST_NAME}"] and not steps.removes_first()


def test_the_version_before_becomes_the_current_one_without_a_copy():
    board = make_board({NEW_NAME: NEW, OLD_NAME: OLD}, NEW_NAME, OLD_NAME)
    steps = plan(OLD, board)
    assert not (steps.sends or steps.copies or steps.superseded or steps.is_active)
    assert (steps.target, steps.previous) == (f"/{OLD_NAME}", f"/{NEW_NAME}")


def test_what_failed_to_start_does_not_become_the_version_before():
    failed = {**OLD, manifest.FAILED: make_file("")}
    steps = plan(NEW, make_board({OLD_NAME: failed, OLDEST_NAME: OLDEST}, OLD_NAME, OLDEST_NAME))
    assert steps.previous == f"/{OLDEST_NAME}" and steps.superseded == [f"/{OLD_NAME}"]
    first = plan(NEW, make_board({OLD_NAME: failed}, OLD_NAME))
    assert first.previous == "" and first.superseded == [f"/{OLD_NAME}"]


def test_the_version_before_deployed_over_one_that_failed_has_none_before():
    failed = {**NEW, manifest.FAILED: make_file("")}
    steps = plan(OLD, make_board({NEW_NAME: failed, OLD_NAME: OLD}, NEW_NAME, OLD_NAME))
    assert (steps.target, steps.previous) == (f"/{OLD_NAME}", "")
    assert steps.superseded == [f"/{NEW_NAME}"] and not steps.removes_first()


@pytest.mark.parametrize("current", [NEW_NAME, OLD_NAME])
def test_a_version_that_failed_is_given_another_chance(current):
    failed = {**NEW, manifest.FAILED: make_file("")}
    steps = plan(NEW, make_board({NEW_NAME: failed, OLD_NAME: OLD}, current, OLD_NAME))
    assert steps.removes_first() == [f"/{NEW_NAME}/{manifest.FAILED}"]
    assert steps.previous == f"/{OLD_NAME}" and not steps.superseded


def test_what_a_cut_deploy_has_left_is_used_or_removed():
    half = {"a.mpy": NEW["a.mpy"], "b.mpy": make_file(""), "lib/x.mpy.new": make_file("")}
    board = make_board(
        {OLD_NAME: OLD, NEW_NAME: half, OLDEST_NAME: OLDEST}, OLD_NAME, others=["main.py.new"]
    )
    steps = plan(NEW, board)
    assert "a.mpy" not in steps.sends
    assert set(steps.wrong) == {f"/{NEW_NAME}/b.mpy", f"/{NEW_NAME}/lib/x.mpy.new"}
    assert steps.unused == [f"/{OLDEST_NAME}", "/main.py.new"]


def test_a_main_of_the_users_own_is_kept_and_rolled_back_to():
    steps = plan(NEW, make_board(main_sha256="0123456789abcdef"))
    assert steps.kept_main == steps.previous == "/main-01234567.py"
    board = make_board({NEW_NAME: NEW}, NEW_NAME, "main-01234567.py", others=["main-01234567.py"])
    assert plan_rollback(board) == "main-01234567.py"
    assert not plan(NEW, board).removes_first()


def test_the_version_before_goes_first_if_there_is_no_room_else():
    versions = {OLD_NAME: OLD, OLDEST_NAME: OLDEST}
    needed = (2 + 3 * 2 + 4) * BLOCK_LEN + 2 * BLOCK_LEN  # files, folders, spare; copies
    board = make_board(versions, OLD_NAME, OLDEST_NAME, free_len=needed - 1)
    steps = plan(NEW, board)
    assert steps.dropped == f"/{OLDEST_NAME}" and steps.previous == f"/{OLD_NAME}"
    assert plan(NEW, board._replace(free_len=needed)).dropped == ""


def test_a_folder_of_many_files_needs_room_for_more_of_its_metadata():
    """littlefs2: a version of 60 files in 5 folders took 18 blocks beside those of the files."""
    version, _ = make_version(**{f"m{number}": str(number) for number in range(57)})
    needed = (len(version) + 18) * BLOCK_LEN
    with pytest.raises(CommandError, match="too full"):
        plan(version, make_board(free_len=needed - 1))


def test_a_board_that_is_full_is_one_line_with_both_numbers():
    board = make_board({OLD_NAME: OLD}, OLD_NAME, free_len=3 * BLOCK_LEN)
    with pytest.raises(CommandError, match=r"this needs 57344 bytes and 12288 are free; remove"):
        plan(NEW, board)


def test_the_version_to_go_back_to_stays_even_if_there_is_no_room_else():
    failed = {**OLD, manifest.FAILED: make_file("")}
    board = make_board({OLD_NAME: failed, OLDEST_NAME: OLDEST}, OLD_NAME, OLDEST_NAME)
    board = board._replace(free_len=13 * BLOCK_LEN)  # 14 are needed, and OLDEST has 4
    with pytest.raises(CommandError, match="are free; make rollback, or remove files of yours"):
        plan(NEW, board)
    first = board._replace(versions={OLD_NAME: failed}, previous="")
    with pytest.raises(CommandError, match="are free; remove files of yours from"):
        plan(NEW, first)


def test_rollback_goes_to_the_version_before():
    board = make_board({NEW_NAME: NEW, OLD_NAME: OLD}, NEW_NAME, OLD_NAME)
    assert plan_rollback(board) == OLD_NAME


@pytest.mark.parametrize(
    ("board", "reason"),
    [
        (make_board(), "The board does not run httpd32"),
        (make_board({NEW_NAME: NEW}, NEW_NAME), "no version before this one"),
        (make_board({NEW_NAME: NEW}, NEW_NAME, OLD_NAME), "The version before is no longer"),
        (
            make_board({NEW_NAME: NEW, OLD_NAME: {}}, NEW_NAME, OLD_NAME),
            "The version before is no longer",
        ),
    ],
)
def test_rollback_without_a_version_before_is_one_line(board, reason):
    with pytest.raises(CommandError, match=reason):
        plan_rollback(board)


def answer(*lines, micropython="1.25.0"):
    facts = [f"micropython {micropython}", "mpy 10502", "flash 4096 8192"]
    return parse([*facts, *lines, "complete"])


def test_the_inventory_reads_what_the_board_prints():
    text = main_text("/httpd32-01234567", "/httpd32-89abcdef").encode()[:400]
    board = answer(
        "version httpd32-01234567",
        "file 3 abc /httpd32-01234567/lib/with space.txt",
        f"main 123 {text!r}",
        "other main.py.new",
    )
    assert (board.mpy, board.block_len, board.free_len) == ("6.1", 4096, 8192)
    assert (board.current, board.previous) == ("httpd32-01234567", "httpd32-89abcdef")
    assert board.versions == {"httpd32-01234567": {"lib/with space.txt": File(3, "abc")}}
    assert board.main_sha256 == "" and board.others == ["main.py.new"]


def test_a_folder_that_only_looks_like_ours_is_left_alone():
    board = answer("version httpd32-pictures", "file 3 abc /httpd32-pictures/a")
    assert board.versions == {}


def test_a_main_that_is_not_ours_is_known_by_its_hash():
    assert answer("main 123 b'print(1)'").main_sha256 == "123"
    assert answer().main_sha256 == ""


@pytest.mark.parametrize(
    "lines",
    [
        ["micropython 1.25.0", "mpy 1", "flash 4096 8192", "file 12E (41) wifi:", "complete"],
        ["micropython 1.25.0", "mpy 1", "fl", "ash 4096 8192", "complete"],
        ["micropython W (9) wifi:", "1.25.0", "mpy 1", "flash 4096 8192", "complete"],
        ["micropython 1.25.0", "mpy 1", "flash 4096 8192", "main ab b'# Ma", "complete"],
    ],
)
def test_what_the_chip_says_in_the_middle_of_the_answer_is_one_line(lines):
    assert error_line(parse, lines) == "The board's answer is incomplete; try again"


def test_an_old_micropython_and_half_an_answer_are_refused():
    with pytest.raises(CommandError, match="MicroPython 1.19.1 is on the board, and 1.25 or later"):
        answer(micropython="1.19.1")
    with pytest.raises(CommandError, match="incomplete"):
        parse(["micropython 1.25.0"])


@pytest.mark.parametrize(
    ("head", "board", "runs"),
    [
        (b"M\x06\x00\x1f", "6.3", True),
        (b"M\x06\x00\x1f", "6.1", True),
        (b"M\x06\x00\x1f", "7.0", False),
        (b"M\x06\x2b\x1f", "6.3", True),  # with native code
        (b"M\x06\x2b\x1f", "6.2", False),
    ],
)
def test_a_compiled_file_runs_on_its_own_mpy_version(tmp_path, head, board, runs):
    (tmp_path / "a.mpy").write_bytes(head)
    assert manifest.runs_on(tmp_path / "a.mpy", board) == runs
