"""Why somebody is in a segment or not."""

from hypothesis import HealthCheck, Phase, given, settings

from segmentation.rules import Names, compile_rule, cutoffs, explain, parse
from tests.segmentation.rules.naive import Naive
from tests.segmentation.rules.shops import DAY, NOW, Shop, definitions, shops


SHOP = Shop({
    "people": [
        {"customer_id": 1, "may_profile": True, "joined_at": NOW - 3 * DAY, "country": "DE", "traits": "{}"},
        {"customer_id": 2, "may_profile": False, "joined_at": NOW, "country": "", "traits": "{}"},
    ],
    "orders": [{"order_id": n, "customer_id": 1, "placed_at": NOW - n} for n in range(3)],
    "features": [{"customer_id": 1, "orders": 3.0, "net_revenue_cents": 12_345.0}],
    "scores": [{"customer_id": 1, "task": "CHURN", "value": 0.25}],
})  # fmt: skip


def test_reasons_tell_what_is_asked_and_what_there_is() -> None:
    rule = parse({"all": [
        {"did": "ORDER", "count": {"at_least": 2}},
        {"none": [{"field": "net_revenue_cents", "is": "at_least", "value": 10_000}]},
        {"score": "CHURN", "is": "at_least", "value": 0.6},
        {"field": "rating_mean", "is": "at_most", "value": 2},
    ]})  # fmt: skip

    found = explain(rule, SHOP.connect(), customer_id=1, now=NOW, names=Names(currency="EUR"))

    assert [(one.text, one.holds, one.wanted, one.actual) for one in found] == [
        ("agreed to profiling", True, True, "yes"),
        ("ordered at least 2 times", True, True, "3 times"),
        ("spent at least 100.00 EUR in all, less refunds", True, False, "123.45 EUR"),
        ("have a chance of leaving of at least 60\u00a0%", False, True, "25\u00a0%"),
        ("have a mean rating of at most 2", False, True, "not known"),
    ]
    assert found[2].path == "all[1].none[0]"


def test_nothing_is_told_of_who_did_not_agree_to_profiling() -> None:
    rule = parse({"any": [{"did_not": "ORDER"}, {"field": "country", "is": "is_unknown"}]})

    (only,) = explain(rule, SHOP.connect(), customer_id=2, now=NOW)

    assert (only.text, only.holds) == ("agreed to profiling", False)


def test_who_is_not_known_has_no_reasons() -> None:
    rule = parse({"any": [{"did_not": "ORDER"}]})

    assert explain(rule, SHOP.connect(), customer_id=77, now=NOW) == ()


@settings(
    max_examples=40, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(shops(), definitions)
def test_reasons_agree_with_the_membership(shop: Shop, definition: dict) -> None:
    """A rule of one condition finds exactly those for whom the condition's reason holds."""
    connection, rule = shop.connect(), parse(definition)
    best = cutoffs(rule, connection)
    for person in shop["people"]:
        if rule.uses.profiling and not person["may_profile"]:
            continue
        found = explain(rule, connection, customer_id=person["customer_id"], now=NOW, cutoffs=best)
        leaves = [placed.leaf for placed in rule.leaves()]
        reasons = [one for one in found if one.path]
        naive = Naive(shop, now=NOW)
        assert [one.holds for one in reasons] == [
            naive.holds(leaf.to_dict(), person) for leaf in leaves
        ]
    statement = compile_rule(rule, now=NOW)
    assert len(connection.execute(statement.sql, statement.parameters).fetchall()) <= len(
        shop["people"]
    )
