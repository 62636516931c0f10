"""The table of scores in parts: what is loaded beside it, what is dropped whole, and how it came to be."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import psycopg
import pytest
from django.apps import apps
from django.db import connection

from segmentation import score_partitions, scoring
from segmentation.enums import Task
from segmentation.models import Score, ScoreGeneration
from segmentation.predictors import Predicted
from tests.factories.customers import NOW, CustomerFactory
from tests.screens.rows import generation
from tests.segmentation.versions import make_version


def stored() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generation_id, customer_id, value, sd FROM segmentation_score ORDER BY 1, 2"
        )
        return list(cursor.fetchall())


def begin() -> scoring.Writing:
    version = make_version("CHURN", champion=True)
    return scoring.Writing.begin(version, task=Task.CHURN, as_of=NOW, now=NOW)


def said(ids: list[int], values: list[float], sd: list[float]) -> Predicted:
    columns = {"value": np.array(values), "sd": np.array(sd)}
    return Predicted(customer_ids=np.array(ids), columns=columns)


def numbers() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM segmentation_score")
        return [number for (number,) in cursor.fetchall()]


@pytest.mark.django_db
def test_parts_and_one_table_hold_the_same_rows() -> None:
    """What an installation that exists goes through, and the way back."""
    migration = import_module("segmentation.migrations.0009_scores_in_parts")
    customers = [CustomerFactory().pk for _ in range(3)]
    for number in range(2):
        made = generation()
        for customer in customers:
            Score.objects.create(generation=made, customer_id=customer, value=number + 0.5, sd=None)
    before = stored()
    with connection.schema_editor() as editor:
        migration.into_one(apps, editor)
        assert stored() == before
        assert len(set(numbers())) == 6
        migration.into_parts(apps, editor)
    assert stored() == before
    assert len(before) == 6
    assert len(set(numbers())) == 6


@pytest.mark.django_db
def test_customer_has_one_row_in_a_part() -> None:
    made, customer = generation(), CustomerFactory()
    Score.objects.create(generation=made, customer=customer, value=0.5)
    with pytest.raises(Exception, match="duplicate key"):
        Score.objects.create(generation=made, customer=customer, value=0.5)


@pytest.mark.django_db
def test_writing_that_is_abandoned_leaves_nothing() -> None:
    writing = begin()
    writing.add(said([1, 2], [0.1, 0.2], [np.nan, 0.3]))
    writing.abandon()
    assert not ScoreGeneration.objects.exists()
    assert not Score.objects.exists()


@pytest.mark.django_db
def test_parts_that_are_added_one_after_the_other_are_one_generation() -> None:
    writing = begin()
    writing.add(said([1, 2], [0.1, 0.2], [np.nan, 0.3]))
    writing.add(said([3], [0.4], [np.nan]))
    assert not Score.objects.exists()  # nobody sees what is not complete
    writing.publish()
    shown = ScoreGeneration.objects.get(task=Task.CHURN, is_current=True)
    assert shown.rows == 3
    assert [row[1:] for row in stored()] == [(1, 0.1, None), (2, 0.2, 0.3), (3, 0.4, None)]


@pytest.mark.django_db(transaction=True)
def test_part_that_is_being_read_stays_until_the_next_time() -> None:
    made = generation()
    known = connection.settings_dict
    with psycopg.connect(
        host=known["HOST"], port=known["PORT"], user=known["USER"], password=known["PASSWORD"],
        dbname=known["NAME"],
    ) as reader:  # fmt: skip
        reader.execute("SELECT * FROM segmentation_score")
        assert not score_partitions.drop(made.pk)
        reader.rollback()
        assert score_partitions.drop(made.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [score_partitions.name(made.pk)])
        assert cursor.fetchone() == (None,)
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
