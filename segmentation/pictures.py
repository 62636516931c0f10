"""Small pictures of a set of customers: last order and number of orders, countries, chance of leaving.

Numbers only, with the coordinates of templates/charts/*.svg; computed in DuckDB over the analytic tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from customers import display
from segmentation.small_cells import FEW, SMALLEST, WITHHELD, all_told, hidden, told


RECENCY = ((30, "0–30"), (90, "31–90"), (180, "91–180"), (365, "181–365"), (None, "over 365"))
ORDERS = ((1, "1"), (2, "2"), (4, "3–4"), (9, "5–9"), (None, "10+"))
COUNTRIES = 8
_SHORT = {FEW: f"< {SMALLEST}", WITHHELD: "–"}
WIDTH, HEIGHT = 62, 32  # of a cell of the grid


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of the grid; `shade` is 0 to 1 of the fullest, `text` what it says, `short` in little room."""

    x: int
    y: int
    shade: float
    text: str
    short: str
    spent: str


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Rows are numbers of orders (most on top), columns days since the last order."""

    columns: list[tuple[int, str]]
    rows: list[tuple[int, str, list[Cell]]]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """`width` of 100; `text` the number, or that it is too small to tell."""

    label: str
    text: str
    width: float
    share: str = ""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Each is None where there is nothing to draw. never: members without any order, in words."""

    grid: Grid | None
    never: str
    countries: list[Bar]
    churn: list[Bar]


def of_members(database: duckdb.DuckDBPyConnection, members: str) -> Pictures:
    """Pictures of the customers in the table `members`, whose column is customer_id."""
    grid, never = _grid(database, members)
    return Pictures(
        grid=grid,
        never=never,
        countries=_countries(database, members),
        churn=_churn(database, members),
    )


def _grid(database: duckdb.DuckDBPyConnection, members: str) -> tuple[Grid | None, str]:
    rows = database.execute(
        f"""SELECT {_band("recency_days", RECENCY)}, {_band("orders", ORDERS)},
                   count(*), avg(net_revenue_cents)
            FROM features SEMI JOIN {members} USING (customer_id) GROUP BY ALL"""
    ).fetchall()
    counts = {(when, often): (int(n), mean) for when, often, n, mean in rows}
    never = sum(n for (when, _), (n, _) in counts.items() if when is None)
    most = max((n for (when, _), (n, _) in counts.items() if when is not None), default=0)
    if not most:
        return None, told(never)
    # how many they are together is known, with those who never ordered
    keys = [(when, often) for often in range(len(ORDERS)) for when in range(len(RECENCY))]
    numbers = [*(counts.get(key, (0, None))[0] for key in keys), never]
    texts = dict(zip([*keys, None], all_told(numbers), strict=True))
    drawn = []
    for line, often in enumerate(reversed(range(len(ORDERS)))):
        cells = []
        for when in range(len(RECENCY)):
            number, mean = counts.get((when, often), (0, None))
            text = texts[when, often]
            # a hidden cell says nothing, not even by how dark it is
            known = number > 0 and text not in _SHORT
            cells.append(
                Cell(
                    x=when * WIDTH, y=line * HEIGHT, shade=number / most if known else 0.0,
                    text=text, short=_SHORT.get(text, text), spent=display.money(mean, decimals=0) if known else display.NOTHING,
                )
            )  # fmt: skip
        drawn.append((line * HEIGHT, ORDERS[often][1], cells))
    columns = [(number * WIDTH + WIDTH // 2, label) for number, (_, label) in enumerate(RECENCY)]
    return Grid(columns=columns, rows=drawn), texts[None]


def _band(column: str, bands: tuple[tuple[int | None, str], ...]) -> str:
    """The number of the band that the column is in; NULL without a value, and for none at all."""
    cases = " ".join(
        f"WHEN {column} <= {top} THEN {number}"
        for number, (top, _) in enumerate(bands)
        if top is not None
    )
    return f"CASE WHEN {column} IS NULL THEN NULL {cases} ELSE {len(bands) - 1} END"


def _countries(database: duckdb.DuckDBPyConnection, members: str) -> list[Bar]:
    rows = database.execute(
        f"""SELECT country, count(*) AS n FROM people SEMI JOIN {members} USING (customer_id)
            GROUP BY 1 ORDER BY n DESC, 1"""
    ).fetchall()
    if not rows or all(not country for country, _ in rows):
        return []
    named = [(country or "not known", int(n)) for country, n in rows]
    return bars(folded(named, most=COUNTRIES, others="other countries"))


def folded(counts: list[tuple[str, int]], *, most: int, others: str) -> list[tuple[str, int]]:
    """The largest of `counts`, at most so many; the rest together, with enough of them to be told."""
    # who is one of few in a country is among the others
    shown = [one for one in counts[:most] if one[1] >= SMALLEST]
    rest = sum(n for _, n in counts) - sum(n for _, n in shown)
    while 0 < rest < SMALLEST and shown:
        rest += shown.pop()[1]
    return [*shown, *([(others, rest)] if rest else [])]


def _churn(database: duckdb.DuckDBPyConnection, members: str) -> list[Bar]:
    rows = database.execute(
        f"""SELECT least(floor(value * 10), 9)::INTEGER, count(*) FROM scores
            SEMI JOIN {members} USING (customer_id) WHERE task = 'CHURN' GROUP BY 1"""
    ).fetchall()
    counts = {int(number): int(n) for number, n in rows}
    if not counts:
        return []
    return bars(
        [(f"{tenth * 10} to {tenth * 10 + 10}\u00a0%", counts.get(tenth, 0)) for tenth in range(10)]
    )


def bars(counts: list[tuple[str, int]]) -> list[Bar]:
    """Counts of people as bars as long as their share of the longest; small ones are not told."""
    numbers = [number for _, number in counts]
    texts, secret = all_told(numbers), hidden(numbers)
    known = [number for place, number in enumerate(numbers) if place not in secret]
    longest, total = max(known, default=0), sum(numbers)

    def drawn(place: int, label: str, number: int) -> Bar:
        is_told = number > 0 and place not in secret
        return Bar(
            label=label,
            text=texts[place],
            width=round(100 * number / longest, 1) if is_told else 0.0,
            share=display.percent(number / total, decimals=0) if is_told else "",
        )

    return [drawn(place, label, number) for place, (label, number) in enumerate(counts)]
