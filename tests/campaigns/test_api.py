"""Campaigns over REST: read by keys of the whole shop."""

from __future__ import annotations

import pytest

from tests.factories.campaigns import CampaignFactory
from tests.factories.customers import SourceFactory
from tests.gateway.clients import Api


pytestmark = pytest.mark.django_db


def test_campaigns_are_listed_by_state() -> None:
    draft, finished = CampaignFactory(), CampaignFactory(state="FINISHED")
    api = Api()
    assert [row["id"] for row in api.get("campaigns").json()["results"]] == [draft.pk, finished.pk]
    (row,) = api.get("campaigns", state="FINISHED").json()["results"]
    assert row == api.get(f"campaigns/{finished.pk}").json()
    assert (row["name"], row["subject"]) == (finished.name, finished.subject)
    assert api.get("campaigns/999").status_code == 404


def test_restricted_key_sees_no_campaigns() -> None:
    campaign = CampaignFactory()
    api = Api(source_ids=[SourceFactory().pk])
    for path in ("campaigns", f"campaigns/{campaign.pk}", f"campaigns/{campaign.pk}/results"):
        answer = api.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "restricted_key"), path
