"""Names of the firmware that a board keeps, and those that become names of the image."""

import re
import subprocess

import pytest

from tools.checkout import ROOT
from tools.simulator.interpreter import micropython
from tools.version import names

# The names of all modules, and of all that these have.
LIST_NAMES = """
import sys
for name in sys.argv[1:]:
    try:
        module = __import__(name, None, None, ("*",))
    except ImportError:
        continue
    for each in dir(module):
        print(each)
        for one in dir(getattr(module, each, None)):
            print(one)
"""
MODULES = """
asyncio asyncio.core asyncio.event asyncio.funcs asyncio.lock asyncio.stream binascii builtins
collections errno gc hashlib heapq io json machine math micropython os platform random re select
socket ssl struct sys time tls uctypes vfs _thread
"""

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

    def threshold_of(self, owner):
        owner.insert_all(self.named_by_others())

    def named_by_others(self):
        pass

    def named_beside(self):
        pass

    def named_behind(self):
        pass

def _sum_up(response):
    response._of_microdot()

def run(application):
    pass

class Full(Exception):
    pass
"""


FOREIGN = [
    "class Response:\n  def _of_microdot(self): pass",
    '"""Of a Table."""\ntable.named_by_others()  # not public_count()\n',
    "def named_beside(self): ...\n'ä'; table.named_behind()\n",
    "this is no Python",
]
KEPT = ["Full", "run", "__init__", "_by_text", "_of_microdot", "insert_all"]
NAMED = ["named_by_others", "named_beside", "named_behind"]


@pytest.fixture
def found():
    return names.find([SOURCE], FOREIGN)


@pytest.mark.parametrize("name", ["longest", "_count_open", "_sum_up", "public_count", "Table"])
def test_variables_functions_and_classes_take_names_of_the_image(found, name):
    assert found[name] in names.IMAGE_NAMES


@pytest.mark.parametrize("name", [*KEPT, *NAMED, "application"])
def test_what_others_may_call_keeps_its_name(found, name):
    assert name not in found


def test_public_functions_keep_theirs_when_what_calls_them_can_not_be_read():
    found = names.find([SOURCE], FOREIGN, keeps_public=True)
    assert not {"public_count", "Table"}.intersection(found) and "_sum_up" in found


@pytest.mark.parametrize("mark", ["\x0c", "\u2028"])
def test_what_python_does_not_end_a_line_at_does_not_hide_what_others_name(mark):
    text = f"#{mark}\nasked = table.public_count\n'as long as the line that it follows'\n"
    assert "public_count" not in names.find([SOURCE], [text])


def test_what_an_application_makes_by_keywords_keeps_their_names():
    ours = "class Log:\n  def __init__(self, a_tag): pass\n  def level_of(self, a_tag, other): pass"
    found = names.find([ours], foreign=[""])
    assert "a_tag" not in found and {"level_of", "other"} <= found.keys()


def test_a_function_that_is_imported_has_the_same_name_in_both_modules():
    defines, imports = "def count_all(): pass", "from firmware.table import count_all\ncount_all()"
    found = names.find([defines, imports], foreign=[""])
    assert names.replace(imports, found).count(found["count_all"]) == 2


@pytest.mark.parametrize(
    "imports", ["from firmware.table import own_module", "import own_module", "import a.own_module"]
)
def test_a_module_keeps_its_name_though_a_function_has_the_same(imports):
    sources = ["def own_module(): pass", imports, "from firmware.table.other import thing"]
    assert "own_module" not in names.find(sources, foreign=[""])


def test_a_function_of_others_keeps_its_name_though_one_of_ours_has_the_same():
    sources = ["def spin_up(): pass", "from machine import spin_up"]
    assert "spin_up" not in names.find(sources, foreign=[""])


def test_no_method_that_micropython_has_takes_another_name():
    """It may be meant where ours has the same name."""
    line = [*micropython("1M"), "-c", LIST_NAMES, *MODULES.split()]
    known = subprocess.run(line, check=True, capture_output=True, text=True).stdout.split()
    assert len(known) > 500 and "readexactly" in known
    texts = [path.read_text() for path in (ROOT / "firmware").rglob("*.py")]
    ours = {name for text in texts for name in re.findall(r"\bdef (\w+)", text)}
    assert not ours.intersection(names.find(texts, foreign=[""]), known)


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
