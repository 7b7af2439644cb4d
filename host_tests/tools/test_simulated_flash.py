"""The folder that is the flash of a simulated board, which several runs share."""

import pytest

from tools.simulator.flash import Flash


@pytest.fixture
def flash(tmp_path):
    made = Flash(tmp_path)
    made.install({}, {})
    return made


def vanish(path):
    """A file that is listed, and when it is looked at another run has removed it."""
    path.symlink_to("gone")


def test_what_another_run_removes_meanwhile_stops_no_start(flash):
    vanish(flash.root / "httpd32-00000000")
    assert (flash.root / flash.install({}, {}) / "config.json").is_file()


def test_what_another_run_removes_meanwhile_stops_no_end(flash):
    vanish(flash.state / "rtc.1")
    own = flash.state / f"rtc{flash.power}"
    own.write_text("kept")
    flash.power_off()
    assert not own.exists()
