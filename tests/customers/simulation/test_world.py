import itertools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.customers.simulation.worlds import DAY, STARTS_AT, mail, world


def _tables(batch):
    return dict(batch.tables())


def test_history_depends_on_the_seed_alone():
    first, again, other = world(), world(), world(seed=2)

    assert _tables(first.history()) == _tables(again.history())
    assert first.history().orders != other.history().orders


def test_history_has_no_future_row_and_no_dangling_reference():
    shop = world()
    history = shop.history()

    for table, column in (
        (history.orders, "placed_at"),
        (history.refunds, "refunded_at"),
        (history.reviews, "written_at"),
        (history.events, "happened_at"),
        (history.customers, "joined_at"),
    ):
        assert table.num_rows > 0
        assert pc.max(table[column]).as_py() < STARTS_AT
    orders = set(history.orders["external_id"].to_pylist())
    assert set(history.order_lines["order_external_id"].to_pylist()) == orders
    assert len(orders) == history.orders.num_rows
    assert set(history.refunds["order_external_id"].to_pylist()) <= orders
    products = set(history.products["external_id"].to_pylist())
    assert set(history.order_lines["product_external_id"].to_pylist()) <= products


def test_order_totals_are_their_lines_less_the_discount():
    history = world().history()
    lines = history.order_lines
    amounts = pc.multiply(lines["quantity"], lines["unit_price_cents"])
    listed = (
        lines.append_column("amount", amounts)
        .group_by("order_external_id")
        .aggregate([("amount", "sum")])
    )
    joined = history.orders.join(listed, "external_id", "order_external_id")

    paid = pc.add(joined["total_cents"], joined["discount_cents"])
    assert paid.to_pylist() == joined["amount_sum"].to_pylist()
    assert pc.min(joined["total_cents"]).as_py() > 0


def test_magnitudes_are_within_published_ranges():
    shop = world(customers=20_000)
    history, truth = shop.history(), shop.oracle(STARTS_AT)
    orders = np.unique(history.orders["customer_external_id"].to_pylist(), return_counts=True)[1]
    profit, uplift = truth["profit_cents"].to_numpy(), truth["uplift"].to_numpy()

    assert 0.45 < (orders == 1).mean() < 0.75  # one-time buyers
    assert 0.05 < truth["p0"].to_numpy().mean() < 0.15
    assert uplift.min() >= -0.02
    assert uplift.max() <= 0.06
    assert (uplift < 0).mean() > 0.1  # harmed
    assert 0.4 < profit.sum() / profit.clip(0).sum() < 0.65  # everybody, of the oracle
    assert 0.001 < truth["unsubscribe"].to_numpy().mean() < 0.005
    assert 4_000 < pc.mean(history.orders["total_cents"]).as_py() < 5_000


def test_sparse_shop_converts_like_hillstroms():
    truth = world(name="sparse", customers=20_000).oracle(STARTS_AT)

    assert 0.005 < truth["p0"].to_numpy().mean() < 0.010
    assert 0.009 < truth["p1"].to_numpy().mean() < 0.0145


def test_advance_in_pieces_and_in_another_process_is_the_same():
    shop = world()
    sent = pa.concat_tables(
        [
            mail(shop, np.arange(0, 1_000, 2)),
            mail(shop, np.arange(0, 1_000, 3), at=STARTS_AT + 20 * DAY + 40_000),
        ]
    )
    ends = [STARTS_AT + int(day * DAY) for day in (0, 9.3, 20.5, 21, 28)]

    whole = _tables(shop.advance(ends[0], ends[-1], sent))
    pieces = []
    for begin, end in itertools.pairwise(ends):
        known = sent.filter(pc.less(sent["delivered_at"], end))  # all that the ledger can have
        pieces.append(_tables(world().advance(begin, end, known)))

    for name in ("orders", "order_lines", "refunds", "reviews", "events"):
        key = whole[name].column_names[0]
        joined = pa.concat_tables([piece[name] for piece in pieces])
        order = [
            (column, "ascending")
            for column in (key, "line_number")
            if column in whole[name].column_names
        ]
        assert whole[name].num_rows > 0
        assert joined.sort_by(order) == whole[name].sort_by(order), name


def test_advance_returns_only_what_happens_in_between():
    shop = world()
    batch = shop.advance(STARTS_AT + 3 * DAY, STARTS_AT + 5 * DAY)

    at = batch.orders["placed_at"].to_numpy()
    assert len(at)
    assert at.min() >= STARTS_AT + 3 * DAY
    assert at.max() < STARTS_AT + 5 * DAY
    assert batch.customers.num_rows == 0
    with pytest.raises(ValueError, match="starts_at"):
        shop.advance(STARTS_AT - DAY, STARTS_AT)


def test_mailed_and_unmailed_worlds_are_coupled():
    """With the same random numbers a mail that helps only adds orders, one that harms only removes them."""
    shop = world(customers=5_000)
    uplift = shop.oracle(STARTS_AT)["uplift"].to_numpy()
    end = STARTS_AT + shop.parameters.mail.window_days * DAY
    everybody = mail(shop, np.arange(5_000))
    ids = shop.population.external_ids

    def ordered(batch):
        found = pc.is_in(ids, value_set=batch.orders["customer_external_id"].combine_chunks())
        return found.to_numpy(zero_copy_only=False)

    alone = ordered(shop.advance(STARTS_AT, end))
    mailed = ordered(shop.advance(STARTS_AT, end, everybody))

    assert not np.any(alone & ~mailed & (uplift > 0))
    assert not np.any(mailed & ~alone & (uplift < 0))
    assert mailed.sum() > alone.sum()


