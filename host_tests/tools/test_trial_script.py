"""`/trial.py` on a flash that is played: what it goes back to, and when."""

import sys
from types import SimpleNamespace

import pytest

from tools.checkout import ROOT

SCRIPT = ROOT / "tools" / "version" / "scripts" / "trial.py"
NEW, OLD = "/httpd32-new", "/httpd32-old"


class Reset(Exception):
    pass


class Flash:
    """Names and texts; when `is_full`, nothing is written until something was removed."""

    def __init__(self, *paths, starts=3, is_full=False):
        self.texts = dict.fromkeys(paths, "")
        self.texts["/main.py"] = f'CURRENT = "{NEW}"\nPREVIOUS = "{OLD}"\n'
        self.texts["/trial"] = "." * starts
        self.is_full = is_full

    def stat(self, path):
        if path not in self.texts:
            raise OSError(2)
        return (0,) * 6 + (len(self.texts[path]),)

    def rename(self, old, new):
        self.texts[new] = self.texts.pop(old)

    def remove(self, path):
        if path not in self.texts:
            raise OSError(2)
        del self.texts[path]
        self.is_full = False

    def open(self, path, mode="r"):
        return File(self, path, mode)


class File:
    def __init__(self, flash, path, mode):
        self._flash = flash
        self._path = path
        if mode == "w":
            flash.texts[path] = ""
        self.read = lambda: flash.texts[path]

    def write(self, text):
        if self._flash.is_full:
            raise OSError(28)
        self._flash.texts[self._path] += text

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass


@pytest.fixture
def start(monkeypatch):
    """The version's start on a flash; whether it goes back."""

    def run(flash):
        def reset():
            raise Reset

        machine = SimpleNamespace(reset=reset, reset_cause=lambda: 2, DEEPSLEEP_RESET=4)
        monkeypatch.setitem(sys.modules, "machine", machine)
        monkeypatch.setitem(sys.modules, "os", flash)
        monkeypatch.setitem(sys.modules, "time", SimpleNamespace(ticks_ms=lambda: 0))
        monkeypatch.setitem(sys.modules, "firmware.last_words", None)
        text = SCRIPT.read_text().replace('WANTED = ""', f'WANTED = "{NEW}"')
        names = {"CURRENT": NEW, "PREVIOUS": OLD, "HAS_ENDED": False, "open": flash.open}
        try:
            exec(compile(text, "trial.py", "exec"), names)
        except Reset:
            return True
        finally:
            monkeypatch.undo()
        return False

    return run


def test_after_three_starts_the_version_before_runs_again(start):
    for starts in range(4):
        flash = Flash(OLD + "/manifest", NEW + "/manifest", starts=starts)
        assert start(flash) == (starts == 3)
        assert (f'CURRENT = "{OLD}"' in flash.texts["/main.py"]) == (starts == 3)
        assert flash.texts["/trial"] == "." * min(3, starts + 1)
        assert NEW + "/manifest" in flash.texts
        assert (NEW + "/failed-to-start" in flash.texts) == (starts == 3)


def test_a_start_for_an_update_alone_is_none_of_the_three(start):
    for starts in range(4):
        flash = Flash(OLD + "/manifest", NEW + "/manifest", "/update.alone", starts=starts)
        assert not start(flash)
        assert "/trial" not in flash.texts
        del flash.texts["/update.alone"]  # as the start has done meanwhile
        flash.texts["/trial"] = ""
        assert [start(flash) for _ in range(4)] == [False, False, False, True]


def test_it_does_not_go_back_to_a_version_that_an_update_has_removed(start):
    flash = Flash(NEW + "/manifest", OLD + "/main.py")  # as far as it came
    assert not start(flash)
    assert f'CURRENT = "{NEW}"' in flash.texts["/main.py"]


def test_it_goes_back_although_the_flash_is_full(start):
    for starts in 0, 3:  # what can't be counted was enough
        flash = Flash(OLD + "/manifest", NEW + "/manifest", starts=starts, is_full=True)
        assert start(flash)
        assert f'CURRENT = "{OLD}"' in flash.texts["/main.py"]
        assert NEW + "/failed-to-start" in flash.texts
