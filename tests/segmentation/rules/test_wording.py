"""Sentences."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from segmentation.rules import Names, in_words, parse
from segmentation.rules.ready_made import READY_MADE
from tests.segmentation.rules.shops import definitions


NAMES = Names(segments={3: "Tea lovers"}, products={"A-1": "Green tea"}, sources={1: "Web shop"}, currency="EUR")  # fmt: skip


@pytest.mark.parametrize(("definition", "sentence"), [
    ({"all": [{"did": "ORDER", "count": {"at_least": 2}}, {"did_not": "ORDER", "within_days": 90}]},
     "Customers who ordered at least 2 times and have not ordered in the last 90 days"),
    ({"none": [{"did": "ORDER"}, {"segment": 3, "is": "in"}]},
     "Customers who have not ordered and are not in the segment “Tea lovers”"),
    ({"none": [{"all": [{"did": "CLICKED"}, {"field": "source", "is": "is", "value": 1}]}]},
     "Customers who have not clicked a link in a message or do not come from Web shop"),
    ({"any": [{"all": [{"did": "CART"}, {"did_not": "CHECKOUT"}]}, {"none": [{"did_not": "COUPON"}]}]},
     "Customers who (put something in the cart and have not gone to the checkout) or entered a coupon"),
    ({"all": [{"field": "recency_days", "is": "between", "value": [60, 120]}]},
     "Customers who are 60 days to 120 days past the last order"),
    ({"all": [{"field": "net_revenue_cents", "is": "at_least", "value": 123450}]},
     "Customers who spent at least 1,234.50 EUR in all, less refunds"),
    ({"all": [{"score": "CHURN", "is": "at_least", "value": 0.6}]},
     "Customers who have a chance of leaving of at least 60\u00a0%"),
    ({"all": [{"field": "country", "is": "not_in", "value": ["DE", "AT"]}]},
     "Customers who do not have the country DE or AT"),
    ({"none": [{"field": "names_company", "is": "equals", "value": 1}]},
     "Customers who are not marked “Names a company or a VAT number”"),
    ({"all": [{"did": "ORDER", "count": {"at_most": 0}}]}, "Customers who have not ordered"),
    ({"none": [{"did": "ORDER", "count": {"exactly": 0}}]}, "Customers who ordered"),
    ({"none": [{"did": "ORDER", "count": {"at_least": 3}}]}, "Customers who ordered fewer than 3 times"),
    ({"all": [{"did": "ORDER", "between": ["2026-01-01", "2026-02-01"],
               "where": [{"property": "product", "is": "is", "value": "A-1"}]}]},
     "Customers who ordered with the product Green tea from 2026-01-01 to 2026-01-31"),
    ({"all": [{"did_not": "Quiz finished", "older_than_days": 30}]},
     "Customers who have not done “Quiz finished” before the last 30 days"),
    ({"all": [{"consent": {"purpose": "MARKETING", "channel": "EMAIL"}, "is": "not_given"}]},
     "Customers who did not give consent to promotions and news by e-mail"),
])  # fmt: skip
def test_sentence_says_the_rule(definition: dict, sentence: str) -> None:
    assert in_words(parse(definition), NAMES) == sentence


@settings(
    max_examples=60, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(definitions)
def test_every_rule_has_a_sentence_and_its_opposite_another(definition: dict) -> None:
    sentence = in_words(parse(definition))

    assert sentence.startswith("Customers who ")
    assert "{" not in sentence.replace('{"k":1}', "")
    assert in_words(parse({"none": [definition]})) != sentence


def test_templates_can_be_translated() -> None:
    german = {"Customers who {conditions}": "Kunden, die {conditions}", "have not {have_not}{filters}{when}":
              "nicht {have_not}{when}", "ordered": "bestellt haben", " in the last {number} days":
              " in den letzten {number} Tagen"}  # fmt: skip
    rule = parse({"all": [{"did_not": "ORDER", "within_days": 90}]})

    assert in_words(rule, translate=lambda text: german.get(text, text)) == (
        "Kunden, die nicht bestellt haben in den letzten 90 Tagen"
    )


def test_ready_made_segments_read_well() -> None:
    words = {one.name: in_words(parse(one.definition)) for one in READY_MADE}

    assert (
        words["Lapsed"]
        == "Customers who ordered at least 2 times and have not ordered in the last 180 days"
    )
    assert (
        words["VIP"]
        == "Customers who are among the 5\u00a0% with the highest “Spent in all, less refunds”"
    )


def test_a_currency_without_cents_is_said_whole() -> None:
    rule = parse({"all": [{"field": "net_revenue_cents", "is": "at_least", "value": 12_345}]})
    names = Names(currency="JPY", minor_units=1)
    assert "at least 12,345 JPY" in in_words(rule, names)
