"""Health, card and drift of models: everything a version may or may not say, and who may see what."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from consent import ledger
from consent.enums import Purpose
from feedback import retraining
from feedback.models import DriftCheck, TrainingRequest
from feedback.reports import why_not
from segmentation import attempts, withdrawn
from segmentation.enums import ModelStatus, Task
from segmentation.models import ModelVersion
from segmentation.registry import JudgedCase, SensitiveField, TrainingAttempt
from tests.factories.consent import agree
from tests.factories.customers import NOW, CustomerFactory
from tests.screens.rows import model_version
from tests.sessions import another_session


pytestmark = pytest.mark.django_db

BINARY = {"auc": 0.8, "log_loss": 0.4, "brier": 0.1, "ece": 0.02}
METRICS: dict[str, Any] = {
    "model": BINARY,
    "baseline": {**BINARY, "auc": 0.7},
    "calibration": [{"predicted": 0.2, "observed": 0.25, "rows": 40}],
    "gains": {"model": [[0, 0], [0.5, 0.8], [1, 1]], "baseline": [[0, 0], [0.5, 0.7], [1, 1]]},
    "rows": 100, "positives": 30, "test_at": 1_760_000_000, "horizon_days": 30,
    "past": [{"at": 1_750_000_000, "rows": 90, "rate": 0.25, "model": BINARY, "baseline": BINARY}],
    "strategy": "WARM", "strategy_reason": "On past cut-offs better than training anew: warm start.",
    "strategies": [
        {"strategy": "ANEW", "words": "anew", "log_loss": 0.41, "auc": 0.79, "against_anew": None},
        {"strategy": "WARM", "words": "warm start", "log_loss": 0.39, "auc": 0.81,
         "against_anew": {"mean": -0.02, "low": -0.03, "high": -0.01}},
    ],
    "search": [{"trees": 150, "log_loss": 0.4, "taken": 1}],
    "rivals": {"decision tree": BINARY},
    "fairness": [{
        "field": "gender", "warns": True, "words": "gender: selected 0.61 times as often.",
        "groups": [{"name": "f", "rows": 60, "selected": {"value": 0.2, "low": 0.1, "high": 0.3},
                    "found": {"value": None}, "gap": {"value": 0.01, "low": None, "high": None}}],
    }],
}  # fmt: skip


def read(client: Client, name: str, *args: object, **query: object) -> str:
    response = client.get(reverse(f"admin:{name}", args=args), query)
    assert response.status_code == 200
    page = " ".join(response.content.decode().split())
    # as a word: the token of a form may have these letters in it
    assert not re.search(r"\bnan\b", page, re.IGNORECASE)
    return page


def champion(**more: Any) -> ModelVersion:
    return model_version(
        task=Task.PURCHASE, status=ModelStatus.CHAMPION, metrics=METRICS,
        manifest={"details": {"excluded_customers": 12, "profiled_customers": 88,
                              "excluded_features": ["country_share"]}},
        **more,
    )  # fmt: skip


def test_health_tells_how_it_was_judged_and_how_it_came_about(admin_client: Client) -> None:
    champion()
    page = read(admin_client, "model_page", "purchase")
    assert "12 of 100 customers were left out: no basis for profiling." in page
    assert "because declared sensitive: country_share" in page
    assert "On past cut-offs better than training anew" in page
    assert "−0.0200 (−0.0300 to −0.0100)" in page
    assert "warm start <span" in page
    assert "Decision tree" in page
    assert "newest closed window" in page
    assert "20.0 % (10.0 % to 30.0 %)" in page
    assert "Look at this" in page
    assert "Found by the model" in page


def test_measures_of_no_yes_or_no_are_no_row_of_dashes(admin_client: Client) -> None:
    model_version(
        task=Task.LIFETIME, status=ModelStatus.CHAMPION,
        metrics={"model": {"spend_gini": 0.8, "spend_auc": 0.83}, "baseline": {}, "test_at": 1_760_000_000, "rows": 9},
    )  # fmt: skip
    page = read(admin_client, "model_page", "lifetime")
    assert "Ranking by spending at all (AUC)" in page
    assert "Over time" not in page


def test_card_says_what_it_is_for_and_what_to_mind(admin_client: Client) -> None:
    page = read(admin_client, "model_card", champion().pk)
    assert "for stock, reminders and segments" in page
    assert "Not for this." in page
    assert "the recency rule: who bought lately will buy" in page
    assert "Only customers who agreed to profiling" in page
    assert "12 of 100 customers were left out" in page


@pytest.mark.parametrize("task", list(Task))
def test_what_is_not_compared_says_why(task: Task, admin_client: Client) -> None:
    model_version(task=task, status=ModelStatus.CHAMPION, metrics={})
    page = read(admin_client, "model_page", task.lower())
    compared = task in (Task.CHURN, Task.PURCHASE)
    assert ("How it came about" in page) is not compared
    assert ("No field is declared sensitive" in page) is (task not in why_not.FAIRNESS)


@pytest.mark.parametrize("task", list(Task))
def test_every_task_has_a_page_and_a_card_from_nothing_on(task: Task, admin_client: Client) -> None:
    assert "No version yet" in read(admin_client, "model_page", task.lower())
    version = model_version(task=task, status=ModelStatus.REFUSED, reason="Too few to learn from.")
    assert "Too few to learn from." in read(admin_client, "model_page", task.lower())
    assert "It was not measured." in read(admin_client, "model_card", version.pk)


@pytest.mark.parametrize(
    "metrics",
    [
        [], "x", {"model": 3, "calibration": 0.1, "gains": 5, "past": {}, "strategies": [1], "search": "x"},
        {"gains": {"model": []}, "past": [{"at": None}], "fairness": [{"groups": 3}], "rivals": [1]},
        {"strategies": [{"against_anew": 1}], "rows": None, "test_at": 1, "model": {"auc": None}},
        {"test_at": 1e20, "rows": 3, "model": {"auc": 0.5}, "past": [{"at": -1e20}]},
    ],
)  # fmt: skip
def test_metrics_of_another_shape_are_no_error(metrics: Any, admin_client: Client) -> None:
    version = model_version(task=Task.CHURN, status=ModelStatus.CHAMPION, metrics=metrics)
    read(admin_client, "models_page")
    read(admin_client, "model_page", "churn")
    read(admin_client, "model_card", version.pk)


def test_unknown_task_and_version_are_not_found_and_odd_ones_are_ignored(
    admin_client: Client,
) -> None:
    assert admin_client.get(reverse("admin:model_page", args=["nonsense"])).status_code == 404
    assert admin_client.get(reverse("admin:model_card", args=[999])).status_code == 404
    for odd in ("x", "-1", "9" * 30):
        read(admin_client, "model_page", "churn", version=odd)


def test_examples_are_shown_only_to_who_may_see_customers(client: Client) -> None:
    version = champion()
    for number, (probability, ordered) in enumerate(
        [(0.9, True), (0.8, False), (0.05, True), (0.7, True)]
    ):
        customer = CustomerFactory(first_name=f"Case{number}")
        if number < 3:
            agree(customer, Purpose.PROFILING)
        JudgedCase.objects.create(
            version=version, customer=customer, probability=probability, ordered=ordered
        )
    user = User.objects.create_user("clerk", is_staff=True)
    client.force_login(user)
    seen = ["view_modelversion", "view_retrainingdecision"]
    user.user_permissions.set(Permission.objects.filter(codename__in=seen))
    assert "Case0" not in read(client, "model_page", "purchase")
    user.user_permissions.set(Permission.objects.filter(codename__in=[*seen, "view_customer"]))
    page = read(client, "model_page", "purchase")
    right, wrong = page.index("Case0"), page.index("Case1")
    assert right < page.index("<caption>Wrong") < wrong
    assert page.index("Case2") < wrong  # the surer error first
    assert "90 % to order" in page
    assert "Case3" not in page  # who does not agree to it


def test_train_now_asks_once_and_needs_permission(client: Client) -> None:
    user = User.objects.create_user("clerk", is_staff=True)
    client.force_login(user)
    seen = ["view_modelversion", "view_retrainingdecision"]
    user.user_permissions.set(Permission.objects.filter(codename__in=seen))
    address = reverse("admin:model_train", args=["churn"])
    assert "Train now" not in read(client, "model_page", "churn")
    assert client.post(address).status_code == 403
    wanted = [*seen, "train_modelversion"]
    user.user_permissions.set(Permission.objects.filter(codename__in=wanted))
    assert "Train now" in read(client, "model_page", "churn")
    assert client.get(address).status_code == 405
    assert "begins within seconds" in client.post(address, follow=True).content.decode()
    assert "is waiting already" in client.post(address, follow=True).content.decode()
    (asked,) = TrainingRequest.objects.all()
    assert (asked.task, asked.why) == (Task.CHURN, "asked for by clerk")


@pytest.mark.parametrize(
    "task", [Task.CLUSTERS, Task.FIRST_PURCHASE, Task.RECOMMEND, Task.SENTIMENT]
)
def test_what_is_learned_with_the_daily_scores_can_be_trained_now(
    task: Task, admin_client: Client, now: datetime
) -> None:
    assert "Train now" in read(admin_client, "model_page", task.lower())
    admin_client.post(reverse("admin:model_train", args=[task.lower()]))
    (decision,) = retraining.run_due(now=now, known_until=now)
    # nothing to learn from here: said, recorded, and no longer waiting
    assert (decision.task, decision.trigger) == (task, "asked for by admin")
    assert decision.challenger is not None
    assert decision.challenger.status == ModelStatus.REFUSED
    assert decision.reason in read(admin_client, "model_page", task.lower())
    assert list(retraining.run_due(now=now, known_until=now)) == []


def test_training_that_was_killed_is_told_until_the_next_one(
    admin_client: Client, now: datetime
) -> None:
    TrainingAttempt.objects.create(task=Task.CHURN, begun_at=now, deaths=2)
    page = read(admin_client, "model_page", "churn")
    assert "3 trainings in a row were cut off" in page
    with another_session() as other:  # somebody is at it: it was not cut off
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"training {Task.CHURN}"])
        assert "cut off" not in read(admin_client, "model_page", "churn")
    TrainingAttempt.objects.update(deaths=0)
    assert "was cut off." in read(admin_client, "model_page", "churn")
    with attempts.attempt(Task.CHURN, now=now):
        pass
    assert "cut off" not in read(admin_client, "model_page", "churn")


def test_what_was_asked_for_is_trained_first_and_once(now: datetime) -> None:
    retraining.ask(Task.UPLIFT, why="asked for by ada", now=now)
    (need,) = retraining.needs(now=now)
    assert (need.task, need.trigger) == (Task.UPLIFT, "asked for by ada")
    (decision,) = retraining.run_due(now=now, known_until=now)
    assert decision.trigger == "asked for by ada"
    assert retraining.needs(now=now) == []


def test_drift_page_shows_alarms_first_and_empty_is_said(admin_client: Client) -> None:
    assert "Nothing was compared yet" in read(admin_client, "drift_page")
    still = {"name": "Order value", "judged": True, "alarm": False, "words": "Order value: mean 3"}
    moved = {"name": "Price", "judged": True, "alarm": True, "words": "Price: mean 3, now 4",
             "psi": 0.2, "ks": None, "adjusted": 0.001, "dispersion": 1.2,
             "rows_before": 900, "rows_now": 100}  # fmt: skip
    DriftCheck.objects.create(
        checked_at=NOW, as_of=NOW, alarms=1, words="Price went up", findings=[still, moved, 3]
    )
    page = read(admin_client, "drift_page")
    assert "1 of 2 changed." in page
    assert page.index("Price <span") < page.index("Order value")
    assert "What comes in has changed" in read(admin_client, "model_page", "churn")


def test_sensitive_field_is_declared_on_screen_with_who_and_when(admin_client: Client) -> None:
    address = reverse("admin:segmentation_sensitivefield_add")
    assert admin_client.post(address, {"name": "gender", "lowest_ratio": "1.5"}).status_code == 200
    assert not SensitiveField.objects.exists()
    assert admin_client.post(address, {"name": "gender", "lowest_ratio": "0.8"}).status_code == 302
    field = SensitiveField.objects.get()
    assert (field.name, field.lowest_ratio) == ("gender", 0.8)
    assert field.declared_by is not None
    assert "Judged by gender" in read(admin_client, "model_page", "churn")


def test_who_withdraws_from_profiling_is_no_example_any_more() -> None:
    version = champion()
    stays, leaves = CustomerFactory(), CustomerFactory()
    for customer in (stays, leaves):
        agree(customer, Purpose.PROFILING)
        JudgedCase.objects.create(version=version, customer=customer, probability=0.5, ordered=True)
    ledger.withdraw(customer=leaves, purpose=Purpose.PROFILING, method="form", now=NOW)
    withdrawn.forget(now=NOW)
    assert list(JudgedCase.objects.values_list("customer_id", flat=True)) == [stays.pk]
