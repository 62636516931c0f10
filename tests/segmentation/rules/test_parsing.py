"""What the parser takes, and the words in which it refuses."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from consent.api.consents import MARKETING_CHANNELS
from consent.enums import Channel, Purpose
from consent.purposes import CHANNEL_OF
from customers.enums import EventKind
from segmentation.enums import Measure, Task
from segmentation.ml.features import FEATURES
from segmentation.rules import RuleError, compile_rule, in_words, next_flip, parse
from segmentation.rules.fields import FIELDS, GROUPS, LEFT_OUT, is_sensitive
from segmentation.rules.ready_made import READY_MADE
from segmentation.rules.vocabulary import CHANNELS, CONSENTS, DEEDS, PURPOSES, SCORES
from segmentation.rules.warnings import warnings
from tests.segmentation.rules.shops import NOW, Shop, definitions


EXAMPLES = settings(
    max_examples=50, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
REFERENCE = Path(__file__).parents[3] / "docs/reference/segment-rules.md"
DOCUMENTED = re.findall(r"```json\n(.*?)```", REFERENCE.read_text(), flags=re.DOTALL)


@EXAMPLES
@given(definitions)
def test_rule_comes_back_from_its_own_json(definition: dict) -> None:
    rule = parse(definition)

    assert parse(json.loads(json.dumps(rule.to_dict()))) == rule


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["all", "any", "none", "field", "is", "value", "did", "did_not", "count", "where",
                         "between", "segment", "bucket", "consent", "score", "x"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@EXAMPLES
@given(json_values)
def test_any_json_is_a_rule_or_refused_in_words(given_value: object) -> None:
    problems = None
    try:
        rule = parse({"all": [given_value]})
    except RuleError as error:
        problems = error.problems
    assert all(one.message for one in problems) if problems else rule.to_dict()


@pytest.mark.parametrize(("definition", "path", "message"), [
    ([], "", "start with a group"),
    ({"field": "orders", "is": "is_known"}, "", "start with a group"),
    ({"all": []}, "all", "at least one condition"),
    ({"all": [{"any": [{"field": "pasword", "is": "is_known"}]}]}, "all[0].any[0].field", "choose a field that exists"),
    ({"all": [{"field": "orders", "is": "contains", "value": "x"}]}, "all[0].is", "choose how it compares"),
    ({"all": [{"field": "orders", "is": "at_least"}]}, "all[0].value", "give a value"),
    ({"all": [{"field": "orders", "is": "at_least", "value": True}]}, "all[0].value", "give a number"),
    ({"all": [{"field": "orders", "is": "at_least", "value": float("nan")}]}, "all[0].value", "sensible size"),
    ({"all": [{"field": "orders", "is": "at_least", "value": 10**400}]}, "all[0].value", "sensible size"),
    ({"all": [{"field": "orders", "is": "between", "value": [2, 1]}]}, "all[0].value", "smaller number first"),
    ({"all": [{"field": "country", "is": "is", "value": "x" * 201}]}, "all[0].value", "at most 200"),
    ({"all": [{"field": "country", "is": "is", "value": "a\0"}]}, "all[0].value", "no text can hold"),
    ({"all": [{"field": "country", "is": "is", "value": "\ud800"}]}, "all[0].value", "no text can hold"),
    ({"all": [{"field": "country", "is": "in", "value": ["x"] * 201}]}, "all[0].value", "1 to 200 values"),
    ({"all": [{"field": "country", "is": "is_known", "value": 1}]}, "all[0].value", "leave the value out"),
    ({"all": [{"field": "season_sin", "is": "is_known"}]}, "all[0].field", "choose a field that exists"),
    ({"all": [{"field": "trait.", "is": "is_known"}]}, "all[0].field", "choose a field that exists"),
    ({"all": [{"did": "ORDER", "within_days": 1, "older_than_days": 1}]}, "all[0]", "choose one of"),
    ({"all": [{"did": "ORDER", "within_days": 0}]}, "all[0].within_days", "from 1 to"),
    ({"all": [{"did": "ORDER", "count": {"at_least": 0}}]}, "all[0].count.at_least", "at least 1"),
    ({"all": [{"did": "ORDER", "count": {"at_least": 1, "at_most": 2}}]}, "all[0].count", "give one of"),
    ({"all": [{"did": "ORDER", "between": ["2026-02-30", "2026-03-01"]}]}, "all[0].between", "give a date"),
    ({"all": [{"did": "ORDER", "between": ["2026-02-02", "2026-02-02"]}]}, "all[0].between", "earlier date first"),
    ({"all": [{"did": "ORDER", "where": [{"property": "x", "is": "is_known"}]}]}, "all[0].where[0].property", "choose"),
    ({"all": [{"did": "ORDER", "did_not": "ORDER"}]}, "all[0]", "either did or did_not"),
    ({"all": [{"segment": 0, "is": "in"}]}, "all[0].segment", "whole number"),
    ({"all": [{"segment": 2**63, "is": "in"}]}, "all[0].segment", "whole number"),
    ({"all": [{"bucket": {"from": 10, "to": 5}}]}, "all[0].bucket", "from < to"),
    ({"all": [{"score": "CLUSTERS", "is": "is_known"}]}, "all[0].score", "choose a score"),
    ({"all": [{"consent": {"purpose": "X", "channel": "EMAIL"}, "is": "given"}]}, "all[0].consent.purpose", "choose"),
    ({"all": [{"consent": {"purpose": "PROFILING", "channel": "EMAIL"}, "is": "given"}]}, "all[0].consent.channel", "choose ANY"),
    ({"all": [{"consent": {"purpose": "MARKETING", "channel": "ANY"}, "is": "given"}]}, "all[0].consent.channel", "EMAIL or SMS"),
    ({"all": [{"field": "orders", "is": "is_known", "sql": "1=1"}]}, "all[0]", "leave out 'sql'"),
    ({"all": ["DROP TABLE"]}, "all[0]", "curly brackets"),
])  # fmt: skip
def test_problem_is_named_with_its_place(definition: object, path: str, message: str) -> None:
    with pytest.raises(RuleError) as refused:
        parse(definition)

    assert [problem.path for problem in refused.value.problems] == [path]
    assert message in refused.value.problems[0].message


def test_every_problem_is_told_at_once() -> None:
    bad = {"field": "nothing", "is": "is_known"}

    with pytest.raises(RuleError) as refused:
        parse({"all": [bad, {"any": [bad]}, {"segment": "x", "is": "on"}]})

    paths = [problem.path for problem in refused.value.problems]
    assert paths == ["all[0].field", "all[1].any[0].field", "all[2].segment", "all[2].is"]


def test_depth_and_size_have_limits() -> None:
    leaf = {"field": "orders", "is": "is_known"}
    deep = leaf
    for _ in range(5):
        deep = {"all": [deep]}

    assert parse(deep)
    assert parse({"any": [leaf] * 100})
    with pytest.raises(RuleError, match="at most 5 deep"):
        parse({"all": [deep]})
    with pytest.raises(RuleError, match="at most 100"):
        parse({"any": [leaf] * 101})
    endless: dict = {}
    endless["all"] = [endless]
    with pytest.raises(RuleError, match="at most 5 deep"):
        parse(endless)


def test_uses_say_what_a_rule_reads() -> None:
    uses = parse({"any": [
        {"field": "recency_days", "is": "at_least", "value": 90}, {"segment": 3, "is": "in"},
        {"did": "CART", "within_days": 7}, {"score": "CHURN", "is": "top_percent", "value": 5},
        {"did_not": "ORDER", "where": [{"property": "brand", "is": "is", "value": "Acme"}]},
    ]}).uses  # fmt: skip

    assert uses.tables == {
        "people",
        "features",
        "memberships",
        "events",
        "scores",
        "order_lines",
        "products",
    }
    assert uses.fields == {"recency_days"}
    assert uses.events == {"CART", "ORDER"}
    assert (uses.segments, uses.scores, uses.days) == ({3}, {"CHURN"}, {7, 90})
    assert uses.profiling
    assert uses.relative


@pytest.mark.parametrize(("condition", "profiling"), [
    ({"field": "country", "is": "is", "value": "DE"}, False),
    ({"field": "joined_days_ago", "is": "at_most", "value": 3}, False),
    ({"consent": {"purpose": "MARKETING", "channel": "EMAIL"}, "is": "given"}, False),
    ({"segment": 1, "is": "in"}, False),
    ({"field": "trait.colour", "is": "is_known"}, True),
    ({"field": "orders", "is": "is_known"}, True),
    ({"did_not": "ORDER"}, True),
    ({"score": "CHURN", "is": "is_known"}, True),
])  # fmt: skip
def test_profiling_is_needed_for_what_people_did_or_declared(
    condition: dict, *, profiling: bool
) -> None:
    assert parse({"none": [condition]}).uses.profiling is profiling


def test_codes_are_those_of_the_shop() -> None:
    machinery = {"MERGED", "UNMERGED", "OTHER", "CONSENT_CLAIMED"}  # not what customers do

    assert set(DEEDS) == set(EventKind.values) - machinery | {"ORDER"}
    assert set(SCORES) <= {*Task.values, *Measure.values}
    assert set(PURPOSES) == set(Purpose.values)
    assert set(CHANNELS) == set(Channel.values)
    assert all(usual in CONSENTS[purpose] for purpose, usual in CHANNEL_OF.items())
    assert CONSENTS["MARKETING"] == tuple(code for code, _ in MARKETING_CHANNELS)


def test_every_feature_is_a_field_with_words_of_its_own() -> None:
    assert set(FEATURES) - LEFT_OUT <= set(FIELDS)
    labels = [field.label for field in FIELDS.values()]
    assert sorted(labels) == sorted(set(labels))
    assert all(field.group in GROUPS for field in FIELDS.values())


def test_sensitive_conditions_are_warned_of() -> None:
    rule = parse({"all": [
        {"field": "trait.religion", "is": "is", "value": "x"},
        {"did": "ORDER", "where": [{"property": "category", "is": "is", "value": "Pregnancy tests"}]},
        {"field": "country", "is": "is", "value": "DE"},
    ]})  # fmt: skip

    assert [one.path for one in warnings(rule)] == ["all[0]", "all[1]"]
    assert not is_sensitive("tea, unisex shirts")


@pytest.mark.parametrize("example", DOCUMENTED)
def test_documented_example_compiles(example: str) -> None:
    rule = parse(json.loads(example))
    statement = compile_rule(rule, now=NOW)
    connection = Shop({}).connect()

    assert connection.execute(statement.sql, statement.parameters).fetchall() == []
    assert in_words(rule).startswith("Customers who ")


def test_every_kind_of_node_is_documented() -> None:
    seen = {key for example in DOCUMENTED for key in re.findall(r'"(\w+)":', example)}

    assert seen >= {"all", "any", "none", "field", "did", "did_not", "count", "within_days", "older_than_days",
                    "between", "where", "consent", "score", "segment", "bucket"}  # fmt: skip
    words = REFERENCE.read_text()
    assert [kind for kind in DEEDS if kind not in words] == []


@pytest.mark.parametrize("ready", READY_MADE, ids=lambda ready: ready.name)
def test_ready_made_segment_is_a_rule(ready) -> None:
    rule = parse(ready.definition)
    connection = Shop({}).connect()

    assert rule.to_dict() == ready.definition
    assert next_flip(rule, connection, now=NOW).num_rows == 0
    assert len({one.name for one in READY_MADE}) == len(READY_MADE)
