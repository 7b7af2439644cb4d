"""Names of the firmware that a board keeps, and those that become names of the image."""

import pytest

from tools.version import names

SOURCE = """
from microdot import Response

class Table:
    def __init__(self, longest):
        self.longest = longest
        self._count_open()

    def _count_open(self):
        return self.public_count() + getattr(self, "_by_text")()

    def public_count(self):
        return _sum_up(Response)

    def _by_text(self):
        pass

def _sum_up(response):
    response._of_microdot()

def run(application):
    pass
"""


@pytest.fixture
def found():
    return names.find([SOURCE], foreign=["class Response:\n  def _of_microdot(self): pass"])


@pytest.mark.parametrize("name", ["longest", "_count_open", "_sum_up"])
def test_variables_and_private_functions_take_names_of_the_image(found, name):
    assert found[name] in names.IMAGE_NAMES


@pytest.mark.parametrize(
    "name", ["Table", "public_count", "__init__", "_by_text", "_of_microdot", "application"]
)
def test_what_others_may_call_keeps_its_name(found, name):
    assert name not in found


def test_two_names_never_become_one(found):
    assert len(set(found.values())) == len(found)


def test_the_lines_stay(found):
    replaced = names.replace(SOURCE, found)
    assert [line[:4] for line in replaced.split("\n")] == [line[:4] for line in SOURCE.split("\n")]


@pytest.mark.parametrize(
    "kept",
    [
        "'own'",
        '"own \\" own"',
        "'own \\\\'",
        "b'own' + br'own\\\\'",
        '"""own\n\'own "" own\n"""',
        "'''own \" \"\"\" own'''",
        "1  # own's own \"own",
        "0xown",
        "owner, my_own, own2",
    ],
)
def test_texts_comments_and_longer_names_stay(kept):
    assert names.replace(f"own = {kept}\nx = own.own\n", {"own": "new", "b": "c", "xown": "d"}) == (
        f"new = {kept}\nx = new.new\n"
    )


def test_an_image_has_each_name_once():
    assert len(set(names.IMAGE_NAMES)) == len(names.IMAGE_NAMES)


def test_a_word_more_in_an_application_changes_few_names():
    ours = "\n".join(f"our_name_{number} = {number}" for number in range(100))
    before = names.find([ours], foreign=[""])
    for word in names.IMAGE_NAMES[::50]:
        after = names.find([ours], foreign=[word])
        assert sum(before[name] != after[name] for name in before) < 10, word
