"""What `make bench` makes of its figures: ratios, goals, the table, the picture, the JSON."""

import json
from xml.etree import ElementTree

import pytest

from tools.bench import picture, report
from tools.bench.experiment import Experiment, Goal, Row


def make_row(goal=None, against="microdot", **values):
    row = Row("quick", "/quick", "requests/s", against, goal)
    row.values = {name: [float(value) for value in each] for name, each in values.items()}
    return row


def test_a_ratio_is_taken_within_a_round_and_then_the_median():
    # The machine was slow in the second round, for both.
    row = make_row(httpd32=[400, 40, 500], microdot=[100, 10, 100])
    assert row.result() == 4


def test_a_row_that_stands_for_itself_has_its_median_as_the_result():
    assert make_row(against=None, httpd32=[3, 100, 1]).result() == 3


@pytest.mark.parametrize("values", [{}, {"microdot": [1]}, {"httpd32": [1]}])
def test_a_row_without_the_figures_has_no_result(values):
    row = make_row(goal=Goal("at least", 4), **values)
    assert row.result() is None
    assert report.describe(row) == ""


@pytest.mark.parametrize(
    ("goal", "verdict"),
    [
        (Goal("at least", 4), "at least 4: reached"),
        (Goal("at least", 4.1), "at least 4.1: MISSED"),
        (Goal("at most", 4), "at most 4: reached"),
        (Goal("at most", 3.9), "at most 3.9: MISSED"),
    ],
)
def test_a_goal_is_held_against_the_result(goal, verdict):
    row = make_row(goal, httpd32=[400], microdot=[100])
    assert report.describe(row) == f"4.00 x Microdot; {verdict}"


def test_every_series_is_visited_once_a_round_and_each_is_first_in_turn():
    visited: list[str] = []
    row = Row("a", "a", "")

    def visit(name):
        def run():
            visited.append(name)
            return [len(visited)]

        return run

    experiment = Experiment("a", (row,), {name: visit(name) for name in "abc"})
    for number in range(3):
        experiment.run_round(number)
    assert visited == list("abcbcacab")
    assert row.values == {"a": [1, 6, 8], "b": [2, 4, 9], "c": [3, 5, 7]}


def test_the_table_has_a_line_for_each_row_with_its_medians():
    row = make_row(Goal("at least", 2), httpd32=[10000, 12000, 11000], microdot=[5000, 5000, 5000])
    lines = report.table([row, make_row(against="alone", httpd32=[3], alone=[2])]).split("\n")
    assert lines[0].split() == ["httpd32", "at", "info", "Microdot", "bare", "loop", "result"]
    assert lines[1].split()[:4] == ["/quick,", "requests/s", "11,000", "5,000"]
    assert lines[1].endswith("2.20 x Microdot; at least 2: reached")
    assert lines[2].endswith("1.50 x alone")
    assert lines[3].strip() == "alone 2.00"


def test_a_row_that_hides_zero_is_shown_when_there_is_something():
    row = make_row(httpd32=[0])
    row.hides_zero = True
    assert "/quick" not in report.table([row])
    row.add("httpd32", 1)
    assert "/quick" in report.table([row])


def test_a_remark_is_shown_once_even_where_nothing_was_measured():
    row = make_row()
    row.note("skipped, no strace on PATH")
    row.note("skipped, no strace on PATH")
    assert report.table([row]).count("no strace") == 1


def test_an_earlier_run_is_shown_behind_this_one():
    row = make_row(httpd32=[400], microdot=[100])
    document = json.loads(json.dumps(report.as_json({"rounds": 1}, [row])))
    assert report.results(document) == {"quick": 4}
    row.add("httpd32", 600)
    row.add("microdot", 100)
    assert "5.00 x Microdot (was 4.00)" in report.table([row], report.results(document))


def test_the_json_has_every_value():
    document = report.as_json({"rounds": 2}, [make_row(httpd32=[1, 3], microdot=[1, 1])])
    assert document["rounds"] == 2
    assert document["rows"][0]["values"]["httpd32"] == [1, 3]
    assert document["rows"][0]["medians"] == {"httpd32": 2, "microdot": 1}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0, "0.00"),
        (4.3119, "4.31"),
        (43.119, "43.1"),
        (431.19, "431"),
        (10253, "10,253"),
    ],
)
def test_three_figures_are_shown(value, text):
    assert report.format_value(value) == text


def bars(svg):
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    return [each for each in root.iter(f"{space}rect") if each.get("class") in ("own", "peer")]


def test_the_picture_is_well_formed_and_has_bars_in_proportion():
    row = make_row(httpd32=[9000], microdot=[3000])
    row.title = '<&> "quoted"'
    own, peer = bars(picture.draw([row], "a < b"))
    assert float(own.attrib["width"]) == pytest.approx(3 * float(peer.attrib["width"]), abs=0.3)


def test_the_picture_keeps_inside_its_frame_and_knows_dark_pages():
    svg = picture.draw([make_row(httpd32=[90], microdot=[30]), make_row(httpd32=[1])], "")
    width = float(ElementTree.fromstring(svg).attrib["width"])
    assert len(bars(svg)) == 4
    assert all(float(bar.attrib["x"]) + float(bar.attrib["width"]) < width for bar in bars(svg))
    assert "prefers-color-scheme: dark" in svg


def test_a_picture_of_nothing_is_still_a_picture():
    assert bars(picture.draw([], "")) == []
