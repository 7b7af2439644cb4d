"""What the tests of deploy and rollback begin with: an empty board, and a version for it."""

import pytest

from host_tests.serial.board import SerialBoard, format_flash
from host_tests.tools.sample_version import make_sources


@pytest.fixture
def board(tmp_path):
    # A pseudo-terminal: the sockets of pyserial are slower.
    with SerialBoard(format_flash(tmp_path / "flash"), is_pty=True) as started:
        yield started


@pytest.fixture
def sources(tmp_path):
    return make_sources(tmp_path / "sources", part="NAME = 'first'\n")
