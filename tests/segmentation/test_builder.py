"""What people type into the builder, and what becomes of it."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from segmentation import rule_segments
from segmentation.builder import definitions, units
from segmentation.builder.inputs import Drawing, DrawnRow, draw
from segmentation.builder.rows import Row, Rows
from segmentation.enums import SegmentKind
from segmentation.ml.estimators.clusters import naming
from segmentation.models import Segment
from segmentation.rules import parse
from segmentation.words import names_for
from tests.factories.customers import NOW


MONEY = units.Unit("EUR", Decimal(100))


@pytest.mark.parametrize(
    ("typed", "cents"),
    [
        ("1,000", 100_000), ("1,234,567.89", 123_456_789), ("-1,000", -100_000), ("1,5", 150),
        ("12,50", 1_250), ("1,0000", 100), ("1 000,5", 100_050), ("0.105", 10.5),
    ],
)  # fmt: skip
def test_commas_group_thousands_or_stand_for_the_point(typed: str, cents: float) -> None:
    assert units.stored(typed, MONEY) == cents


@pytest.mark.parametrize("typed", ["1e999999", "-1e999999", "much", "1,000,5", "NaN", ""])
def test_what_is_no_number_is_left_for_the_parser_to_name(typed: str) -> None:
    assert units.stored(typed, MONEY) == typed


@pytest.mark.parametrize(
    ("purpose", "said", "settled", "offered"),
    [
        ("PROFILING", "EMAIL", "ANY", ["ANY"]),
        ("CLICK_TRACKING", "SMS", "ANY", ["ANY"]),
        ("MARKETING", "ANY", "EMAIL", ["EMAIL", "SMS"]),
        ("MARKETING", "SMS", "SMS", ["EMAIL", "SMS"]),
    ],
)
def test_the_channel_of_a_consent_follows_its_purpose(
    purpose: str, said: str, settled: str, offered: list[str]
) -> None:
    row = Row(said={"about": ["consent"], "purpose": [purpose], "channel": [said]})
    tree = Rows(quantifier="all", nodes=[row])
    (drawn,) = draw(tree, Drawing()).nodes
    assert isinstance(drawn, DrawnRow)
    channel = next(one for one in drawn.inputs if one.name == "channel")
    assert (channel.value, [key for key, _ in channel.options]) == (settled, offered)
    parse(definitions.definition_of(tree))


@pytest.mark.django_db
def test_a_currency_without_cents_is_not_divided(settings: Any) -> None:
    settings.CURRENCY = "JPY"
    rule = parse({"all": [{"field": "net_revenue_cents", "is": "at_least", "value": 12_345}]})
    names = names_for(rule)
    assert (names.currency, names.minor_units) == ("JPY", 1)


def test_groups_of_one_name_are_told_apart_by_whole_money() -> None:
    centres, natural = np.zeros((2, 1)), np.array([[100.0], [20_000.0]])
    features = ["net_revenue_cents"]
    in_yen = naming.in_words(features, centres, natural, minor_units=1)
    assert in_yen == ["Medium spend", "Medium spend (about 20,000 in all)"]
    assert naming.in_words(features, centres, natural)[1] == "Medium spend (about 200 in all)"


def test_the_edges_of_a_bucket_keep_their_digits() -> None:
    said = {"all": [{"bucket": {"from": 12.3456789, "to": 33.33333333, "salt": "a"}}]}
    rule = parse(said)
    assert definitions.definition_of(definitions.rows_of(rule.root)) == said


@pytest.mark.django_db
def test_a_rule_that_names_an_unreadable_one_needs_profiling() -> None:
    broken = Segment.objects.create(
        name="Broken", kind=SegmentKind.RULE, created_at=NOW, definition={"all": [{"wat": 1}]}
    )
    assert rule_segments.needs_profiling(parse({"all": [{"segment": broken.pk, "is": "in"}]}))
