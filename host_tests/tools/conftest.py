"""What the tests of deploy and rollback begin with: a version for an empty board."""

import pytest

from host_tests.tools.sample_version import make_sources


@pytest.fixture
def sources(tmp_path):
    return make_sources(tmp_path / "sources", part="NAME = 'first'\n")
