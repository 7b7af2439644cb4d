"""What becomes of the firmware's public numbers on their way to a board."""

from tools.version import constants

STATES = """\
from micropython import const

FREE = const(0)  # no connection
BUSY = const(4)
_BOTH = const(1 << FREE | 1 << BUSY)
"""


def fold(*sources, foreign=()):
    folded = constants.fold({str(at): text for at, text in enumerate(sources)}, foreign).values()
    assert [len(text.split("\n")) for text in folded] == [len(text.split("\n")) for text in sources]
    return list(folded)


def run(text, **names):
    exec(text, names)
    return names


def test_a_number_stands_wherever_its_name_stood():
    states, user = fold(STATES, "from states import BUSY, FREE\n\nfound = [FREE, BUSY]\n")
    assert "BUSY" not in states + user and "import" not in user
    assert run(user)["found"] == [0, 4]
    assert run(states, const=int)["_BOTH"] == 17


def test_what_is_imported_beside_it_and_on_several_lines_stays():
    text = "if True:\n    from states import (\n        FREE,\n        Table,\n    )\n    FREE\n"
    assert fold(STATES, text)[1].split("\n") == [
        "if True:",
        "    from states import Table",
        *("", "", ""),
        "    0",
        "",
    ]


def test_a_name_that_somebody_else_knows_or_sets_or_asks_a_module_for_stays():
    assert "FREE = const(0)" in fold(STATES, foreign=["from firmware.states import FREE"])[0]
    assert "FREE = const(0)" in fold(STATES, "FREE = 1\n")[0]
    assert "FREE = const(0)" in fold(STATES, "import states\nprint(states.FREE)\n")[0]


def test_const_is_imported_only_where_something_calls_it():
    assert "import" not in fold(STATES)[0]
    assert "import const" in fold(STATES + "print(const(1))\n")[0]
    assert "import const" in fold(STATES, foreign=["FREE"])[0]
