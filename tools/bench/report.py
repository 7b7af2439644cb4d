"""The rows as text for a terminal, and as JSON to compare runs."""

from tools.bench.experiment import Row

_COLUMNS = ("httpd32", "info", "microdot", "bare")
_HEADS = ("httpd32", "at info", "Microdot", "bare loop")
_WIDTH = 11


def format_value(value: float | None) -> str:
    """Three figures, or all of a larger number; "" for None."""
    if value is None:
        return ""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(rows: list[Row], earlier: dict | None = None) -> str:
    """One line a row: medians, the ratio or figure that counts, and the goal beside it.

    earlier  the results of another run by name, to be shown behind those of this one
    """
    notes = list(dict.fromkeys(note for row in rows for note in row.notes))
    rows = [row for row in rows if row.is_shown()]
    titles = [f"{row.title}, {row.unit}".rstrip(", ") for row in rows]
    width = max([len(title) for title in titles], default=0)
    lines = [" " * width + "".join(f"{head:>{_WIDTH}}" for head in _HEADS) + "  result"]
    for row, title in zip(rows, titles, strict=True):
        cells = "".join(f"{format_value(row.middle(name)):>{_WIDTH}}" for name in _COLUMNS)
        lines.append(f"{title:<{width}}{cells}  {describe(row)}{_was(row, earlier)}".rstrip())
        others = [name for name in row.values if name not in _COLUMNS]
        if others:
            shown = [f"{name} {format_value(row.middle(name))}" for name in others]
            lines.append("    " + ", ".join(shown))
    return "\n".join([*lines, *notes])


def describe(row: Row) -> str:
    """What counts of a row: `4.31 x Microdot, at least 4: reached`."""
    result = row.result()
    if result is None:
        return ""
    name = {"microdot": "Microdot"}.get(row.against or "", row.against)
    text = f"{format_value(result)} x {name}" if row.against else format_value(result)
    if row.goal:
        verdict = "reached" if row.goal.is_reached(result) else "MISSED"
        text += f"; {row.goal.kind} {row.goal.limit:g}: {verdict}"
    return text


def _was(row: Row, earlier: dict[str, float | None] | None) -> str:
    value = (earlier or {}).get(row.name)
    return "" if value is None else f" (was {format_value(value)})"


def as_json(header: dict, rows: list[Row]) -> dict:
    """Everything that was measured."""
    return {
        **header,
        "rows": [
            {
                "name": row.name,
                "title": row.title.strip(),
                "unit": row.unit,
                "against": row.against,
                "goal": row.goal and f"{row.goal.kind} {row.goal.limit:g}",
                "result": row.result(),
                "medians": {series: row.middle(series) for series in row.values},
                "values": row.values,
                "notes": row.notes,
            }
            for row in rows
        ],
    }


def results(document: dict) -> dict:
    """The result of each row, by name, of what `as_json` has made."""
    return {row["name"]: row["result"] for row in document["rows"]}
