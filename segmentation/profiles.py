"""What sets a segment apart from everybody else, over the analytic tables.

Only people who agreed to profiling are in those tables, so nobody else is described. Groups of fewer than
`SMALLEST` people are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt

import duckdb

from customers import display
from segmentation import pictures
from segmentation.mirror.database import snapshot
from segmentation.models import Segment
from segmentation.pictures import Bar, Pictures, bars, folded
from segmentation.small_cells import SMALLEST
from segmentation.telling import TELLING, Telling


NOTICEABLE = 0.2
"""Cohen's small effect: below it a difference is not worth a sentence."""
MOST_TRAITS = 6
PRODUCTS = 6
CHANNELS = 8


@dataclass(frozen=True, kw_only=True)
class Difference:
    """
    Means of one feature. effect: difference of the means in pooled standard deviations (Cohen's d).
    inside_width, outside_width: bars of 100 on one scale.
    """

    telling: Telling
    sentence: str
    inside: str
    outside: str
    effect: float
    inside_width: float
    outside_width: float


@dataclass(frozen=True, kw_only=True)
class Product:
    """Bought by `share` of the members and by `others` of the others."""

    name: str
    share: str
    others: str
    times: str


@dataclass(frozen=True, kw_only=True)
class Profile:
    """profiled: members who may be described; the rest is empty when they, or the others, are too few."""

    profiled: int
    is_told: bool
    differences: list[Difference]
    products: list[Product]
    channels: list[Bar]
    pictures: Pictures | None

    @property
    def sentences(self) -> list[str]:
        return [one.sentence for one in self.differences]


def of_segment(database: duckdb.DuckDBPyConnection, segment: Segment) -> Profile:
    """The profile of who is in `segment` now, over the analytic tables of `database`."""
    with _members(database, segment):
        return of_members(database)


@contextmanager
def _members(database: duckdb.DuckDBPyConnection, segment: Segment) -> Iterator[None]:
    with snapshot() as cursor:
        # a number of our own; the driver's binding of parameters needs a round trip more
        cursor.execute(
            f"SELECT customer_id FROM segmentation_membership WHERE segment_id = {int(segment.pk)}"
        )
        database.register("incoming", cursor.fetch_arrow_table())
        database.execute("CREATE TEMP TABLE members AS FROM incoming")
        database.unregister("incoming")
    yield


def of_members(database: duckdb.DuckDBPyConnection) -> Profile:
    """The profile of the customers in the table `members`."""
    inside, outside = database.execute(
        """SELECT count(*) FILTER (WHERE m.customer_id IS NOT NULL),
                      count(*) FILTER (WHERE m.customer_id IS NULL)
               FROM customers LEFT JOIN members m USING (customer_id)"""
    ).fetchone() or (0, 0)
    told = inside >= SMALLEST
    return Profile(
        profiled=int(inside),
        is_told=told,
        differences=_differences(database) if told and outside >= SMALLEST else [],
        products=_products(database, inside=inside, outside=outside) if told else [],
        channels=_channels(database) if told else [],
        pictures=pictures.of_members(database, "members") if told else None,
    )


# ------------------------------------------------------------------ what sets them apart
def _differences(database: duckdb.DuckDBPyConnection) -> list[Difference]:
    columns = ", ".join(
        f"count({name}), avg({name}), coalesce(var_samp({name}), 0)"
        for name in (one.feature for one in TELLING)
    )
    rows = {
        bool(row[0]): row[1:]
        for row in database.execute(
            f"""SELECT m.customer_id IS NOT NULL, {columns}
                FROM features LEFT JOIN members m USING (customer_id) GROUP BY 1"""
        ).fetchall()
    }
    if len(rows) < 2:
        return []
    found = []
    for number, telling in enumerate(TELLING):
        (n_in, mean_in, var_in), (n_out, mean_out, var_out) = (
            rows[side][3 * number : 3 * number + 3] for side in (True, False)
        )
        if n_in < SMALLEST or n_out < SMALLEST:
            continue
        pooled = sqrt(((n_in - 1) * var_in + (n_out - 1) * var_out) / (n_in + n_out - 2))
        effect = (mean_in - mean_out) / pooled if pooled > 0 else 0.0
        if abs(effect) >= NOTICEABLE:
            found.append(_difference(telling, mean_in, mean_out, effect))
    return _most_telling(found)


def _difference(telling: Telling, inside: float, outside: float, effect: float) -> Difference:
    longest = max(abs(inside), abs(outside)) or 1.0
    return Difference(
        telling=telling,
        sentence=telling.sentence(inside, outside),
        inside=telling.value(inside),
        outside=telling.value(outside),
        effect=effect,
        inside_width=round(100 * max(inside, 0) / longest, 1),
        outside_width=round(100 * max(outside, 0) / longest, 1),
    )


def _most_telling(found: list[Difference]) -> list[Difference]:
    """The largest effects, one a topic."""
    topics: set[str] = set()
    kept = []
    for one in sorted(found, key=lambda one: -abs(one.effect)):
        if one.telling.topic not in topics:
            topics.add(one.telling.topic)
            kept.append(one)
    return kept[:MOST_TRAITS]


# ------------------------------------------------------------------ what they buy, and where
def _products(database: duckdb.DuckDBPyConnection, *, inside: int, outside: int) -> list[Product]:
    """What members buy more than others do: by the share of people who ever bought it."""
    rows = database.execute(
        f"""
        WITH bought AS (
            SELECT product_id,
                   count(m.customer_id) AS inside,
                   count(*) - count(m.customer_id) AS outside
            -- one row a person first: counting them apart product by product takes far longer
            FROM (SELECT DISTINCT product_id, customer_id FROM order_lines) l
            LEFT JOIN members m USING (customer_id)
            GROUP BY 1
        )
        SELECT coalesce(nullif(p.name, ''), p.external_id), b.inside, b.outside
        FROM bought b JOIN products p USING (product_id)
        WHERE b.inside >= {SMALLEST} AND b.outside >= {SMALLEST}
        -- the odds that it is a member's, weighed by how many members: not the rarest product first
        ORDER BY (b.inside / $inside) * ln((b.inside / $inside) / (b.outside / $outside)) DESC, 1
        LIMIT {PRODUCTS}
        """,
        {"inside": float(inside), "outside": float(max(outside, 1))},
    ).fetchall()
    return [
        Product(
            name=name,
            share=display.percent(mine / inside),
            others=display.percent(theirs / outside),
            times=display.number((mine / inside) / (theirs / outside), decimals=1),
        )
        for name, mine, theirs in rows
        if mine / inside > theirs / outside
    ]


def _channels(database: duckdb.DuckDBPyConnection) -> list[Bar]:
    """Members by the channel of their last order."""
    rows = database.execute(
        """SELECT coalesce(nullif(channel, ''), 'not known'), count(*) FROM (
               SELECT arg_max(channel, placed_at) AS channel FROM orders
               SEMI JOIN members USING (customer_id) GROUP BY customer_id)
           GROUP BY 1 ORDER BY 2 DESC, 1"""
    ).fetchall()
    counts = [(str(channel), int(number)) for channel, number in rows]
    return bars(folded(counts, most=CHANNELS, others="other channels"))