def test_oracle_is_what_happens_on_average():
    """Monte Carlo: many futures of one past, mailed and not, against p0, p1 and profit of the oracle."""
    shop = world(customers=3_000)
    truth = shop.oracle(STARTS_AT)
    law, count, futures = shop.parameters.mail, 3_000, 40
    end = STARTS_AT + law.window_days * DAY
    ids = shop.population.external_ids
    sent = mail(shop, np.arange(count))
    orders, margin = np.zeros((2, count)), np.zeros((2, count))
    gone = np.zeros(count)
    for replica in range(futures):
        future = world(customers=count, replica=replica)
        for arm, deliveries in enumerate((None, sent)):
            batch = future.advance(STARTS_AT, end, deliveries)
            lines = batch.order_lines
            cost = pc.multiply(lines["quantity"], lines["cost_cents"])
            costs = (
                lines.append_column("cost", cost)
                .group_by("order_external_id")
                .aggregate([("cost", "sum")])
            )
            joined = batch.orders.join(costs, "external_id", "order_external_id")
            who = pc.index_in(joined["customer_external_id"], value_set=ids).to_numpy()
            earned = joined["total_cents"].to_numpy() - joined["cost_sum"].to_numpy()
            orders[arm] += np.bincount(who, minlength=count)
            margin[arm] += np.bincount(who, weights=earned, minlength=count)
            assert np.bincount(who).max() == 1  # at most one order in a window
        left = batch.events.filter(pc.equal(batch.events["kind"], "UNSUBSCRIBED"))
        who = pc.index_in(left["customer_external_id"], value_set=ids).to_numpy()
        gone += np.bincount(who, minlength=count)

    for arm, column in enumerate(("p0", "p1")):
        p = truth[column].to_numpy()
        error = np.sqrt((p * (1 - p)).sum() * futures)
        assert abs(orders[arm].sum() - p.sum() * futures) < 4 * error
        assert np.corrcoef(orders[arm], p)[0, 1] > 0.9
    # Within thirds of true uplift: the difference of the arms, which share their random numbers.
    uplift = truth["uplift"].to_numpy()
    change = (orders[1] - orders[0]) / futures
    for part in np.array_split(np.argsort(uplift), 3):
        error = np.sqrt(np.abs(uplift[part]).sum() / futures) / len(part)
        assert abs(change[part].mean() - uplift[part].mean()) < 4 * error
    realised = (margin[1] - margin[0] - gone * law.unsubscribe_cost_cents) / futures
    realised -= law.contact_cost_cents
    error = realised.std() / np.sqrt(count)
    assert abs(realised.mean() - truth["profit_cents"].to_numpy().mean()) < 4 * error


def test_clv_is_about_what_the_next_year_brings():
    shop = world(customers=5_000)
    truth = shop.oracle(STARTS_AT)
    batch = shop.advance(STARTS_AT, STARTS_AT + 365 * DAY)
    lines = batch.order_lines
    margin = batch.orders["total_cents"].to_numpy().sum()
    margin -= pc.sum(pc.multiply(lines["quantity"], lines["cost_cents"])).as_py()

    assert margin == pytest.approx(truth["clv_cents"].to_numpy().sum(), rel=0.15)
    alive = truth["alive"].to_numpy(zero_copy_only=False)
    assert (
        truth["clv_cents"].to_numpy()[alive].mean()
        > 3 * truth["clv_cents"].to_numpy()[~alive].mean()
    )


def test_reviews_say_what_their_truth_says():
    shop = world(customers=2_000)
    reviews, truth = shop.history().reviews, shop.review_truth(STARTS_AT)
    stars, polarity = reviews["rating"].to_numpy(), truth["true_polarity"].to_numpy()

    assert truth["external_id"].to_pylist() == reviews["external_id"].to_pylist()
    assert np.array_equal(polarity, np.where(stars >= 4, 1, np.where(stars == 3, 0, -1)))
    assert len(set(reviews["text"].to_pylist())) > 100
    assert 0.68 < (stars >= 4).mean() < 0.88
    assert "{x}" not in "".join(reviews["text"].to_pylist())


def test_only_some_consent_and_addresses_are_reserved():
    history = world().history()
    consents = pc.sum(pc.equal(history.events["kind"], "CONSENT_GIVEN")).as_py()

    assert 880 < consents < 960
    assert all(
        address.rpartition("@")[2] in {"example.com", "example.org", "example.net"}
        for address in history.customers["email"].to_pylist()
    )
    assert len(set(history.customers["email"].to_pylist())) == 1_000


def test_deliveries_to_strangers_are_ignored():
    shop = world()
    strangers = mail(shop, np.arange(3)).set_column(
        0, "customer_external_id", pa.array(["X1", "X2", "X3"])
    )

    end = STARTS_AT + 14 * DAY
    assert _tables(shop.advance(STARTS_AT, end, strangers)) == _tables(shop.advance(STARTS_AT, end))
