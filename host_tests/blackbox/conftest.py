"""What only tests of a whole server need."""

import pytest

from host_tests.blackbox.browser import Browser, find
from host_tests.blackbox.made_run import MAIN, MadeRun


@pytest.fixture
def start(runtime, tmp_path):
    """Starts runs of a test's own: start(main, config=…, …)."""
    runs: list[MadeRun] = []

    def begin(main=MAIN, **options):
        runs.append(MadeRun(runtime, tmp_path / "app", main, **options))
        return runs[-1]

    yield begin
    for each in runs:
        each.__exit__()


@pytest.fixture(scope="module")
def browser(runtime, tmp_path_factory):
    program = find()
    if not program:
        pytest.skip("no browser on PATH; apt install chromium")
    started = Browser(program, tmp_path_factory.mktemp("browser"))
    yield started
    started.stop()
