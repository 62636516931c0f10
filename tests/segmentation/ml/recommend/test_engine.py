import numpy as np
import pytest

from segmentation.ml import artifacts
from segmentation.ml.recommend.engine import Engine, Wishes
from segmentation.ml.recommend.purchases import Products
from segmentation.ml.recommend.ranking import Offer
from segmentation.ml.recommend.reverse import RulesError, rules_from
from segmentation.ml.recommend.wording import Reason, in_words
from tests.segmentation.ml.recommend.shops import at, phones_and_coffee, purchases


NOW = at(400)


@pytest.fixture(scope="module")
def shop():
    return phones_and_coffee()


@pytest.fixture(scope="module")
def engine(shop):
    return Engine.fit(shop, as_of=NOW)


def of_category(shop, name):
    return shop.products.category == shop.products.categories.index(name)


def bought(shop, name, *, since):
    mask = of_category(shop, name)[shop.product] & (shop.at >= at(since))
    return np.unique(shop.customer[mask])


def test_engine_learns_that_phones_are_durable_and_coffee_is_not(engine):
    days = dict(zip(engine.products.categories, engine.hybrid.clocks.cool_down(), strict=True))
    assert days["Phones"] > 300
    assert days["Coffee"] == 0
    median = engine.hybrid.clocks.median[engine.products.categories.index("Coffee")]
    assert median == 30


def test_engine_offers_no_phone_to_whoever_bought_one(shop, engine):
    said = engine.recommend(shop, as_of=NOW, wishes=Wishes(k=20))
    owners = bought(shop, "Phones", since=150)
    offered = said.product[owners]
    assert not of_category(shop, "Phones")[offered[offered >= 0]].any()
    others = np.setdiff1d(np.arange(shop.customers), bought(shop, "Phones", since=0))
    offered = said.product[others]
    assert of_category(shop, "Phones")[offered[offered >= 0]].any()


def test_engine_offers_cases_to_new_owners_of_phones_and_says_why(shop, engine):
    said = engine.recommend(shop, as_of=NOW, wishes=Wishes(k=5, exclude_owned=True))
    owners = np.setdiff1d(bought(shop, "Phones", since=380), bought(shop, "Cases", since=0))
    assert len(owners)
    cases = of_category(shop, "Cases")
    for customer in owners:
        places = np.flatnonzero(cases[said.product[customer]])
        assert len(places)
        assert (said.reasons.code[customer, places] == Reason.GOES_WITH).all()


def test_engine_brings_coffee_back_with_its_rhythm(shop, engine):
    said = engine.recommend(shop, as_of=NOW, wishes=Wishes(k=5))
    coffee = of_category(shop, "Coffee")
    first = said.product[:, 0]
    assert coffee[first].mean() > 0.9
    rows = np.flatnonzero(coffee[first])
    assert (said.reasons.code[rows, 0] == Reason.USUALLY).all()
    assert (said.reasons.days[rows, 0] == 30).all()


def test_engine_says_what_is_closed_until_when(shop, engine):
    closed = engine.recommend(shop, as_of=NOW, wishes=Wishes()).suppressed
    phones = engine.products.categories.index("Phones")
    assert set(closed.customer[closed.category == phones]) >= set(bought(shop, "Phones", since=150))
    assert (closed.until > NOW).all()
    assert closed.learned.all()


def test_engine_follows_the_shops_rules_before_its_own(shop, engine):
    rules = {"Phones": 0.0, "Cases": 0.0, "Coffee": 90.0, "Novels-3": 900.0}
    said = engine.recommend(shop, as_of=NOW, wishes=Wishes(k=34, rules=rules))
    names = {engine.products.categories[c] if c >= 0 else "" for c in said.suppressed.category}
    assert names == {"Coffee", ""}
    assert not of_category(shop, "Coffee")[said.product[said.product >= 0]].any()
    readers = np.unique(shop.customer[shop.product == shop.products.keys.index("Novels-3")])
    assert not (said.product[readers] == shop.products.keys.index("Novels-3")).any()


def test_engine_without_owned_products_shows_none_of_them(shop, engine):
    said = engine.recommend(shop, as_of=NOW, wishes=Wishes(k=34, exclude_owned=True))
    for customer in range(shop.customers):
        owned = shop.product[shop.customer == customer]
        assert not np.isin(said.product[customer], owned).any()


