from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection

from consent.enums import Purpose
from consent.models import ConsentState
from customers.models import Customer, Order
from segmentation import first_purchases, mirror, queries, versions
from segmentation.enums import ModelStatus, Task
from segmentation.ml.first_purchase.model import FirstPurchaseModel
from segmentation.models import FirstPurchase, ModelVersion, Score
from tests.segmentation.shop.rounds import STARTS_AT


pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shop")]
TASK = Task.FIRST_PURCHASE


def told(now: datetime) -> first_purchases.Told:
    done = first_purchases.refresh_if_due(now=now)
    assert done is not None
    return done


def test_every_customer_with_one_order_gets_shares_that_a_person_can_read() -> None:
    done = told(STARTS_AT)
    assert done.version.status == ModelStatus.CHAMPION
    assert done.version.metrics["log_loss"] < 1.79  # six segments at random: ln 6
    rows = FirstPurchase.objects.filter(generation__is_current=True)
    assert (
        rows.count() == done.customers == Score.objects.filter(generation__task=TASK).count() > 20
    )
    row = rows.order_by("pk")[0]
    view = queries.first_purchase(row.customer_id)
    assert view is not None
    order = Order.objects.get(customer_id=row.customer_id)
    assert view.first_order_cents == order.total_cents
    shares = [share for _, share in view.shares]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=0.001)
    assert len({name for name, _ in view.shares}) == first_purchases.SEGMENTS
    assert view.expected_cents >= 0
    several = Order.objects.filter(customer__in=rows.values("customer")).count()
    assert several == rows.count()


def test_a_day_later_it_predicts_again_with_the_same_model_and_28_days_later_learns_anew() -> None:
    first = told(STARTS_AT)
    assert first_purchases.refresh_if_due(now=STARTS_AT + timedelta(hours=23)) is None
    again = told(STARTS_AT + timedelta(days=1))
    assert again.version == first.version
    anew = told(STARTS_AT + timedelta(days=28)).version
    assert anew.number == 2
    assert first.version.reason.startswith("The first model")
    assert anew.reason.startswith("Its segments are others than those of the model before")
    assert ModelVersion.objects.filter(task=TASK, status=ModelStatus.CHAMPION).count() == 1


def test_version_put_back_predicts_at_once_and_is_not_replaced_the_next_day() -> None:
    first = told(STARTS_AT)
    back = told(STARTS_AT + timedelta(days=27)).version.as_of + timedelta(days=27, hours=1)
    versions.promote(first.version, reason="Put back by ada", now=back)
    assert told(back).version == first.version
    assert not first_purchases.due(now=back)
    assert told(STARTS_AT + timedelta(days=29)).version == first.version


def test_a_stored_model_predicts_what_the_trained_one_did() -> None:
    version = told(STARTS_AT).version
    files = versions.load(version).files
    assert FirstPurchaseModel.from_files(files).to_files() == dict(files)


def test_too_few_customers_is_one_recorded_refusal_however_often_it_is_tried() -> None:
    with mirror.connect() as database:
        ((first,),) = database.execute("SELECT min(placed_at) FROM orders").fetchall()
    early = versions.moment(first) + timedelta(days=91)
    for days in (0, 1, 2):
        assert first_purchases.refresh_if_due(now=early + timedelta(days=days)) is None
    version = ModelVersion.objects.get(task=TASK)
    assert version.status == ModelStatus.REFUSED
    assert "400 are needed" in version.reason


def test_without_one_order_customers_nothing_is_kept_and_nobody_has_a_view() -> None:
    done = told(STARTS_AT)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM segmentation_firstpurchase")
        assert cursor.fetchone()[0] == done.customers
    repeat = Score.objects.filter(generation__task=TASK).values("customer")
    other = Order.objects.exclude(customer__in=repeat).earliest("pk")
    assert queries.first_purchase(other.customer_id) is None


def test_who_left_or_withdrew_since_the_mirror_was_read_is_not_kept() -> None:
    first = told(STARTS_AT)
    erased, merged, withdrew, removed, stays = FirstPurchase.objects.order_by("pk").values_list(
        "customer_id", flat=True
    )[:5]
    Customer.objects.filter(pk=erased).update(erased_at=STARTS_AT)
    Customer.objects.filter(pk=merged).update(merged_into=stays)
    ConsentState.objects.filter(customer=withdrew, purpose=Purpose.PROFILING).update(
        is_granted=False
    )
    ConsentState.objects.filter(customer=removed, purpose=Purpose.PROFILING).delete()
    again = told(STARTS_AT + timedelta(days=1))
    kept = FirstPurchase.objects.filter(generation__is_current=True)
    assert kept.count() == again.customers
    assert again.customers >= first.customers - 20  # a day on, some are too old
    scored = Score.objects.filter(generation__task=TASK, generation__is_current=True)
    for rows in (kept, scored):
        assert not rows.filter(customer__in=[erased, merged, withdrew, removed]).exists()
        assert rows.filter(customer=stays).exists()


def test_champion_that_cannot_be_read_is_learned_anew() -> None:
    first = told(STARTS_AT)
    ModelVersion.objects.filter(pk=first.version.pk).update(artefact="not-there")
    again = told(STARTS_AT + timedelta(days=1))
    assert again.version.number == 2
    assert again.version.status == ModelStatus.CHAMPION
    assert FirstPurchase.objects.filter(generation__version=again.version).exists()


def test_champion_that_cannot_be_read_or_replaced_is_tried_again_a_day_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = told(STARTS_AT)
    ModelVersion.objects.filter(pk=first.version.pk).update(artefact="not-there")
    monkeypatch.setattr(first_purchases, "FEWEST", 1_000_000)
    tomorrow = STARTS_AT + timedelta(days=1)
    assert first_purchases.refresh_if_due(now=tomorrow) is None
    assert not first_purchases.due(now=tomorrow + timedelta(seconds=30))
    # what it said last stays
    assert FirstPurchase.objects.filter(generation__is_current=True).count() == first.customers
