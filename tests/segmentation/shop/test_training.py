from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from consent.enums import Purpose
from consent.models import ConsentState
from segmentation import examples, mirror, queries, training, versions
from segmentation.enums import ModelStatus, Task
from segmentation.ml.metrics import Interval
from segmentation.models import ModelVersion
from tests.segmentation.shop.rounds import STARTS_AT
from tests.segmentation.versions import rule_champion
from tests.sessions import another_session


pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shop")]
EARLIER = STARTS_AT - timedelta(days=40)


def epoch(moment: datetime) -> int:
    return int(moment.timestamp())


def test_too_short_a_history_is_a_recorded_refusal() -> None:
    with mirror.connect() as database:
        ((first,),) = database.execute("SELECT min(placed_at) FROM orders").fetchall()
    soon = versions.moment(first) + timedelta(days=30)
    result = training.train_propensity(Task.CHURN, now=soon)
    assert (result.promoted, result.previous) == (False, None)
    assert "days of history" in result.reason
    assert result.version.status == ModelStatus.REFUSED
    assert result.version.artefact == ""
    assert queries.champion(Task.CHURN) is None


def test_first_model_beats_the_rule_and_serves_until_a_later_one_does() -> None:
    first = training.train_propensity(Task.PURCHASE, now=EARLIER)
    assert first.promoted
    assert first.reason.startswith("The first model, and it beats the baseline")
    assert queries.champion(Task.PURCHASE) == first.version
    # nothing later than its moment was read
    assert first.version.as_of == EARLIER
    assert first.version.metrics["test_at"] == epoch(EARLIER - timedelta(days=30))
    assert max(first.version.metrics["train_at"]) == epoch(EARLIER - timedelta(days=60))
    # 40 days later the champion has not seen the test window of 30 days, so they can be compared
    second = training.train_propensity(Task.PURCHASE, now=STARTS_AT)
    assert second.previous == first.version
    assert second.version.number == 2
    assert "against_champion" in second.evidence
    serving = second.version if second.promoted else first.version
    assert queries.champion(Task.PURCHASE) == serving
    assert set(ModelVersion.objects.values_list("status", flat=True)) == {
        ModelStatus.CHAMPION,
        ModelStatus.RETIRED if second.promoted else ModelStatus.REJECTED,
    }


def test_where_the_champion_saw_the_window_one_that_served_before_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rule_champion(
        Task.PURCHASE, now=EARLIER
    )  # learned until then: the window begins ten days later
    older = ModelVersion.objects.get()
    ModelVersion.objects.update(status=ModelStatus.RETIRED, window_ends_at=EARLIER)
    newer = rule_champion(Task.PURCHASE, now=STARTS_AT)
    ModelVersion.objects.filter(pk=newer.pk).update(window_ends_at=STARTS_AT)
    better = training.train_propensity(Task.PURCHASE, now=STARTS_AT)
    assert better.promoted
    assert f"Against {older}" in better.reason
    assert better.evidence["against_an_earlier_one"]["mean"] < 0  # it is a rule of one number

    def knows(version: ModelVersion, database: object, trained: Any, report: object) -> Any:
        return np.where(trained.test_bought, 0.99, 0.01)

    monkeypatch.setattr(training, "_champion_says", knows)
    ModelVersion.objects.filter(pk=better.version.pk).update(status=ModelStatus.REJECTED)
    ModelVersion.objects.filter(pk=newer.pk).update(status=ModelStatus.CHAMPION)
    worse = training.train_propensity(Task.PURCHASE, now=STARTS_AT)
    assert not worse.promoted
    assert worse.reason.startswith(f"Worse than {older}")
    assert queries.champion(Task.PURCHASE) == newer


def test_harmed_champion_is_replaced_by_the_next_model(home: Path) -> None:
    harmed = home / "models" / rule_champion(Task.PURCHASE, now=EARLIER).artefact / "rule.json"
    harmed.write_bytes(harmed.read_bytes() + b" ")
    result = training.train_propensity(Task.PURCHASE, now=STARTS_AT)
    assert result.promoted
    assert "cannot read" in result.reason
    assert "was altered" in result.reason


def test_recency_rule_replaces_only_a_model_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # an interval that no model can beat, so that the verdict is the rule's
    monkeypatch.setattr(
        "segmentation.ml.training.paired_bootstrap",
        lambda **_: Interval(mean=0.0, low=-1.0, high=1.0),
    )
    serving = rule_champion(Task.PURCHASE, now=EARLIER)
    kept = training.train_propensity(Task.PURCHASE, now=STARTS_AT)
    assert not kept.promoted
    assert "The champion stays" in kept.reason
    ModelVersion.objects.filter(pk=serving.pk).update(artefact="not-there")
    replaced = training.train_propensity(Task.PURCHASE, now=STARTS_AT)
    assert replaced.promoted
    assert "The recency rule serves" in replaced.reason
    assert queries.champion(Task.PURCHASE) == replaced.version


def test_only_one_process_trains_a_task() -> None:
    with another_session() as other:
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"training {Task.CHURN}"])
        with pytest.raises(training.AlreadyTrainingError, match="another process"):
            training.train_propensity(Task.CHURN, now=STARTS_AT)
    assert not ModelVersion.objects.exists()


def test_lock_of_the_trainer_is_given_back() -> None:
    training.train_propensity(Task.CHURN, now=STARTS_AT - timedelta(days=5000))
    with another_session() as other:
        got = other.execute(
            "SELECT pg_try_advisory_lock(hashtext(%s))", [f"training {Task.CHURN}"]
        ).fetchone()
    assert got == (True,)


def test_who_no_longer_agrees_is_no_example(monkeypatch: pytest.MonkeyPatch) -> None:
    agreed = ConsentState.objects.filter(purpose=Purpose.PROFILING)
    keep = examples.keep

    def withdrawn_meanwhile(version: ModelVersion, trained: Any) -> None:
        agreed.update(is_granted=False)
        keep(version, trained)

    monkeypatch.setattr(examples, "keep", withdrawn_meanwhile)
    result = training.train_propensity(Task.PURCHASE, now=STARTS_AT)
    assert not result.version.cases.exists()
