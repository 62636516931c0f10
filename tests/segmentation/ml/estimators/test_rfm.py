"""RFM scores and groups."""

import json

import numpy as np
import pytest

from segmentation.ml.estimators.rfm import GROUPS, RfmScale
from tests.segmentation.ml.estimators.shops import rfm_table


SCALE = RfmScale(
    recency=np.array([10.0, 30.0, 90.0, 200.0]),
    frequency=np.array([1.0, 1.0, 2.0, 5.0]),
    money=np.array([1_000.0, 2_000.0, 5_000.0, 20_000.0]),
)


def test_scores_run_from_five_for_the_best_to_one() -> None:
    table = rfm_table([(10, 6, 20_001), (11, 5, 20_000), (201, 1, 1_000), (90, 2, 2_001)])
    assert SCALE.scores(table).tolist() == [[5, 5, 5], [4, 4, 4], [1, 1, 1], [3, 3, 3]]


def test_fit_takes_the_quintiles_of_customers_with_an_order() -> None:
    rows = [(float(number), float(number), 100.0 * number) for number in range(1, 101)]
    scale = RfmScale.fit(rfm_table([*rows, (np.nan, 0, 0)]))
    scores = scale.scores(rfm_table(rows))
    assert np.bincount(scores[:, 0]).tolist() == [0, 20, 20, 20, 20, 20]
    assert scores[0].tolist() == [5, 1, 1]
    assert scores[-1].tolist() == [1, 5, 5]


def test_one_time_buyers_all_score_one_for_frequency() -> None:
    rows = [(5.0, 1.0, 500.0)] * 70 + [(5.0, 2.0, 500.0)] * 20 + [(5.0, 9.0, 500.0)] * 10
    scores = RfmScale.fit(rfm_table(rows)).scores(rfm_table(rows))
    assert scores[[0, 70, 99], 1].tolist() == [1, 4, 5]


def test_fit_without_any_order_says_so() -> None:
    with pytest.raises(ValueError, match="no customer has ordered"):
        RfmScale.fit(rfm_table([(np.nan, 0, 0)]))


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ((np.nan, 0, 0), "PROSPECT"),
        ((20, 1, 90_000), "NEW"),
        ((60, 1, 90_000), "ONE_TIME"),
        ((300, 1, 90_000), "LOST"),
        ((5, 9, 90_000), "CHAMPION"),
        ((60, 9, 90_000), "LOYAL"),
        ((5, 2, 3_000), "LOYAL"),
        ((5, 2, 1_500), "PROMISING"),
        ((150, 9, 90_000), "CANT_LOSE"),
        ((300, 9, 90_000), "CANT_LOSE"),
        ((150, 4, 15_000), "AT_RISK"),
        ((150, 2, 900), "HIBERNATING"),
        ((300, 2, 900), "LOST"),
    ],
)
def test_group_of(row: tuple[float, float, float], code: str) -> None:
    (number,) = SCALE.groups(rfm_table([row]))
    assert GROUPS[number].code == code


def test_every_group_has_its_own_name_and_one_sentence() -> None:
    assert len({group.name for group in GROUPS}) == len({group.code for group in GROUPS}) == 10
    assert all(group.meaning.endswith(".") for group in GROUPS)


def test_scale_survives_json() -> None:
    table = rfm_table([(10, 6, 20_001), (150, 2, 900)])
    again = RfmScale.from_dict(json.loads(json.dumps(SCALE.to_dict())))
    assert again.scores(table).tolist() == SCALE.scores(table).tolist()
