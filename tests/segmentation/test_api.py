"""Segments, their members and scores over REST."""

from __future__ import annotations

import pytest

from segmentation.models import Score
from tests.factories.customers import NOW, CustomerFactory
from tests.factories.segmentation import segment_of
from tests.gateway.clients import Api
from tests.screens.rows import generation


pytestmark = pytest.mark.django_db


def test_segment_and_members_are_those_that_the_key_sees() -> None:
    ours, theirs = CustomerFactory(), CustomerFactory()
    gone = CustomerFactory(source=ours.source, erased_at=NOW)
    segment = segment_of([ours, theirs, gone])
    segment.size = 2
    segment.save()
    everything = Api()
    assert everything.get(f"segments/{segment.pk}").json()["size"] == 2
    members = everything.get(f"segments/{segment.pk}/members").json()["results"]
    assert [row["customer_id"] for row in members] == [ours.pk, theirs.pk]
    api = Api(source_ids=[ours.source_id])
    (listed,) = api.get("segments").json()["results"]
    assert listed["size"] == 1
    (member,) = api.get(f"segments/{segment.pk}/members").json()["results"]
    assert (member["customer_id"], member["external_id"]) == (ours.pk, ours.external_id)
    assert everything.get("segments/999/members").status_code == 404


def test_scores_name_the_model_and_its_dates() -> None:
    customer = CustomerFactory()
    current = generation(is_current=True)
    Score.objects.create(generation=current, customer=customer, value=0.25)
    Score.objects.create(generation=generation(), customer=customer, value=0.75)  # an older one
    said = Api().get(f"customers/{customer.pk}/scores").json()
    assert said == {
        "customer_id": customer.pk,
        "says": "",
        "scores": [
            {
                "task": "CHURN", "value": 0.25, "sd": None, "median": None, "low": None, "high": None,
                "model": str(current.version),
                "trained_at": "2026-06-01T12:00:00Z", "as_of": "2026-06-01T12:00:00Z",
            }
        ],
    }  # fmt: skip


def test_nobody_scored_has_no_scores() -> None:
    customer = CustomerFactory()
    assert Api().get(f"customers/{customer.pk}/scores").json()["scores"] == []
