from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent.enums import Purpose
from consent.models import ConsentState
from customers.enums import OrderStatus
from customers.models import Customer, Order, OrderLine, Product
from segmentation import mirror, queries, versions, withdrawn
from segmentation.enums import ModelStatus, Task
from segmentation.holders import HOLDERS
from segmentation.ml.recommend import hybrid
from segmentation.models import (
    CategoryRule,
    ExpectedDemand,
    ModelVersion,
    Recommendation,
    RecommendationRun,
    SuppressedCategory,
)
from segmentation.recommending import learning, refreshing, stored
from tests.segmentation.shop.rounds import STARTS_AT


pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shop")]
TASK = Task.RECOMMEND


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of a hundred customers are as good for what is tested here."""
    monkeypatch.setattr(hybrid, "MOST_CUSTOMERS", 100)
    monkeypatch.setattr(learning, "MOST_JUDGES", 300)


def done(now: datetime = STARTS_AT) -> refreshing.Done:
    found = refreshing.refresh_if_due(now=now)
    assert found is not None
    return found


def test_every_profiled_buyer_gets_a_list_with_reasons_and_the_model_beats_what_is_simple() -> None:
    first = done()
    assert first.version.status == ModelStatus.CHAMPION
    metrics = first.version.metrics
    assert metrics["model"]["ndcg"] > metrics["baseline"]["ndcg"]
    assert Recommendation.objects.count() == first.customers > 500
    for purpose in (Purpose.PROFILING, Purpose.RECOMMENDATIONS):
        agreed = ConsentState.objects.filter(purpose=purpose, is_granted=True)
        assert not Recommendation.objects.exclude(customer__in=agreed.values("customer")).exists()
    row = Recommendation.objects.order_by("pk")[0]
    shelf = stored.of_customer(row.customer_id)
    assert shelf.personal
    assert [one.product_id for one in shelf.suggestions] == row.products[: stored.SHOWN]
    assert all(one.reason for one in shelf.suggestions)
    assert len(set(row.products)) == len(row.products)
    run = stored.current()
    assert run is not None
    assert 0 < run.shown <= run.products
    assert ExpectedDemand.objects.filter(run=run, expected__gt=0).exists()


def test_lists_are_computed_daily_and_learned_monthly_and_only_the_newest_are_kept() -> None:
    first = done()
    assert refreshing.refresh_if_due(now=STARTS_AT + timedelta(hours=23)) is None
    again = done(STARTS_AT + timedelta(days=1))
    assert again.version == first.version
    assert RecommendationRun.objects.count() == 1
    assert Recommendation.objects.values("run").distinct().count() == 1
    # nobody buys in those four weeks: the second is refused and the first goes on serving
    assert done(STARTS_AT + timedelta(days=28)).version == first.version
    assert ModelVersion.objects.get(task=TASK, number=2).status == ModelStatus.REFUSED


def test_after_a_sale_lists_follow_as_soon_as_they_are_cheap_enough() -> None:
    done()
    row = Recommendation.objects.order_by("pk")[0]
    order = Order.objects.filter(customer_id=row.customer_id).order_by("-placed_at")[0]
    soon, day = STARTS_AT + refreshing.SOONEST, timedelta(days=1)
    assert not refreshing.due(now=soon)  # nothing was sold
    order.pk, order.external_id = None, "later"
    order.placed_at = order.arrived_at = STARTS_AT + timedelta(minutes=5)
    order.save()
    for seconds, pause in ((1, refreshing.SOONEST), (60, timedelta(minutes=100)), (1_000, day)):
        RecommendationRun.objects.update(details={"seconds": seconds})
        assert not refreshing.due(now=STARTS_AT + pause - timedelta(seconds=1))
        assert refreshing.due(now=STARTS_AT + pause)
    RecommendationRun.objects.update(details={"seconds": 1})
    done(soon)
    run = stored.current()
    assert run is not None
    assert run.as_of == soon
    assert run.details["seconds"] > 0
    assert not refreshing.due(now=soon + refreshing.SOONEST)


def test_new_version_is_judged_beside_the_one_that_serves() -> None:
    first = done()
    with mirror.connect() as database:
        second = learning.learn(database, now=STARTS_AT)
    assert set(second.metrics["ways"]) == {"ours", "served", *learning.BASELINES}
    # learned from the same, it says the same
    assert second.metrics["ways"]["served"] == second.metrics["ways"]["ours"]
    assert "No proof that it is better than the champion" in second.reason
    assert queries.champion(TASK) == first.version


def test_version_put_back_recommends_at_once_and_is_not_replaced_the_next_day() -> None:
    first = done()
    later = STARTS_AT + timedelta(days=27, hours=12)
    assert done(later).version == first.version
    assert not refreshing.due(now=later)
    back = later + timedelta(hours=1)
    versions.promote(first.version, reason="Put back by ada", now=back)
    assert done(back).version == first.version
    assert not refreshing.due(now=back)
    done(STARTS_AT + timedelta(days=29))
    assert ModelVersion.objects.filter(task=TASK).count() == 1


def test_product_bought_meanwhile_is_not_shown() -> None:
    done()
    row = Recommendation.objects.order_by("pk")[0]
    order = Order.objects.filter(customer_id=row.customer_id).order_by("-placed_at")[0]
    order.pk, order.external_id = None, "later"
    order.placed_at = order.arrived_at = STARTS_AT + timedelta(hours=1)
    order.status = OrderStatus.PLACED
    order.save()
    product = Product.objects.get(pk=row.products[0])
    OrderLine.objects.create(
        order=order, product=product, line_number=1, quantity=1, unit_price_cents=100
    )
    assert product.pk not in [
        one.product_id for one in stored.of_customer(row.customer_id).suggestions
    ]


def test_rule_of_the_shop_closes_a_category_and_leaves_one_out() -> None:
    categories = list(
        Product.objects.filter(is_product=True).exclude(category="").order_by("category")
        .values_list("category", flat=True).distinct()
    )  # fmt: skip
    CategoryRule.objects.create(category=categories[0], days_closed=3_000)
    CategoryRule.objects.create(category=categories[1], is_recommended=False)
    done()
    closed = SuppressedCategory.objects.filter(category=categories[0], learned=False)
    assert closed.exists()
    in_category = set(Product.objects.filter(category=categories[0]).values_list("pk", flat=True))
    left_out = set(Product.objects.filter(category=categories[1]).values_list("pk", flat=True))
    shut = set(closed.values_list("customer_id", flat=True))
    for row in Recommendation.objects.all():
        assert not left_out & set(row.products)
        assert row.customer_id not in shut or not in_category & set(row.products)
    told = stored.closed_to(closed[0].customer_id, now=STARTS_AT)
    assert categories[0] in {one.category for one in told}


@pytest.mark.parametrize("purpose", [Purpose.PROFILING, Purpose.RECOMMENDATIONS])
def test_who_withdraws_either_agreement_is_shown_what_is_popular(purpose: Purpose) -> None:
    done()
    row = Recommendation.objects.order_by("pk")[0]
    ConsentState.objects.filter(customer=row.customer_id, purpose=purpose).update(is_granted=False)
    shelf = stored.of_customer(row.customer_id)
    assert not shelf.personal
    assert {one.code for one in shelf.suggestions} == {"POPULAR"}
    assert stored.closed_to(row.customer_id, now=STARTS_AT) == []
    withdrawn.forget(now=STARTS_AT)
    assert not Recommendation.objects.filter(customer=row.customer_id).exists()


def test_shelves_of_many_cost_as_many_statements_as_of_one() -> None:
    done()
    ids = list(Recommendation.objects.order_by("pk").values_list("customer_id", flat=True)[:50])
    counts = []
    for some in (ids[:1], ids):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            stored.of_customers(some)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_before_anything_was_learned_the_shelf_is_empty() -> None:
    shelf = stored.of_customer(Customer.objects.order_by("pk")[0].pk)
    assert shelf.suggestions == ()
    assert stored.closed_to(1, now=STARTS_AT) == []


def test_too_little_to_learn_from_is_one_recorded_refusal() -> None:
    with mirror.connect() as database:
        ((first,),) = database.execute("SELECT min(placed_at) FROM orders").fetchall()
    early = versions.moment(first) + timedelta(days=5)
    for days in (0, 1):
        assert refreshing.refresh_if_due(now=early + timedelta(days=days)) is None
    version = ModelVersion.objects.get(task=TASK)
    assert version.status == ModelStatus.REFUSED
    assert "50 are needed" in version.reason


def test_champion_that_cannot_be_read_is_learned_anew() -> None:
    first = done()
    path = versions.store() / first.version.artefact / "hybrid.every.npy"
    path.write_bytes(path.read_bytes()[:-8])
    again = done(STARTS_AT + timedelta(days=1))
    assert again.version.number == 2
    assert Recommendation.objects.filter(run__version=again.version).exists()


def test_person_can_read_what_is_recommended_and_it_goes_with_them() -> None:
    done()
    row = Recommendation.objects.order_by("pk")[0]
    (holder,) = [one for one in HOLDERS if one.model is Recommendation]
    assert holder.show is not None
    told = list(holder.show(Recommendation.objects.filter(pk=row.pk)))
    assert len(told[0]["products"]) == len(row.products)
    assert all(one["reason"] for one in told[0]["products"])


def test_what_is_sold_out_is_not_recommended_and_goes_from_lists_at_once() -> None:
    done()
    row = Recommendation.objects.order_by("pk")[0]
    gone = row.products[0]
    Product.objects.filter(pk=gone).update(stock=0)
    assert gone not in [one.product_id for one in stored.of_customer(row.customer_id).suggestions]
    done(STARTS_AT + timedelta(days=1))
    assert not Recommendation.objects.filter(products__contains=[gone]).exists()
    run = stored.current()
    assert run is not None
    assert gone not in run.popular
    Product.objects.filter(pk=gone).update(stock=5)
    done(STARTS_AT + timedelta(days=2))
    assert Recommendation.objects.filter(products__contains=[gone]).exists()


def test_what_is_closed_is_counted_once_for_the_page() -> None:
    category = Product.objects.exclude(category="").earliest("pk").category
    CategoryRule.objects.create(category=category, days_closed=3650)
    done()
    run = stored.current()
    assert run is not None
    pairs = SuppressedCategory.objects.filter(run=run)
    assert run.details["closed"] == pairs.values("customer", "category").distinct().count() > 0
    told = {clock["category"]: clock["closed_to"] for clock in run.clocks}
    for category, count in told.items():
        mine = pairs.filter(category=category).values("customer").distinct()
        assert mine.count() == count
