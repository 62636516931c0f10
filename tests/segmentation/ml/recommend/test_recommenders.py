"""What every recommender has to do, the hybrid too."""

import numpy as np
import pytest

from segmentation.ml import artifacts
from segmentation.ml.recommend.histories import Histories
from segmentation.ml.recommend.hybrid import Hybrid
from segmentation.ml.recommend.protocol import RECOMMENDERS, recommender
from segmentation.ml.recommend.purchases import Products
from tests.segmentation.ml.recommend.shops import at, checkerboard, missing, purchases


SAME_FOR_ALL = {"popular_week", "popular_month", "popular_year", "season"}
EVERY = [*sorted(RECOMMENDERS), "hybrid"]


def kind(name):
    return Hybrid if name == "hybrid" else recommender(name)


def scores(name, past, histories, *, as_of=None):
    as_of = as_of or at(60)
    return np.array(kind(name).fit(past, as_of=as_of).scores(histories))


@pytest.mark.parametrize("name", sorted(set(EVERY) - SAME_FOR_ALL - {"repeats"}))
def test_recommender_finds_the_missing_field_of_a_checkerboard(name):
    past = checkerboard()
    histories = Histories.of(past, as_of=at(60))
    model = kind(name).fit(past, as_of=at(60))
    said = (
        model.fresh_scores(histories)[0] if name == "hybrid" else np.array(model.scores(histories))
    )
    said = said.astype(np.float64)
    said[histories.customer, histories.product] = -np.inf
    assert said.argmax(axis=1).tolist() == [missing(customer) for customer in range(40)]


@pytest.mark.parametrize("name", EVERY)
def test_recommender_gives_finite_scores_of_the_right_shape(name):
    past = checkerboard()
    said = scores(name, past, Histories.of(past, as_of=at(60)))
    assert said.shape == (40, 20)
    assert np.isfinite(said).all()


@pytest.mark.parametrize("name", EVERY)
def test_recommender_fitted_twice_is_the_same_bytes(name):
    past = checkerboard()
    one, two = (kind(name).fit(past, as_of=at(60)).to_files() for _ in range(2))
    assert one == two


@pytest.mark.parametrize("name", EVERY)
def test_recommender_read_from_its_files_says_the_same(name):
    past = checkerboard()
    histories = Histories.of(past, as_of=at(60))
    model = kind(name).fit(past, as_of=at(60))
    again = kind(name).from_files(model.to_files())
    assert np.array_equal(model.scores(histories), again.scores(histories))


@pytest.mark.parametrize("name", EVERY)
def test_recommender_reads_nothing_at_or_after_the_moment_of_asking(name):
    past = checkerboard()
    later = purchases(
        [
            *zip(past.customer.tolist(), past.product.tolist(), ((past.at - at(0)) // 86_400).tolist(), strict=True),
            *((customer, 3, 60) for customer in range(40)),
        ],
        customers=40, products=past.products,
    )  # fmt: skip
    asked = Histories.of(past, as_of=at(60))
    assert np.array_equal(scores(name, past, asked), scores(name, later, asked))


@pytest.mark.parametrize("name", EVERY)
def test_recommender_without_any_purchase_gives_zeros_not_errors(name):
    empty = purchases([], customers=3, products=Products.of(["a", "b", "c"]))
    said = scores(name, empty, Histories.of(empty, as_of=at(60)))
    assert said.shape == (3, 3)
    assert np.isfinite(said).all()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(("customers", "products"), [(1, 1), (1, 5), (5, 1)])
def test_recommender_of_one_customer_or_one_product_is_finite(name, customers, products):
    past = purchases(
        [(c, p, 1) for c in range(customers) for p in range(products)],
        customers=customers, products=Products.of([f"p{n}" for n in range(products)]),
    )  # fmt: skip
    said = scores(name, past, Histories.of(past, as_of=at(10)), as_of=at(10))
    assert np.isfinite(said).all()


@pytest.mark.parametrize("name", EVERY)
def test_recommender_gives_unknown_customers_one_answer(name):
    past = checkerboard()
    nobody = purchases([], customers=2, products=past.products)
    model = kind(name).fit(past, as_of=at(60))
    said = np.array(model.scores(Histories.of(nobody, as_of=at(60))))
    assert np.array_equal(said[0], said[1])


@pytest.mark.parametrize("name", EVERY)
def test_recommender_does_not_read_files_of_another(name):
    with pytest.raises(artifacts.ArtifactError):
        kind(name).from_files({"other.json": b"{}"})
