from __future__ import annotations

from datetime import datetime

import pytest

from feedback import measures
from feedback.models import RetrainingDecision
from feedback.reports import models_page
from feedback.reports.model_versions import Measure
from segmentation.enums import ModelStatus, Task
from segmentation.models import ModelVersion


pytestmark = pytest.mark.django_db


def version(now: datetime, **fields: object) -> ModelVersion:
    values = {"task": Task.CHURN, "number": 1, "status": ModelStatus.CHAMPION, **fields}
    return ModelVersion.objects.create(trained_at=now, as_of=now, **values)


def test_models_page_shows_metrics_beside_the_baseline(now: datetime) -> None:
    metrics = {
        "model": {"auc": 0.8, "log_loss": 0.4, "ece": None},
        "baseline": {"auc": 0.7, "log_loss": 0.3},
        "calibration": [{"predicted": 0.1, "observed": 0.2, "rows": 5}],
        "rows": 100,
    }
    champion = version(now, metrics=metrics)
    refused = version(now, number=2, status=ModelStatus.REFUSED, metrics={"rows": 3, "ok": True})
    decision = RetrainingDecision.objects.create(
        task=Task.CHURN, decided_at=now, challenger=champion, promoted=True, reason="first"
    )
    (churn,) = [task for task in models_page() if task.code == Task.CHURN]
    assert churn.champion.version == champion
    assert [(m.name, m.value, m.baseline) for m in churn.champion.measures] == [
        ("auc", 0.8, 0.7),
        ("log_loss", 0.4, 0.3),
    ]
    assert [(m.name, m.is_better) for m in measures.in_words(churn.champion.measures)] == [
        ("Ranking (AUC)", True),
        ("Log loss", False),
    ]
    assert churn.champion.calibration == ({"predicted": 0.1, "observed": 0.2, "rows": 5},)
    assert [shown.version for shown in churn.versions] == [refused, champion]
    (unknown,) = measures.in_words(churn.versions[0].measures)
    assert (unknown.name, unknown.value, unknown.is_better) == ("Rows", "3.000", None)
    assert churn.decisions == (decision,)


def test_models_page_of_an_empty_shop_names_every_task(now: datetime) -> None:
    tasks = models_page()
    assert [task.code for task in tasks] == Task.values
    assert {task.champion for task in tasks} == {None}


def test_an_error_with_a_sign_is_better_when_nearer_to_zero() -> None:
    (shown,) = measures.in_words([Measure(name="orders_total_error", value=-0.05, baseline=0.12)])
    assert (shown.value, shown.baseline, shown.is_better) == ("−5.0\u00a0%", "+12.0\u00a0%", True)
