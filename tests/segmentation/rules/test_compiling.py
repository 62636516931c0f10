"""Statements against loops over rows: every rule, every small shop."""

from hypothesis import Phase, given, settings

from segmentation.rules import compile_rule, parse
from tests.segmentation.rules.naive import Naive
from tests.segmentation.rules.shops import NOW, Shop, definitions, shops


# a failure is told as it was found: shrinking these trees takes minutes
EXAMPLES = settings(max_examples=80, deadline=None, phases=[Phase.explicit, Phase.generate])


def members(connection, definition: dict, **options) -> list[int]:
    statement = compile_rule(parse(definition), now=NOW, **options)
    rows = connection.execute(statement.sql, statement.parameters).fetchall()
    return sorted(customer for (customer,) in rows)


@EXAMPLES
@given(shops(), definitions)
def test_statement_finds_whom_the_loops_find(shop: Shop, definition: dict) -> None:
    rule = parse(definition)
    expected = Naive(shop, now=NOW).members(definition, profiling=rule.uses.profiling)

    assert members(shop.connect(), definition) == sorted(expected)


@EXAMPLES
@given(shops(), definitions)
def test_a_rule_and_its_opposite_share_the_universe_exactly(shop: Shop, definition: dict) -> None:
    connection = shop.connect()
    profiling = parse(definition).uses.profiling

    inside = members(connection, {"all": [definition]})
    outside = members(connection, {"none": [definition]})

    assert sorted(inside + outside) == [
        one["customer_id"] for one in shop["people"] if one["may_profile"] or not profiling
    ]
