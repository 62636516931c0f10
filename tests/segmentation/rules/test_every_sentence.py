"""Every rule that the parser takes has a sentence, and the sentence names each of its conditions."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from segmentation.rules import Names, in_words, operators, parse
from segmentation.rules.fields import FIELDS, ORDER_PROPERTIES
from segmentation.rules.tree import Did
from segmentation.rules.vocabulary import CONSENTS, DEEDS, SCORES
from segmentation.rules.wording import Words
from tests.segmentation.rules.shops import definitions


NAMES = Names(
    sources={1: "Web shop", 2: "Market stall"}, segments={7: "Tea lovers"}, currency="EUR"
)
VALUES: dict[str, Any] = {
    "at_least": 17, "at_most": 17, "equals": 17, "between": [17, 23], "top_percent": 17,
    "is": "Xanten", "is_not": "Xanten", "contains": "Xanten", "in": ["Xanten", "Ypern"],
    "not_in": ["Xanten", "Ypern"],
}  # fmt: skip


def compared(operator: str, *, kind: str = "") -> dict[str, Any]:
    if operator not in VALUES:
        return {"is": operator}
    if kind == "id":
        return {"is": operator, "value": [1, 2] if operator in {"in", "not_in"} else 1}
    return {"is": operator, "value": VALUES[operator]}


def said(condition: dict[str, Any]) -> str:
    return in_words(parse({"all": [condition]}), NAMES)


CONDITIONS = [
    *(
        {"field": field.name, **compared(how, kind=field.kind)}
        for field in FIELDS.values()
        for how in field.operators
    ),
    *({"field": "trait.shoe_size", **compared(how)} for how in operators.BY_KIND["any"]),
    *({"score": score, **compared(how)} for score in SCORES for how in operators.BY_KIND["number"]),
    *({key: deed} for deed, key in product(DEEDS, ("did", "did_not"))),
    *(
        {"did": "ORDER", "where": [{"property": name, **compared(how)}]}
        for name, known in ORDER_PROPERTIES.items()
        for how in operators.BY_KIND[known.kind]
        if how != operators.TOP
    ),
    *(
        {"did": "Quiz finished", "where": [{"property": "level", **compared(how)}]}
        for how in operators.BY_KIND["any"]
    ),
    *(
        {key: "ORDER", "count": {how: 17}, **window}
        for key, how, window in product(
            ("did", "did_not"), ("at_least", "at_most", "exactly"),
            ({}, {"within_days": 41}, {"older_than_days": 41}, {"between": ["2026-01-01", "2026-02-01"]}),
        )
    ),
    *(
        {"consent": {"purpose": purpose, "channel": channel}, "is": how}
        for purpose, channels in CONSENTS.items()
        for channel in channels
        for how in ("given", "not_given")
    ),
    *({"segment": 7, "is": how} for how in ("in", "not_in")),
    {"bucket": {"from": 3, "to": 29, "salt": "spring"}},
]  # fmt: skip
"""One condition of every field, operator, deed, window, consent and score."""


def test_each_condition_has_a_sentence_of_its_own() -> None:
    sentences = {}
    for condition in CONDITIONS:
        sentence = said(condition)
        assert sentence.startswith("Customers who ")
        assert "{" not in sentence
        assert "None" not in sentence
        assert sentence not in sentences, (condition, sentences.get(sentence))
        sentences[sentence] = condition
    assert len(sentences) == len(CONDITIONS) > 1000


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_a_sentence_says_what_is_compared_and_with_what(condition: dict[str, Any]) -> None:
    sentence = said(condition)
    for value in _values(condition):
        is_source = condition.get("field") == "source"
        shown = NAMES.sources[value] if is_source else str(value)
        assert any(form in sentence for form in _forms(condition, shown)), sentence
    if field := FIELDS.get(condition.get("field", "")):
        known = [field.label, field.phrase, field.phrase.partition(" ")[2]]
        assert any(part and part in sentence for part in known) or field.name == "source"


def _values(condition: dict[str, Any]) -> list[Any]:
    value = condition.get("value")
    given = [] if value is None else value if isinstance(value, list) else [value]
    return [*given, *condition.get("count", {}).values()]


def _forms(condition: dict[str, Any], shown: str) -> list[str]:
    """How a number may be written: as it is, as per cent, in currency units."""
    if not shown.isdecimal():
        return [shown]
    number = int(shown)
    return [shown, f"{number * 100:,}\u00a0%", f"{number / 100:.2f} EUR"]


@settings(
    max_examples=80, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(definitions)
def test_a_sentence_names_each_condition_or_its_opposite(definition: dict[str, Any]) -> None:
    rule = parse(definition)
    sentence = in_words(rule, NAMES)
    words = Words(names=NAMES, translate=str)
    for placed in rule.leaves():
        either = [words.leaf(placed.leaf, holds=holds) for holds in (True, False)]
        assert any(one in sentence for one in either), (either, sentence)
        if isinstance(placed.leaf, Did):
            for one in placed.leaf.where:
                assert words._filter(one, placed.leaf.event) in sentence
