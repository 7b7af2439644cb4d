"""The picture for README: bars of requests a second, readable on light and dark pages.

It brings its own background, because a page may be dark where the browser prefers light.
"""

from html import escape

from tools.bench.experiment import Row
from tools.bench.report import format_value

_SERIES = (("httpd32", "httpd32", "own"), ("microdot", "plain Microdot", "peer"))
_WIDTH = 720
_LEFT = 260  # where the bars begin
_RIGHT = 200  # room for the figures behind the longest bar
_BAR = 16
_GAP = 22  # between two groups
_MARGIN = 16
_TOP = 50
_STYLE = """
  .page { fill: #ffffff; }
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; font-size: 15px; }
  .small { font-size: 11px; fill: #57606a; }
  .own { fill: #0a7d5a; }
  .peer { fill: #9aa4ae; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; }
    text { fill: #e6edf3; }
    .small { fill: #9da7b1; }
    .own { fill: #35c491; }
    .peer { fill: #6b7682; }
  }
"""


def draw(rows: list[Row], footer: str) -> str:
    """SVG with one group of bars a row: httpd32 over plain Microdot."""
    parts = [_text(_MARGIN, 28, "Requests a second, answered by one core", "title")]
    longest = max((row.middle(name) or 0 for row in rows for name, _, _ in _SERIES), default=0)
    top = _TOP
    for row in rows:
        parts += _group(row, top, (_WIDTH - _LEFT - _RIGHT) / (longest or 1))
        top += len(_SERIES) * (_BAR + 2) + _GAP
    parts.append(_text(_MARGIN, top + 4, footer, "small"))
    height = top + _MARGIN + 4
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" '
        f'aria-label="{escape(_describe(rows))}">\n'
        f'<style>{_STYLE}</style>\n<rect class="page" width="100%" height="100%" rx="6"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _group(row: Row, top: int, scale: float) -> list[str]:
    """The bars of a row, with the ratio behind the first one."""
    parts = [_text(_MARGIN, top + _BAR + 6, row.title.strip())]
    for index, (name, label, style) in enumerate(_SERIES):
        value = row.middle(name) or 0
        y = top + index * (_BAR + 2)
        width = max(1.0, value * scale)
        parts.append(
            f'<rect class="{style}" x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}"/>'
        )
        text = f"{format_value(value)}  {label}"
        ratio = row.result()
        if index == 0 and ratio is not None:
            text += f", {ratio:.1f} x"
        parts.append(_text(_LEFT + width + 6, y + _BAR - 4, text))
    return parts


def _text(x: float, y: float, text: str, style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.0f}" y="{y:.0f}"{kind}>{escape(text)}</text>'


def _describe(rows: list[Row]) -> str:
    return "; ".join(
        f"{row.title.strip()}: "
        + ", ".join(f"{label} {format_value(row.middle(name))}" for name, label, _ in _SERIES)
        for row in rows
    )
