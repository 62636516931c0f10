from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import pytest

from customers import queries
from customers.enums import EventKind
from customers.models import Customer, Event, Order, Product, Refund
from customers.sources.base import SourceError
from tests.customers.files import UCI_ROWS, UCI_SPELLINGS, bring_in, translate, write_uci
from tests.factories.customers import SourceFactory


@pytest.mark.django_db
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("spelling", UCI_SPELLINGS)
def test_both_spellings_give_the_same_shop(
    spelling: str, suffix: str, tmp_path: Path, now: datetime
) -> None:
    path = write_uci(tmp_path / f"retail.{suffix}", spelling=spelling)
    report = bring_in(path, layout="uci", source=SourceFactory(), now=now)
    assert (report.lines, report.accepted, report.duplicates) == (len(UCI_ROWS), 12, 1)
    assert report.rejected == {"stock_adjustment": 1}
    # netting: who gave what back, from which order
    refunds = {
        refund.external_id: (refund.customer and refund.customer.external_id,
                             refund.order and refund.order.external_id, refund.amount_cents, refund.reason)
        for refund in Refund.objects.select_related("customer", "order")
    }  # fmt: skip
    assert refunds == {
        "C536383-1": ("17850", "536365", 255, "Cancelled"),
        # more than were bought at once: no order can be named
        "C536384-1": ("12583", None, 11_250, "Cancelled"),
        "C536385-1": ("14527", None, 2_750, "Discount"),
        "A563186-1": (None, None, 1_106_206, "Adjustment"),
    }
    # postage is no product, and its money is in the order
    assert Order.objects.get(external_id="536365").total_cents == 1530 + 255 + 1800
    assert set(Product.objects.filter(is_product=False).values_list("external_id", flat=True)) == {
        "POST", "M", "D", "B", "PADS",
    }  # fmt: skip
    assert Product.objects.get(external_id="85123A").category == "Candles and light"
    assert Order.objects.get(external_id="536371").customer is None
    assert Order.objects.get(external_id="536600").total_cents == 0, "a gift to a known customer"
    assert {c.external_id: (c.email, c.country) for c in Customer.objects.all()} == {
        "17850": ("customer-17850@online-retail.example", "GB"),
        "12583": ("customer-12583@online-retail.example", "FR"),
        "14527": ("customer-14527@online-retail.example", "GB"),
        "13952": ("customer-13952@online-retail.example", ""),
    }
    value = sum(row[3] * row[5] for row in UCI_ROWS)
    assert report.value["file"] == pytest.approx(value, abs=1e-9)
    assert report.value["file"] == pytest.approx(
        sum(report.value[part] for part in ("duplicates", "refused", "rounded_off", "imported"))
    )
    assert Event.objects.count() == 0, "no consent out of nothing"


@pytest.mark.django_db
def test_consents_for_a_demonstration_say_so_and_come_once(tmp_path: Path, now: datetime) -> None:
    path, source = write_uci(tmp_path / "retail.csv", spelling="II"), SourceFactory()
    for _ in range(2):
        report = bring_in(path, layout="uci", source=source, now=now, demonstration=True)
        assert any("made up" in note for note in report.notes)
    events = Event.objects.filter(kind=EventKind.CONSENT_GIVEN)
    assert {event.properties["method"] for event in events} == {"demonstration"}
    assert events.count() == events.distinct("external_id").count() > 0


def test_another_shops_file_is_refused_in_words(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "other.csv"
    path.write_text("Invoice,StockCode\n1,2\n")
    with pytest.raises(SourceError, match=r"no column Description, Quantity.*--layout generic"):
        translate(path, layout="uci", now=now)


@pytest.mark.story
@pytest.mark.django_db
def test_the_real_file_reconciles_to_the_penny(shared_data: Path, now: datetime) -> None:
    path = shared_data / "online-retail" / "online_retail.parquet"
    if not path.exists():
        pytest.skip("the UCI file is not beside the checkout")
    source = SourceFactory()
    started = time.perf_counter()
    report = bring_in(path, layout="uci", source=source, now=now, demonstration=True)
    seconds = time.perf_counter() - started
    print(f"541,909 lines in {seconds:.1f} s: {541_909 / seconds:,.0f} lines/s")
    assert (report.lines, report.duplicates, report.rejected) == (
        541_909, 5_268, {"stock_adjustment": 2_470},
    )  # fmt: skip
    assert report.accepted == 541_909 - 5_268 - 2_470
    # the published value of the file, less what its 5,268 repeated lines are worth, less 4 lines of
    # a tenth of a penny
    totals = queries.totals(source=source)
    net = totals["order_total"] - totals["refunded_total"]
    assert net == 974_774_793 - 2_174_098
    assert report.value["file"] == pytest.approx(9_747_747.934, abs=1e-6)
    assert report.value["imported"] == net / 100
    assert report.value["rounded_off"] == pytest.approx(0.004)
    assert (totals["customers"], totals["refunds"]) == (4_372, 9_253)
    sold_to_known = Order.objects.filter(
        customer__isnull=False, lines__unit_price_cents__gt=0
    ).distinct()
    assert sold_to_known.count() == 18_532, "the invoices of the published cleaned file"
    assert sold_to_known.values("customer").distinct().count() == 4_338
    # the largest order was cancelled twelve minutes later, and is named in its refund
    assert Refund.objects.get(external_id="C581484-1").order.external_id == "581483"
    again = bring_in(path, layout="uci", source=source, now=now, demonstration=True)
    assert (again.accepted, again.duplicates) == (0, 541_909 - 2_470)
    # lines that are refused again are kept again, with the import that brought them
    assert {**queries.totals(source=source), "rejected": 0} == {**totals, "rejected": 0}
