"""Declared sensitive fields: out of what is learned from, and known by group where predictions are judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segmentation import sensitive
from segmentation.ml.features import MODEL_FEATURES
from segmentation.registry import SensitiveField
from tests.factories.customers import NOW
from tests.segmentation.ml.mirrors import NOON, connect, from_rows


pytestmark = pytest.mark.django_db


def declare(name: str, **more: object) -> None:
    SensitiveField.objects.create(name=name, declared_at=NOW, **more)


def test_nothing_declared_leaves_every_feature() -> None:
    assert sensitive.allowed_features() == MODEL_FEATURES


def test_features_made_of_a_declared_field_are_not_learned_from() -> None:
    declare("Country")
    gone = set(MODEL_FEATURES) - set(sensitive.allowed_features())
    assert gone == {"country_share", "home_market"}


def test_feature_that_is_itself_declared_is_not_learned_from() -> None:
    declare("evening_share")
    assert "evening_share" not in sensitive.allowed_features()


def test_no_feature_for_models_reads_an_attribute_or_the_language() -> None:
    """Attributes are in `people.traits`; only the themes of features that no model may have read that."""
    from segmentation.ml import features
    from segmentation.ml.features import FEATURES

    folder = Path(features.__file__).parent
    reading = {path.stem for path in folder.glob("*.sql") if "traits" in path.read_text()}
    names = {name for name, one in FEATURES.items() if one.theme in reading and one.for_models}
    assert {name.removesuffix("_365d").split("_")[0] for name in names} <= {"surveys", "survey"}


def test_groups_come_from_columns_and_attributes_and_are_empty_where_unknown() -> None:
    rows = [
        {"customer_id": 1, "joined_at": NOON - 9, "traits": '{"gender": "f", "age": 30}', "email_domain": ""},
        {"customer_id": 2, "joined_at": NOON - 9, "traits": "{}", "email_domain": ""},
        {"customer_id": 3, "joined_at": NOON - 9, "traits": "not json", "email_domain": ""},
        {"customer_id": 4, "joined_at": NOON - 9, "traits": '{"gender": ["x"]}', "email_domain": ""},
    ]  # fmt: skip
    database = connect(from_rows({"people": rows}))
    ids = np.array([1, 2, 3, 4, 5])
    assert sensitive.groups(database, field="gender", customer_ids=ids) == ["f", "", "", "", ""]


def test_floors_are_those_that_were_given() -> None:
    declare("gender", lowest_ratio=0.8)
    declare("age")
    assert sensitive.floors() == {"gender": 0.8}
    assert sensitive.names() == ["age", "gender"]
