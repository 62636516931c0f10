"""The judge of clusters: what it counts, and that it reads the published files as the published work does."""

from pathlib import Path

import numpy as np

from benchmarks import clusters


def test_names_are_matched_before_they_are_compared() -> None:
    before = np.array([0, 0, 0, 1, 1, 2])
    assert clusters.renamed(before, np.array([2, 2, 2, 0, 0, 1])).tolist() == before.tolist()
    split = clusters.renamed(before, np.array([0, 0, 0, 1, 2, 2])).tolist()
    assert split[:3] == [0, 0, 0]
    assert len(set(split)) == 3


def test_stability_of_the_same_answer_is_one_and_of_chance_is_none(shared_data: Path) -> None:
    table = clusters.cdnow(shared_data).rfm("1997-02-01")
    labels = clusters.reference(table, seed=1)(table)
    chance = np.random.default_rng(0).integers(0, 4, len(table))
    assert clusters.stability(table, labels, lambda *_: lambda _: labels, 2) == 1
    assert abs(clusters.stability(table, labels, lambda *_: lambda _: chance, 2)) < 0.05


def test_published_files_give_the_published_numbers_of_customers(shared_data: Path) -> None:
    assert len(clusters.online_retail(shared_data).rfm("2011-12-10")) == 4_338
    assert len(clusters.cdnow(shared_data).rfm("1998-07-01")) == 23_570
