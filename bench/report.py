"""The table: what each server did, the ratios, and whether the promises hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.model import Results, Row
from bench.servers import DEVPI, NGINX, PYPISERVER, PYPITOOL

WITHIN = 0.20
HEADINGS = (
    "row",
    "corpus",
    "unit",
    "pypitool",
    "nginx",
    "pypiserver",
    "devpi",
    "% of nginx",
    "promised",
    "kept",
)


def line(row: Row, corpus: str, results: Results) -> list[str]:
    """Write one line of the table."""
    values = results.values(row.name, corpus)
    targets = row.targets_on(corpus) if PYPITOOL in values else ()
    return [
        row.title,
        corpus,
        row.unit,
        *(number(values.get(server)) for server in (PYPITOOL, NGINX, PYPISERVER, DEVPI)),
        percent(values.get(PYPITOOL), values.get(NGINX)) if "per" in row.unit else "–",
        ", ".join(target.text for target in targets),
        ", ".join("yes" if target.reached(values) else "NO" for target in targets),
    ]


def flat_lines(rows: Iterable[Row], results: Results, small: str = "S", large: str = "L") -> list[list[str]]:
    """Compare the large corpus with the small one, row by row."""
    lines = []
    for row in rows:
        one, other = (results.values(row.name, corpus).get(PYPITOOL) for corpus in (small, large))
        if one and other:
            kept = "yes" if abs(other / one - 1) <= WITHIN or other > one else "NO"
            lines.append([row.title, f"{large} against {small}", percent(other, one), "within 20 %", kept])
    return lines


def table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Lay out a table that Markdown and people read."""
    widths = [max(len(cells[column]) for cells in (headings, *lines)) for column in range(len(headings))]
    rule = ["-" * width for width in widths]
    return "\n".join(_laid_out(cells, widths) for cells in (headings, rule, *lines))


def number(value: float | None) -> str:
    """Write a figure with as many digits as mean something."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def percent(value: float | None, of: float | None) -> str:
    """Write a ratio in percent."""
    return f"{value / of:.0%}" if value is not None and of else "–"


def _laid_out(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
