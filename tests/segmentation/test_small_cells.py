"""No group of fewer than ten people is told, nor what would let one work it out."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import timedelta

import duckdb
import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from consent import wordings
from core import clock
from segmentation import mirror, pictures
from segmentation.enums import SegmentKind
from segmentation.models import Segment
from segmentation.segment_pages import clustered
from segmentation.small_cells import (
    FEW,
    OPEN,
    SMALLEST,
    WITHHELD,
    all_told,
    hidden,
    share_told,
)
from tests.factories.customers import NOW, OrderFactory
from tests.factories.segmentation import segment_of
from tests.segmentation.live import profiled


COUNTS = st.lists(st.integers(0, 60), min_size=1, max_size=12)


@given(COUNTS)
def test_small_counts_are_hidden_and_cannot_be_worked_out_from_the_sum(counts: list[int]) -> None:
    secret = hidden(counts)
    small = {place for place, count in enumerate(counts) if 0 < count < SMALLEST}
    assert small <= secret
    assert all(counts[place] for place in secret)
    if small and any(
        counts[place] >= SMALLEST and place not in secret for place in range(len(counts))
    ):
        # what is left of the sum, when the told ones are taken off, is several cells and enough people
        assert len(secret) >= 2
        assert sum(counts[place] for place in secret) >= SMALLEST
    if not small:
        assert not secret


@given(COUNTS)
def test_words_tell_no_small_number(counts: list[int]) -> None:
    for text, count in zip(all_told(counts), counts, strict=True):
        assert text in {FEW, WITHHELD} or int(text) == count == 0 or int(text) >= SMALLEST


@given(st.integers(0, 200), st.integers(0, 200))
def test_shares_do_not_tell_the_few_on_either_side(part: int, more: int) -> None:
    text = share_told(part, part + more)
    if 0 < part < SMALLEST:
        assert text == "< 10"
    elif 0 < more < SMALLEST:
        assert text in {"nearly all", "most"}
    else:
        assert text.endswith("\u00a0%")


@given(st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=1, max_size=4))
def test_moves_between_clusters_tell_no_small_number(customers: list[list[int]]) -> None:
    moves = {"before": list("abcd")[: len(customers)], "after": ["x", "y", "z"],
             "customers": customers, "kept": 0.5}  # fmt: skip
    matrix = clustered._matrix(moves, title="", note="")
    for (_, _, cells), counts in zip(matrix.rows, customers, strict=True):
        secret = hidden(counts)
        for place, (cell, count) in enumerate(zip(cells, counts, strict=True)):
            assert "%" not in cell.text or count == 0 or place not in secret
            assert not cell.shade or place not in secret


@pytest.mark.parametrize("seed", range(12))
def test_pictures_tell_no_small_number(seed: int) -> None:
    chance = random.Random(seed)
    people = chance.choice([10, 14, 40, 200])
    with duckdb.connect() as database:
        database.execute("CREATE TABLE members (customer_id BIGINT)")
        database.execute(
            "CREATE TABLE features (customer_id BIGINT, recency_days BIGINT, orders BIGINT, net_revenue_cents BIGINT)"
        )
        database.execute("CREATE TABLE people (customer_id BIGINT, country VARCHAR)")
        database.execute("CREATE TABLE scores (customer_id BIGINT, task VARCHAR, value DOUBLE)")
        countries: Counter[str] = Counter()
        for who in range(people):
            country = chance.choice(["DE"] * 8 + ["AT"] * 3 + ["CH", "LI", ""])
            countries[country] += 1
            ordered = chance.random() < 0.95
            database.execute("INSERT INTO members VALUES (?)", [who])
            database.execute("INSERT INTO people VALUES (?, ?)", [who, country])
            database.execute(
                "INSERT INTO features VALUES (?, ?, ?, 100)",
                [who, chance.choice([5, 50, 500]) if ordered else None, chance.choice([1, 2, 12])],
            )
            database.execute(
                "INSERT INTO scores VALUES (?, 'CHURN', ?)", [who, chance.random() ** 3]
            )
        drawn = pictures.of_members(database, "members")
    assert drawn.grid is not None
    cells = [cell for _, _, row in drawn.grid.rows for cell in row]
    _no_small([*(cell.text for cell in cells), drawn.never], total=people)
    for cell in cells:
        if cell.text in {FEW, WITHHELD}:
            assert (cell.shade, cell.spent) == (0.0, "–")
    for bars in (drawn.countries, drawn.churn):
        _no_small([bar.text for bar in bars], total=people)
        assert all(not bar.width and not bar.share for bar in bars if not bar.text.isdecimal())


def _no_small(texts: list[str], *, total: int) -> None:
    """Each is 0, 10 or more, or hidden; and the hidden ones are not alone with what is left of the sum."""
    known = [int(text) for text in texts if re.fullmatch(r"[\d,]+", text)]
    assert all(number == 0 or number >= SMALLEST for number in known)
    assert all(text in {FEW, WITHHELD} for text in texts if not text.isdecimal())
    secret = len(texts) - len(known)
    if secret and any(known):
        assert secret >= 2
        assert total - sum(known) >= SMALLEST


# ------------------------------------------------------------------ what the pages print
def _tables(text: str, *ids: str) -> list[str]:
    """The texts of the number cells of the tables under these headings."""
    found = []
    for key in ids:
        after = text.split(f'aria-labelledby="{key}"', 1)[-1].split("</table>", maxsplit=1)[0]
        found += re.findall(r'<td class="ct-num[^>]*>([^<]*)', after)
    return [one.strip().replace("&lt;", "<") for one in found]


@pytest.mark.django_db(transaction=True)  # the mirror reads over a connection of its own
def test_pages_print_no_small_number(admin_client: Client) -> None:
    wordings.install_defaults(now=NOW)
    countries = ["DE"] * 13 + ["AT"] * 11 + ["LI"] * 2 + ["CH"] * 4
    people = [profiled(country=country) for country in countries]
    for number, customer in enumerate(people):
        OrderFactory(
            customer=customer, placed_at=clock.now() - timedelta(days=3 if number % 9 else 200),
            channel="web" if number % 5 else "shop",
        )  # fmt: skip
    few, many = segment_of(people[:9]), segment_of(people)
    overlapping_one = segment_of(people[5:28])
    for segment, size in ((few, 9), (many, 30), (overlapping_one, 23)):
        Segment.objects.filter(pk=segment.pk).update(kind=SegmentKind.STATIC, size=size)
    mirror.refresh()

    page = admin_client.get(reverse("admin:segment_page", args=[few.pk])).content.decode()
    assert "too few to describe" in page
    assert "bars-countries" not in page
    page = admin_client.get(reverse("admin:segment_page", args=[many.pk])).content.decode()
    _no_small([one for one in _tables(page, "bars-countries") if "%" not in one], total=30)
    _no_small([one for one in _tables(page, "bars-channels") if "%" not in one], total=30)
    assert ">LI<" not in page
    drawn = re.findall(r'class="ct-value"[^>]*>([^<]*)</text>', page)
    counts = [one for one in drawn if one.isdecimal()]
    assert counts
    assert all(int(one) == 0 or int(one) >= SMALLEST for one in counts)

    matrix = admin_client.get(reverse("admin:segment_overlaps"))
    texts = [cell.text for row in matrix.context["rows"] for cell in row.cells]
    titles = " ".join(cell.title for row in matrix.context["rows"] for cell in row.cells)
    assert few.pk not in {row.segment.pk for row in matrix.context["rows"]}
    assert sorted(texts) == ["100\u00a0%", "23", "30", "most"]
    assert not re.search(r"\b[1-9] of", titles)


@pytest.mark.parametrize("counts", [[1, 10], [9, 9], [1, 10, 10, 60], [3, 11, 60], [1] * 10 + [50]])
def test_words_and_sum_together_leave_several_numbers_for_each_small_cell(
    counts: list[int],
) -> None:
    texts = all_told(counts)
    held = sum(count for count, text in zip(counts, texts, strict=True) if text in {FEW, WITHHELD})
    ranges = [
        range(1, SMALLEST) if text == FEW
        else range(SMALLEST if FEW in texts else 1, held + 1)
        for text in texts if text in {FEW, WITHHELD}
    ]  # fmt: skip
    lows, highs = [one[0] for one in ranges], [one[-1] for one in ranges]
    for low, high in zip(lows, highs, strict=True):
        most = min(high, held - (sum(lows) - low))
        least = max(low, held - (sum(highs) - high))
        assert most - least >= OPEN - 1
