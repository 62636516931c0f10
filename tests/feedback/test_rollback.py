"""An earlier version put back: at once, with a reason, by who may, and only one that can be read."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from customers.models import Cursor
from feedback import rollback
from feedback.models import RetrainingDecision
from feedback.rollback import RollbackError
from segmentation import queries, refreshing, scoring, sensitive
from segmentation.enums import ModelStatus, Task
from segmentation.expectation import READER
from segmentation.models import ModelVersion, ScoreGeneration
from segmentation.registry import SensitiveField
from tests.factories.customers import CustomerFactory
from tests.segmentation.versions import rule_champion


pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ada", is_staff=True)


@pytest.fixture
def two(now: datetime) -> tuple[ModelVersion, ModelVersion]:
    """The version before and the one that serves."""
    before = rule_champion(Task.PURCHASE, now=now - timedelta(days=30))
    serving = rule_champion(Task.PURCHASE, now=now - timedelta(days=1))
    before.refresh_from_db()
    return before, serving


def scores(version: ModelVersion, value: float, *, at: datetime) -> ScoreGeneration:
    return scoring.write_generation(
        version, np.array([CustomerFactory().pk]), np.array([value]), np.array([np.nan]), as_of=at, now=at
    )  # fmt: skip


def test_version_serves_again_and_the_decision_says_who_and_why(
    two: tuple[ModelVersion, ModelVersion], user: User, now: datetime
) -> None:
    before, serving = two
    decision = rollback.roll_back(before, reason=" it sent too much ", by=user, now=now)
    assert queries.champion(Task.PURCHASE) == before
    serving.refresh_from_db()
    assert serving.status == ModelStatus.RETIRED
    assert (decision.champion, decision.challenger, decision.promoted) == (serving, before, True)
    assert decision.reason == "Put back by ada: it sent too much"
    assert decision.decided_by == user


def test_its_last_scores_are_shown_at_once_and_computed_anew_soon(
    two: tuple[ModelVersion, ModelVersion], user: User, now: datetime
) -> None:
    before, serving = two
    old = scores(before, 0.2, at=now - timedelta(days=2))
    scores(serving, 0.9, at=now - timedelta(hours=1))
    Cursor.objects.create(reader=READER, position=0, moved_at=now)
    assert not refreshing.due(now=now)
    rollback.roll_back(before, reason="it sent too much", by=user, now=now)
    assert queries.current_generation(Task.PURCHASE) == old
    assert refreshing.due(now=now)
    scores(before, 0.3, at=now)
    assert not refreshing.due(now=now)


def test_version_whose_scores_are_gone_is_asked_for_new_ones(
    two: tuple[ModelVersion, ModelVersion], user: User, now: datetime
) -> None:
    before, serving = two
    shown = scores(serving, 0.9, at=now)
    Cursor.objects.create(reader=READER, position=0, moved_at=now)
    rollback.roll_back(before, reason="why not", by=user, now=now)
    assert queries.current_generation(Task.PURCHASE) == shown
    assert refreshing.due(now=now)


def test_harmed_version_is_not_put_back_and_the_champion_stays(
    two: tuple[ModelVersion, ModelVersion], user: User, now: datetime, home: Path
) -> None:
    before, serving = two
    (home / "models" / before.artefact / "rule.json").write_text("{}")
    with pytest.raises(RollbackError, match="was altered"):
        rollback.roll_back(before, reason="why not", by=user, now=now)
    assert queries.champion(Task.PURCHASE) == serving


def test_version_that_learned_from_a_field_declared_since_is_not_put_back(
    two: tuple[ModelVersion, ModelVersion],
    user: User,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, serving = two
    SensitiveField.objects.create(name="country", declared_at=now)
    monkeypatch.setitem(sensitive.MADE_OF, "country", ("recency_days",))
    with pytest.raises(RollbackError, match="now declared sensitive: recency_days"):
        rollback.roll_back(before, reason="why not", by=user, now=now)
    assert queries.champion(Task.PURCHASE) == serving


def test_lifetime_version_that_is_something_else_is_not_put_back(user: User, now: datetime) -> None:
    before = rule_champion(Task.LIFETIME, now=now - timedelta(days=30))
    serving = rule_champion(Task.LIFETIME, now=now - timedelta(days=1))
    before.refresh_from_db()
    with pytest.raises(RollbackError, match="cannot be read"):
        rollback.roll_back(before, reason="why not", by=user, now=now)
    assert queries.champion(Task.LIFETIME) == serving


@pytest.mark.parametrize("status", [ModelStatus.REJECTED, ModelStatus.CHAMPION])
def test_only_a_version_that_served_before_is_put_back(
    status: str, two: tuple[ModelVersion, ModelVersion], user: User, now: datetime
) -> None:
    before, serving = two
    chosen = serving if status == ModelStatus.CHAMPION else before
    ModelVersion.objects.filter(pk=chosen.pk).update(status=status)
    with pytest.raises(RollbackError, match="is not a version that served before"):
        rollback.roll_back(chosen, reason="why not", by=user, now=now)
    assert queries.champion(Task.PURCHASE) == serving
    assert not RetrainingDecision.objects.exists()


def test_without_a_reason_nothing_happens(
    two: tuple[ModelVersion, ModelVersion], user: User, now: datetime
) -> None:
    with pytest.raises(RollbackError, match="Say why"):
        rollback.roll_back(two[0], reason="  ", by=user, now=now)


# ------------------------------------------------------------------ the page
def allow(user: User, *names: str) -> None:
    wanted = ("view_modelversion", "view_retrainingdecision", *names)
    user.user_permissions.set(Permission.objects.filter(codename__in=wanted))


def test_page_puts_back_for_who_may_and_says_so(
    client: Client, two: tuple[ModelVersion, ModelVersion], user: User
) -> None:
    before, serving = two
    client.force_login(user)
    address = reverse("admin:model_roll_back", args=[before.pk])
    page = reverse("admin:model_page", args=["purchase"])
    allow(user)
    assert client.post(address, {"reason": "why not"}).status_code == 403
    assert "Put v" not in client.get(page).content.decode()
    allow(user, "rollback_modelversion")
    assert f"Put v{before.number} back" in client.get(page).content.decode()
    assert client.get(address).status_code == 405
    assert "Say in up to 500" in client.post(address, follow=True).content.decode()
    assert queries.champion(Task.PURCHASE) == serving
    said = client.post(address, {"reason": "why not"}, follow=True).content.decode()
    assert f"purchase v{before.number} serves" in said
    assert "Put back by ada: why not" in said
    assert queries.champion(Task.PURCHASE) == before
