"""Rule trees over REST: whatever is sent is a rule that is saved or an answer that says what to correct."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from consent import gate
from core import clock
from segmentation import mirror, previewing
from segmentation.models import Segment
from segmentation.rules import in_words, parse
from tests.factories.consent import MailableFactory
from tests.factories.customers import CustomerFactory
from tests.gateway.clients import Api
from tests.segmentation.builders import rule_segment
from tests.segmentation.rules.shops import definitions
from tests.segmentation.rules.test_parsing import json_values


pytestmark = pytest.mark.django_db
FUZZ = settings(
    max_examples=60, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
JUNK: tuple[Any, ...] = (
    None, True, -1, 0, 2**70, 1e308, "", "x" * 5000, "a\0b", "\ud800", "DROP TABLE", [], {}, [[]], {"all": []},
)  # fmt: skip


def spoilt(definition: dict[str, Any], *, seed: int) -> Any:
    """`definition` with one value somewhere in it replaced, removed, doubled or put under another name."""
    chance = random.Random(seed)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key, inner in list(node.items() if isinstance(node, dict) else enumerate(node)):
            places.append((node, key))
            if isinstance(inner, dict | list):
                walk(inner)

    tree = json.loads(json.dumps(definition))
    walk(tree)
    node, key = chance.choice(places)
    what = chance.randrange(4)
    if what == 0:
        node[key] = chance.choice(JUNK)
    elif what == 1:
        del node[key]
    elif what == 2:
        node[key] = [node[key]] * 2
    elif isinstance(node, dict):
        node[chance.choice(["all", "is", "value", "segment", "x"])] = node.pop(key)
    return tree


def check(api: Api, rule: Any, *, name: str) -> None:
    answer = api.post("segments", {"name": name, "rule": rule})
    body = answer.json()
    if answer.status_code == 201:
        assert in_words(parse(body["rule"]))
        assert Segment.objects.get(pk=body["id"]).versions.get().words.startswith("Customers who ")
        return
    assert answer.status_code == 422, answer.content
    assert body["errors"]
    for error in body["errors"]:
        assert error["field"].startswith("rule")
        assert error["message"]
        assert "Traceback" not in error["message"]


@FUZZ
@given(definition=definitions, seed=st.integers(0, 10**6))
def test_a_spoilt_rule_is_refused_with_its_place_or_is_another_rule(
    definition: dict[str, Any], seed: int
) -> None:
    rule_segment({"all": [{"did": "ORDER"}]}, name=f"Named {Segment.everything.count()}")
    check(_api(), spoilt(definition, seed=seed), name=f"Fuzzed {Segment.everything.count()}")


@FUZZ
@given(rule=json_values)
def test_any_json_is_answered(rule: Any) -> None:
    try:
        json.dumps(rule, allow_nan=False).encode()
    except (ValueError, UnicodeEncodeError):
        return
    check(_api(), rule, name=f"Any {Segment.everything.count()}")
    check(_api(), {"all": [rule]}, name=f"Any {Segment.everything.count()}")


def _api() -> Api:
    return Api(per_minute=2**31 - 1)


@pytest.mark.parametrize(("body", "status"), [
    (b"", 422), (b"{", 400), (b"[]", 422), (b"null", 422), (b'{"name": "x"}', 422),
    (b'{"name": "x", "rule": NaN}', 400), (b'{"name": "x", "rule": "all"}', 422),
    (b'{"name": "x", "rule": {"all": [], "all": []}}', 400),
    (b'{"name": "x", "rule": ' + b'{"all": [' * 20 + b"]}" * 20 + b"}", 422),
    (b'{"name": "x", "rule": ' + b'{"all": [' * 100_000 + b"]}" * 100_000 + b"}", 400),
    (b'{"name": "x", "rule": {"all": [' + b",".join([b'{"did": "ORDER"}'] * 5_000) + b"]}}", 422),
    (b'{"name": "' + b"x" * 3_000_000 + b'", "rule": {}}', 413),
])  # fmt: skip
def test_broken_deep_and_large_bodies_are_refused(body: bytes, status: int) -> None:
    answer = Api().post("segments", body)
    assert answer.status_code == status, answer.content[:300]
    assert answer.json()["message"]
    assert not Segment.objects.exists()


def test_a_cycle_over_several_segments_is_refused() -> None:
    api = Api()
    first = rule_segment({"all": [{"did": "ORDER"}]}, name="1")
    chain = [first]
    for number in range(2, 6):
        named = {"any": [{"none": [{"segment": chain[-1].pk, "is": "in"}]}]}
        chain.append(rule_segment(named, name=str(number)))
    answer = api.patch(
        f"segments/{first.pk}", {"rule": {"all": [{"segment": chain[-1].pk, "is": "not_in"}]}}
    )
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "rule.all[0].segment"
    assert "depends on the segment that you are changing" in error["message"]


@pytest.mark.django_db(transaction=True)  # the mirror reads over a connection of its own
def test_counts_of_a_preview_add_up_whatever_the_rule() -> None:
    people = [MailableFactory(country="DE") for _ in range(4)]
    CustomerFactory.create_batch(3, country="AT", email="")
    people[0].erased_at = clock.now()
    people[0].save()
    mirror.refresh()
    api = _api()

    @FUZZ
    @given(definition=definitions)
    def ask(definition: dict[str, Any]) -> None:
        answer = api.post("segments/preview", {"rule": definition})
        if answer.status_code == 422:  # it names a segment that is not there
            assert all(error["field"].endswith(".segment") for error in answer.json()["errors"])
            return
        found = answer.json()
        everybody = found["not_profiled"] + found["not_matching"] + found["matching"]
        assert everybody == found["everyone"] == 6
        excluded = sum(one["customers"] for one in found["excluded"])
        assert found["reachable"] + excluded == found["matching"]
        assert found["words"].startswith("Customers who ")

    ask()
    everyone = {"any": [{"field": "country", "is": "in", "value": ["DE", "AT"]}]}
    found = api.post("segments/preview", {"rule": everyone}).json()
    assert (found["matching"], found["reachable"]) == (6, 3)
    assert {one["meaning"] for one in found["excluded"]} <= set(previewing._REASONS.values())
    assert gate.REFUSAL
