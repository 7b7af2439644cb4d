"""What is measured: rows of figures, and the experiments whose visits fill them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Goal:
    """What a row should reach: "at least" or "at most" `limit`."""

    kind: str
    limit: float

    def is_reached(self, value: float) -> bool:
        return value >= self.limit if self.kind == "at least" else value <= self.limit


@dataclass
class Row:
    """One line of the table: for each series (a server, mostly) one value a round.

    against  the series that the first one is divided by, round by round; None: it stands for itself
    """

    name: str
    title: str
    unit: str
    against: str | None = None
    goal: Goal | None = None
    hides_zero: bool = False  # not shown while there is nothing in it
    values: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, series: str, value: float) -> None:
        self.values.setdefault(series, []).append(value)

    def note(self, text: str) -> None:
        """A remark under the table, once."""
        if text not in self.notes:
            self.notes.append(text)

    def is_shown(self) -> bool:
        """Whether there is something to show."""
        return any(any(values) or not self.hides_zero for values in self.values.values())

    def middle(self, series: str) -> float | None:
        """The median of a series; None when it was not measured."""
        return median(self.values[series]) if self.values.get(series) else None

    def result(self) -> float | None:
        """What the goal is held against: a ratio, or the median itself; None without figures.

        Ratios are taken within a round, where both had the same machine, and then the median.
        """
        own = self.values.get("httpd32")
        if not own:
            return None
        if self.against is None:
            return median(own)
        ratios = [
            mine / theirs
            for mine, theirs in zip(own, self.values.get(self.against, []), strict=False)
            if theirs
        ]
        return median(ratios) if ratios else None


Visit = Callable[[], Iterable[float]]


@dataclass
class Experiment:
    """Visits every series in turn; a visit gives one value for each of `rows`.

    rounds  how often at most: what repeats exactly needs fewer
    """

    name: str
    rows: tuple[Row, ...]
    visits: dict[str, Visit]
    rounds: int = 1000

    def run_round(self, number: int) -> None:
        """Round `number`: the order turns, so that none always comes after the same one."""
        names = list(self.visits)
        shift = number % len(names)
        for series in names[shift:] + names[:shift]:
            for row, value in zip(self.rows, self.visits[series](), strict=True):
                row.add(series, value)
