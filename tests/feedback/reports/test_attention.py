"""What somebody has to look after, each with the way there."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.urls import reverse

from consent.enums import RequestKind, RequestStatus
from consent.models import DataRequest
from customers.enums import SourceKind
from customers.intake import keys
from feedback.reports.attention import attention
from segmentation.enums import Task
from segmentation.registry import TrainingAttempt
from webhooks import endpoints
from webhooks.enums import Topic
from webhooks.models import Endpoint


pytestmark = pytest.mark.django_db


def texts(now: datetime) -> list[tuple[str, str]]:
    found = attention(now=now)
    for one in found:
        reverse(one.url_name, args=one.url_args)
    return [(one.kind, one.text) for one in found]


def test_silent_source_is_a_problem(now: datetime) -> None:
    keys.open_source(kind=SourceKind.SHOPIFY, name="Our shop", now=now)
    assert texts(now + timedelta(hours=23)) == []
    assert texts(now + timedelta(hours=25)) == [
        ("PROBLEM", "Our shop has sent nothing since it was made.")
    ]


def test_stopped_webhook_is_a_problem_unless_staff_stopped_it(now: datetime) -> None:
    endpoint, _ = endpoints.create(
        url="https://shop.example/hook", topics=[Topic.CONSENT_CHANGED], description="CRM", now=now
    )
    assert texts(now) == []
    Endpoint.objects.filter(pk=endpoint.pk).update(is_active=False, stopped_because="It is gone.")
    assert texts(now) == [("PROBLEM", "Nothing is sent to the webhook “CRM”. It is gone.")]
    Endpoint.objects.filter(pk=endpoint.pk).update(stopped_because=endpoints.STOPPED_BY_STAFF)
    assert texts(now) == []


def test_trainings_that_are_killed_one_after_the_other_are_a_problem(now: datetime) -> None:
    killed = TrainingAttempt.objects.create(task=Task.CHURN, begun_at=now)
    assert texts(now) == []  # one is a restart
    killed.deaths = 1
    killed.save()
    assert texts(now) == [
        ("PROBLEM", "2 trainings in a row were cut off (churn): restarted, or out of memory.")
    ]


def test_data_requests_are_told_before_and_after_they_are_due(now: datetime) -> None:
    for days in (-1, 3, 20):
        DataRequest.objects.create(
            kind=RequestKind.ACCESS, status=RequestStatus.RECEIVED, requested_by="desk",
            received_at=now, due_at=now + timedelta(days=days), address_hmac="a" * 64,
        )  # fmt: skip
    assert texts(now) == [
        ("PROBLEM", "1 data request is overdue."),
        ("NOTICE", "1 data request is due within 7 days."),
    ]
