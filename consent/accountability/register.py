"""The register of Article 30: what is processed, of whom, why and for how long, read off the code."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import ForeignKey

from consent.accountability import retention
from consent.desk.personal_data import holders
from consent.models import Topic
from consent.purposes import MEANINGS, PROOF_KEPT


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Processing:
    """A purpose."""

    purpose: str
    does: str
    basis: str
    kept: str


@dataclass(frozen=True, kw_only=True)
class Held:
    """A table: its categories of data, what an erasure leaves, and after how many days it is deleted."""

    what: str
    table: str
    categories: tuple[str, ...]
    after_erasure: str
    days: int | None


def purposes() -> list[Processing]:
    found = [
        Processing(purpose=purpose.label, does=one.does, basis=one.basis.label, kept=one.kept)
        for purpose, one in MEANINGS.items()
    ]
    return found + [
        Processing(
            purpose=f"Newsletter “{topic.title}”", does="The newsletter is sent.", basis="Consent",
            kept="Until withdrawn.",
        )
        for topic in Topic.objects.order_by("title")
    ]  # fmt: skip


def held() -> list[Held]:
    """Every declared holder. What has no days of its own goes with the customer's erasure."""
    days = {
        row.model._meta.label: configured
        for code, configured in retention.configured().items()
        for one in retention.CLASSES
        if one.code == code and code != "inactive"
        for row in [one.rows(_LONG_AGO)]
    }
    return [
        Held(
            what=holder.what,
            table=holder.model._meta.db_table,
            categories=tuple(
                str(one.verbose_name)
                for one in holder.model._meta.fields
                if not one.primary_key and not isinstance(one, ForeignKey)
            ),
            after_erasure=holder.keeps or "Nothing.",
            days=days.get(holder.model._meta.label),
        )
        for holder in sorted(holders(), key=lambda one: one.what)
    ]


def as_csv() -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["kind", "name", "does or table", "basis or categories", "kept"])
    for purpose in purposes():
        writer.writerow(
            [
                "purpose",
                purpose.purpose,
                purpose.does,
                purpose.basis,
                f"{purpose.kept} {PROOF_KEPT}",
            ]
        )
    for one in held():
        kept = f"{one.days} days" if one.days else "With the customer"
        writer.writerow(
            ["data", one.what, one.table, "; ".join(one.categories),
             f"{kept}. After an erasure: {one.after_erasure}"]
        )  # fmt: skip
    return out.getvalue()