def test_engine_lists_no_product_twice_and_scores_never_rise(shop, engine):
    for new in (True, False):
        said = engine.recommend(
            shop, as_of=NOW, wishes=Wishes(k=12, exclude_owned=new, diversity=0.5)
        )
        for row in said.product:
            shown = row[row >= 0]
            assert len(np.unique(shown)) == len(shown)
        assert (np.diff(said.score, axis=1) <= 0).all()


def test_engine_offers_nothing_out_of_stock_or_of_too_little_margin(shop, engine):
    m = len(shop.products)
    stock, margin = np.full(m, np.nan), np.full(m, np.nan)
    stock[10], margin[11] = 0, 0.05
    offer = Offer(stock=stock, margin=margin, least_margin=0.2)
    said = engine.recommend(shop, as_of=NOW, wishes=Wishes(k=m, offer=offer))
    assert not np.isin(said.product, [10, 11]).any()
    assert np.isin(12, said.product)


def test_engine_keeps_to_the_customers_price_tier():
    products = Products.of([f"p{n}" for n in range(9)], price=np.repeat([1.0, 10.0, 100.0], 3))
    lines = [(c, p, 1 + c) for c in range(30) for p in range(9) if (p < 3) == (c < 15)]
    past = purchases(lines, customers=30, products=products)
    offer = Offer(own_price_tier=True)
    said = Engine.fit(past, as_of=at(60)).recommend(
        past, as_of=at(60), wishes=Wishes(k=9, offer=offer)
    )
    cheap = said.product[0]
    assert not np.isin(cheap, [6, 7, 8]).any()
    assert np.isin(cheap, [3, 4, 5]).any()


def test_engine_gives_a_stranger_what_is_popular(shop, engine):
    nobody = purchases([], customers=1, products=shop.products)
    said = engine.recommend(nobody, as_of=NOW, wishes=Wishes(k=5))
    assert (said.product >= 0).all()
    assert (said.reasons.code == Reason.POPULAR).all()


def test_engine_ignores_products_it_was_not_taught(shop, engine):
    other = purchases([(0, 0, 399)], customers=1, products=Products.of(["new"], categories=["New"]))
    said = engine.recommend(other, as_of=NOW, wishes=Wishes(k=5))
    assert (said.reasons.code == Reason.POPULAR).all()


def test_engine_read_from_its_files_says_the_same(shop, engine):
    again = Engine.from_files(engine.to_files())
    wishes = Wishes(k=10)
    one, two = (each.recommend(shop, as_of=NOW, wishes=wishes) for each in (engine, again))
    assert np.array_equal(one.product, two.product)
    assert np.array_equal(one.score, two.score)


def test_engine_refuses_files_of_something_else(engine):
    files = engine.to_files()
    files["price.npy"] = files["price.npy"][:-40]
    with pytest.raises(artifacts.ArtifactError):
        Engine.from_files(files)
    with pytest.raises(artifacts.ArtifactError):
        Engine.from_files({})


def test_engine_refuses_to_learn_from_nothing(shop):
    with pytest.raises(ValueError, match="nothing to learn from"):
        Engine.fit(shop, as_of=at(-1))


def test_engine_keeps_weights_when_told_to(shop, engine):
    later = Engine.fit(shop, as_of=at(395), weights_of=engine)
    assert np.array_equal(later.hybrid.every, engine.hybrid.every)


def test_rules_are_read_in_the_shapes_people_write():
    assert rules_from('{"Phones": 365}') == {"Phones": 365.0}
    assert rules_from('{"categories": {"Phones": 365}, "skus": {"A1": 3}}') == {
        "Phones": 365.0,
        "A1": 3.0,
    }
    assert rules_from('[{"category": "Phones", "days": 9}]') == {"Phones": 9.0}
    for wrong in ("", "3", '{"Phones": "long"}', '{"Phones": -1}', '[{"days": 3}]'):
        with pytest.raises(RulesError):
            rules_from(wrong)


def test_reasons_are_sentences():
    assert in_words(Reason.USUALLY, days=41) == "you usually buy this every 41 days"
    assert in_words(Reason.BECAUSE, product="a lamp") == "because you bought a lamp"
