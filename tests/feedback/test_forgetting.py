"""Who was erased or withdrew leaves the models: known until when, trained again in days, files deleted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from consent import ages, ledger
from consent.desk import requests, restricting
from consent.enums import Purpose, RequestKind
from customers.models import Customer
from feedback import forgetting as asking
from feedback import retraining, rollback
from feedback.models import TrainingRequest
from segmentation import forgetting, training, versions
from segmentation.enums import ModelStatus, Task
from segmentation.ml import artifacts
from segmentation.models import ModelVersion
from tests.factories.consent import agree
from tests.factories.customers import NOW, CustomerFactory


pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def version_of(task: Task, status: str, *, at: datetime = NOW, **details: Any) -> ModelVersion:
    version = versions.record(
        task=task, status=ModelStatus.CHALLENGER, algorithm="rule", reason="", as_of=at, now=at,
        rows=3, positives=1, metrics={}, files=artifacts.to_files(documents={"rule": {"days": 90}}),
        provenance=artifacts.Provenance(
            task=task, estimator="rule", features=("recency",), data_from=0,
            data_until=int(at.timestamp()), rows=3, seed=1, details=details,
        ),
    )  # fmt: skip
    ModelVersion.objects.filter(pk=version.pk).update(status=status)
    version.refresh_from_db()
    return version


def folder_of(version: ModelVersion) -> Any:
    return versions.store() / version.artefact


def profiled(count: int) -> list[Customer]:
    people: list[Customer] = CustomerFactory.create_batch(count)
    for person in people:
        agree(person, Purpose.PROFILING)
    return people


def erase(customer: Customer, *, at: datetime) -> None:
    row = requests.ask(kind=RequestKind.ERASURE, requested_by="clerk", customer=customer, now=at)
    requests.carry_out(row, now=at)


def withdraw(customer: Customer, *, at: datetime) -> None:
    ledger.withdraw(customer=customer, purpose=Purpose.PROFILING, method="form", now=at)


def tell_age(customer: Customer, age: int) -> None:
    Customer.objects.filter(pk=customer.pk).update(traits={"age": age})


def test_a_model_may_contain_who_left_since_for_a_week() -> None:
    stays, erased, withdrew, before = profiled(4)
    never = CustomerFactory()
    withdraw(before, at=NOW - DAY)
    champion = version_of(Task.CHURN, ModelStatus.CHAMPION, at=NOW + DAY)
    assert forgetting.remains(champion) == forgetting.Remains(people=0, since=None)

    erase(erased, at=NOW + 2 * DAY)
    withdraw(withdrew, at=NOW + 3 * DAY)
    withdraw(never, at=NOW + 3 * DAY)  # was in nothing
    left = forgetting.remains(champion)
    assert (left.people, left.until) == (2, NOW + 9 * DAY)
    assert stays.erased_at is None


def test_a_model_may_contain_who_was_restricted_since_until_that_ends() -> None:
    restricted, before, never = *profiled(2), CustomerFactory()
    ground = "ACCURACY"
    restricting.restrict(customer_ids=[before.pk], ground=ground, now=NOW)
    champion = version_of(Task.CHURN, ModelStatus.CHAMPION, at=NOW + DAY)
    restricting.restrict(customer_ids=[restricted.pk, never.pk], ground=ground, now=NOW + 2 * DAY)
    left = forgetting.remains(champion)
    assert (left.people, left.until) == (1, NOW + 9 * DAY)
    restricting.lift(customer_ids=[restricted.pk], now=NOW + 3 * DAY)
    assert forgetting.remains(champion).people == 0


def test_a_model_may_contain_who_was_found_under_age_since_until_they_have_grown_up() -> None:
    child, merged, before, never = *profiled(3), CustomerFactory()
    tell_age(before, 12)
    assert ages.check(now=NOW) == (1, 0)
    champion = version_of(Task.CHURN, ModelStatus.CHAMPION, at=NOW + DAY)
    assert forgetting.remains(champion).people == 0

    tell_age(child, 12)
    tell_age(never, 12)
    assert ages.check(now=NOW + 2 * DAY) == (2, 0)
    left = forgetting.remains(champion)
    assert (left.people, left.until) == (1, NOW + 9 * DAY)
    # as being merged with a child does
    Customer.objects.filter(pk=merged.pk).update(is_minor=True, is_under_age=True)
    ages.check(now=NOW + 3 * DAY)
    assert forgetting.remains(champion).people == 2
    assert asking.forget_gone(now=NOW + 3 * DAY).asked == 1

    tell_age(child, 40)
    tell_age(merged, 40)
    assert ages.check(now=NOW + 4 * DAY) == (0, 2)
    assert forgetting.remains(champion) == forgetting.Remains(people=0, since=None)


def test_a_training_is_asked_for_and_written_into_the_manifest() -> None:
    erased, _ = profiled(2)
    champion = version_of(Task.CHURN, ModelStatus.CHAMPION)
    erase(erased, at=NOW + DAY)
    assert asking.forget_gone(now=NOW + DAY).asked == 1
    assert asking.forget_gone(now=NOW + 2 * DAY).asked == 0  # one waits
    (request,) = TrainingRequest.objects.all()
    assert "1 customer was erased" in request.why
    assert next(need.task for need in retraining.needs(now=NOW + 2 * DAY)) == Task.CHURN
    champion.refresh_from_db()
    until = (NOW + 8 * DAY).isoformat()
    assert champion.manifest["may_contain"] == {"people": 1, "until": until}


def test_nothing_is_asked_for_where_nobody_left() -> None:
    profiled(2)
    version_of(Task.CHURN, ModelStatus.CHAMPION, at=NOW + DAY)
    assert asking.forget_gone(now=NOW + 2 * DAY) == asking.Done(asked=0, purged=0)


def test_a_model_that_is_not_replaced_within_a_week_is_an_alarm(admin_client: Client) -> None:
    from core import clock

    (erased,) = profiled(1)
    champion = version_of(Task.CHURN, ModelStatus.CHAMPION)
    erase(erased, at=NOW + DAY)
    clock.set_now(NOW + 7 * DAY)
    assert "may contain" not in admin_client.get("/admin/").content.decode()
    clock.set_now(NOW + 9 * DAY)
    assert (
        "churn model may contain 1 customer who was erased"
        in admin_client.get("/admin/").content.decode()
    )
    card = admin_client.get(f"/admin/feedback/outcomewindow/models/card/{champion.pk}/")
    assert "1 customer who agreed then and left since" in card.content.decode()


def test_the_card_tells_whether_the_model_remembers(admin_client: Client) -> None:
    for auc, says in ((0.51, "0.510"), (0.61, ">Yes<"), (None, "Not tried out")):
        version = version_of(Task.CHURN, ModelStatus.RETIRED, membership_auc=auc)
        card = admin_client.get(f"/admin/feedback/outcomewindow/models/card/{version.pk}/")
        assert says in card.content.decode()


def test_old_versions_lose_their_files_and_keep_their_record(admin_user: Any) -> None:
    rows = [version_of(Task.CHURN, ModelStatus.RETIRED) for _ in range(forgetting.KEPT + 2)]
    serving = version_of(Task.CHURN, ModelStatus.CHAMPION, at=NOW - 300 * DAY)
    folders = [folder_of(row) for row in rows]
    assert forgetting.purge(now=NOW) == 2
    assert [path.exists() for path in folders] == [False] * 2 + [True] * forgetting.KEPT
    assert folder_of(serving).exists()
    assert forgetting.purge(now=NOW) == 0
    assert forgetting.purge(now=NOW + 181 * DAY) == forgetting.KEPT
    assert ModelVersion.objects.count() == forgetting.KEPT + 3
    rows[0].refresh_from_db()
    with pytest.raises(rollback.RollbackError):
        rollback.roll_back(rows[0], reason="again", by=admin_user, now=NOW)


def test_an_earlier_version_goes_a_week_after_somebody_left_it() -> None:
    (erased,) = profiled(1)
    retired = version_of(Task.CHURN, ModelStatus.RETIRED)
    path = folder_of(retired)
    erase(erased, at=NOW + DAY)
    assert forgetting.purge(now=NOW + 7 * DAY) == 0
    assert forgetting.purge(now=NOW + 9 * DAY) == 1
    assert not path.exists()


def test_a_version_put_back_while_old_ones_are_deleted_keeps_its_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    oldest, *_ = [version_of(Task.CHURN, ModelStatus.RETIRED) for _ in range(forgetting.KEPT + 1)]
    look = forgetting.remains

    def put_back(version: ModelVersion) -> forgetting.Remains:
        if version == oldest:  # looked at, and not deleted yet
            ModelVersion.objects.filter(pk=version.pk).update(status=ModelStatus.CHAMPION)
        return look(version)

    monkeypatch.setattr(forgetting, "remains", put_back)
    assert forgetting.purge(now=NOW) == 0
    oldest.refresh_from_db()
    assert oldest.artefact
    assert folder_of(oldest).exists()


def test_who_had_withdrawn_before_the_training_is_not_in_it() -> None:
    (before,) = profiled(1)
    withdraw(before, at=NOW + DAY)
    champion = version_of(Task.CHURN, ModelStatus.CHAMPION, at=NOW + 2 * DAY)
    erase(before, at=NOW + 3 * DAY)
    assert forgetting.remains(champion).people == 0


def test_groups_are_made_anew_before_the_week_ends_and_not_every_day() -> None:
    (erased,) = profiled(1)
    version_of(Task.CLUSTERS, ModelStatus.CHAMPION)
    erase(erased, at=NOW + DAY)
    assert asking.forget_gone(now=NOW + 5 * DAY).asked == 0
    assert asking.forget_gone(now=NOW + 6 * DAY).asked == 1
    (request,) = TrainingRequest.objects.all()
    assert request.task == Task.CLUSTERS


def test_a_model_that_somebody_left_gives_way_to_one_that_is_not_worse() -> None:
    (erased,) = profiled(1)
    champion = version_of(Task.CHURN, ModelStatus.CHAMPION)
    assert not training.is_stale(champion, now=NOW + 2 * DAY)
    erase(erased, at=NOW + DAY)
    assert training.is_stale(champion, now=NOW + 2 * DAY)
