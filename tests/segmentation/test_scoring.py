from __future__ import annotations

import numpy as np
import pytest
from django.db import connection

from segmentation import queries
from segmentation.enums import Task
from segmentation.models import Score, ScoreGeneration
from segmentation.predictors import Predicted
from segmentation.scoring import _write_some, drop_old, write_generation
from tests.factories.customers import NOW, CustomerFactory
from tests.segmentation.versions import make_version


pytestmark = pytest.mark.django_db


def write(values: list[float], ids: list[int]) -> ScoreGeneration:
    version = queries.champion(Task.CHURN) or make_version("CHURN", champion=True)
    sd = np.full(len(ids), np.nan)
    return write_generation(version, np.array(ids), np.array(values), sd, as_of=NOW, now=NOW)


def test_write_generation_flips_the_pointer_when_complete() -> None:
    ids = [CustomerFactory().pk for _ in range(3)]
    write([0.1, 0.2, 0.3], ids)
    second = write([0.4, 0.5, 0.6], ids)
    assert queries.current_generation(Task.CHURN) == second
    assert queries.current_scores(Task.CHURN, np.array(ids)).values.tolist() == [0.4, 0.5, 0.6]


def test_write_generation_keeps_the_one_before_and_drops_older_ones() -> None:
    ids = [CustomerFactory().pk]
    generations = [write([number / 10], ids).pk for number in range(4)]
    assert (
        list(ScoreGeneration.objects.order_by("pk").values_list("pk", flat=True)) == generations[2:]
    )
    assert Score.objects.count() == 2


def test_write_generation_stores_an_unknown_spread_as_null() -> None:
    write([0.5], [CustomerFactory().pk])
    assert Score.objects.get().sd is None


def test_current_scores_align_with_what_was_asked() -> None:
    low, middle, high = (CustomerFactory().pk for _ in range(3))
    write([0.1, 0.3], [low, high])
    scores = queries.current_scores(Task.CHURN, np.array([high, middle, low, high + 1000]))
    assert scores.values[[0, 2]].tolist() == [0.3, 0.1]
    assert np.isnan(scores.values[[1, 3]]).all()
    assert scores.average == pytest.approx(0.2)


def test_current_scores_without_a_generation_are_unknown() -> None:
    scores = queries.current_scores(Task.CHURN, np.array([1, 2]))
    assert scores.version_id is None
    assert np.isnan(scores.values).all()


def test_drop_old_keeps_what_is_shown() -> None:
    first, *_ = [write([0.1], [CustomerFactory().pk]) for _ in range(2)]
    ScoreGeneration.objects.update(is_current=False)
    ScoreGeneration.objects.filter(pk=first.pk).update(is_current=True)
    ScoreGeneration.objects.create(
        task=Task.CHURN, version=first.version, as_of=NOW, written_at=NOW
    )
    drop_old(Task.CHURN)
    assert Score.objects.filter(generation=first).exists()


def test_scores_that_stay_the_same_are_not_written() -> None:
    same, other, gone, new = (CustomerFactory().pk for _ in range(4))
    generation = write([0.1, 0.2, 0.3], [same, other, gone])

    def stored() -> dict[int, tuple[float, str]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT customer_id, value, ctid::text FROM segmentation_score")
            return {who: (value, place) for who, value, place in cursor.fetchall()}

    before = stored()
    said = Predicted(
        customer_ids=np.array([same, other, new]), columns={"value": np.array([0.1, 0.4, 0.5])}
    )
    assert _write_some(generation, np.array([same, other, gone, new]), said) == 2
    after = stored()
    assert {who: value for who, (value, _) in after.items()} == {same: 0.1, other: 0.4, new: 0.5}
    assert after[same] == before[same]  # in its place: an update would have put it elsewhere
    assert queries.scores_of(Task.CHURN, np.array([same, gone, new])).tolist()[::2] == [0.1, 0.5]
