"""What the page of a segment says of its members, over the analytic tables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.test import Client
from django.urls import reverse

from segmentation import mirror, previewing, profiles
from tests.factories.segmentation import segment_of


def test_shares_of_buyers_count_everybody_once() -> None:
    """Members 0 to 19, others 20 to 99; who bought a product did so on many lines."""
    lines = {1: [*range(15), *range(20, 40)] * 3, 2: list(range(100)), 3: list(range(5))}
    with duckdb.connect() as database:
        database.execute("CREATE TABLE members AS SELECT range AS customer_id FROM range(20)")
        database.execute("CREATE TABLE order_lines (product_id BIGINT, customer_id BIGINT)")
        database.executemany(
            "INSERT INTO order_lines VALUES (?, ?)",
            [(product, who) for product, people in lines.items() for who in people],
        )
        database.execute(
            "CREATE TABLE products AS SELECT range AS product_id, 'p' || range AS name, '' AS external_id"
            " FROM range(1, 4)"
        )
        (only,) = profiles._products(database, inside=20, outside=80)
    # p2 is bought by all alike, p3 by too few to tell
    assert (only.name, only.share, only.others, only.times) == (
        "p1",
        "75.0\u00a0%",
        "25.0\u00a0%",
        "3.0",
    )


@pytest.mark.django_db(transaction=True)
def test_a_page_neither_makes_the_tables_nor_waits_for_them(
    admin_client: Client, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = segment_of([])
    segment.size = 1
    segment.save()
    url = reverse("admin:segment_page", args=[segment.pk])
    shared, settings.HOME = settings.HOME, tmp_path
    page = admin_client.get(url)
    assert page.context["profile"] is None
    assert "not read yet" in page.content.decode()
    assert not list(tmp_path.glob("mirror/*"))
    settings.HOME = shared
    mirror.refresh()
    assert admin_client.get(url).context["profile"] is not None
    monkeypatch.setattr(previewing, "LIMIT", timedelta(milliseconds=50))
    endless = (
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range % 7 <> b.range % 5"
    )
    monkeypatch.setattr(
        profiles, "of_segment", lambda database, segment: database.execute(endless).fetchall()
    )
    page = admin_client.get(url)
    assert page.context["profile"] is None
    assert "took longer than" in page.content.decode()
    with pytest.raises(previewing.TooSlowError), previewing.tables() as database:
        database.execute(
            "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range % 7 <> b.range % 5"
        )
