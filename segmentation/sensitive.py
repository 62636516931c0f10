"""Declared sensitive fields: models learn from nothing that is made of them, and are judged by their groups."""

from __future__ import annotations

import json
from collections.abc import Sequence

import duckdb

from segmentation.ml import fairness, features
from segmentation.ml.fairness import Fairness
from segmentation.ml.tables import Bools, FeatureTable, Floats, Ints
from segmentation.registry import SensitiveField


MADE_OF = {
    "country": ("country_share", "home_market"),
}
"""Features that are computed from a field of customers. Attributes are never features: no SQL of a feature for models
reads them (a test holds it)."""

COLUMNS = ("country", "language")
"""Fields that are columns of a customer; every other name is the key of an attribute."""


def names() -> list[str]:
    return list(SensitiveField.objects.order_by("name").values_list("name", flat=True))


def floors() -> dict[str, float]:
    """The lowest ratio of selection rates that lets a new model serve, of each field that has one."""
    rows = SensitiveField.objects.exclude(lowest_ratio=None)
    return {one.name: one.lowest_ratio for one in rows if one.lowest_ratio is not None}


def allowed_features() -> tuple[str, ...]:
    """What models may learn from today: MODEL_FEATURES without what is a declared field or made of one."""
    forbidden = set(forbidden_features())
    return tuple(one for one in features.MODEL_FEATURES if one not in forbidden)


def forbidden_features() -> tuple[str, ...]:
    """Of MODEL_FEATURES, what is a declared field or made of one; in alphabetical order."""
    declared = {name.lower() for name in names()}
    made = {feature for field in declared for feature in MADE_OF.get(field, ())}
    return tuple(sorted((made | declared) & set(features.MODEL_FEATURES)))


def audit(
    database: duckdb.DuckDBPyConnection,
    *,
    fields: Sequence[str],
    table: FeatureTable,
    probability: Floats,
    happened: Bools | None,
    seed: int,
    calibrated: bool = True,
) -> tuple[Fairness, ...]:
    """
    Judge these predictions by the groups of each declared field, as the mirror of `database` knows them.

    happened: None where an outcome cannot be seen. calibrated: as in fairness.audit.
    """
    return tuple(
        fairness.audit(
            field=field,
            probability=probability,
            groups=groups(database, field=field, customer_ids=table.customer_ids),
            label=happened,
            features=table.values,
            calibrated=calibrated,
            seed=seed,
        )
        for field in fields
    )


def groups(database: duckdb.DuckDBPyConnection, *, field: str, customer_ids: Ints) -> list[str]:
    """The group of each customer by `field`, in the order of the ids; "" where it is not known. Numbers become bands."""
    column = field.lower() if field.lower() in COLUMNS else "traits"
    rows = database.execute(f"SELECT customer_id, {column} FROM people").fetchall()
    known = {
        int(number): (_trait(str(value or ""), field) if column == "traits" else str(value or ""))
        for number, value in rows
    }
    return fairness.in_bands([known.get(int(number), "") for number in customer_ids])


def _trait(text: str, key: str) -> str:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return ""
    value = found.get(key) if isinstance(found, dict) else None
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()
