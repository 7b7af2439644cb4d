"""Where a test runs: which interpreter, which board, which address."""

from tools.checkout import ROOT
from tools.simulator import modules

modules.install(str(ROOT))

import pytest  # noqa: E402

from host_tests.blackbox import deployed  # noqa: E402
from host_tests.blackbox.board import Board, RemoteBoard  # noqa: E402
from host_tests.serial.board import SerialBoard, format_flash  # noqa: E402
from tools.simulator import harness  # noqa: E402

VENDOR = {"max_async_requests": 2, "max_open_sockets": 3, "backlog_conn": 5}  # ESP-IDF's
_TOLD_LINES = 60  # of a board's log, below a test that has failed


def pytest_addoption(parser):
    parser.addoption(
        "--target", help="for the black-box tests: cpython, micropython, or a host with its port"
    )


def pytest_configure(config):
    is_ours = config.getoption("--target") in (None, "micropython")
    if is_ours and not hasattr(config, "workerinput"):
        deployed.folder()  # once, before the workers of xdist need it at a time


def pytest_generate_tests(metafunc):
    if "target" in metafunc.fixturenames:
        target = metafunc.config.getoption("--target")
        metafunc.parametrize("target", [target] if target else harness.RUNTIMES, scope="session")


def pytest_collection_modifyitems(config, items):
    """A server that runs already has one configuration, its own."""
    if config.getoption("--target") in (None, *harness.RUNTIMES):
        return
    items[:] = [
        item
        for item in items
        if not hasattr(item, "callspec") or item.callspec.params.get("board") != VENDOR
    ]


@pytest.fixture(scope="session")
def runtime(target):
    """The interpreter, for a test that needs a board of its own."""
    if target not in harness.RUNTIMES:
        pytest.skip("needs a board of its own")
    return target


@pytest.fixture
def start_board(runtime, tmp_path):
    """Starts boards of a test's own: start_board(server={...}, demo={...}, limit_files=None)."""
    boards: list[Board] = []

    def start(**options):
        folder = tmp_path / str(len(boards))
        folder.mkdir()
        boards.append(Board(runtime, folder, **options))
        return boards[-1]

    yield start
    for board in boards:
        board.stop()
        print(*board.lines[-_TOLD_LINES:], sep="\n")  # pytest shows it if the test has failed


@pytest.fixture(scope="module")
def make_board(runtime):
    """Starts boards that the tests of a file share: make_board(folder, main=…, …)."""
    boards: list[Board] = []

    def make(folder, **options):
        boards.append(Board(runtime, folder, **options))
        return boards[-1]

    yield make
    for each in boards:
        each.stop()


@pytest.fixture
def serial_board(request, tmp_path):
    """A board at a serial port, with an empty flash: a pseudo-terminal, or as `SOCKET` or `BOTH`.

    The sockets of pyserial are slower.
    """
    is_pty = getattr(request, "param", "pty") == "pty"
    with SerialBoard(format_flash(tmp_path / "flash"), is_pty=is_pty) as started:
        yield started


@pytest.fixture(scope="module", params=[{}, VENDOR], ids=["default", "vendor"])
def board(target, request, tmp_path_factory):
    """A board that the tests of a file share: default settings, or those of ESP-IDF's example."""
    if target not in harness.RUNTIMES:
        remote = RemoteBoard(target)
        remote.wait_alone()
        yield remote
        return
    own = Board(target, tmp_path_factory.mktemp("board"), server=dict(request.param))
    yield own
    own.stop()
