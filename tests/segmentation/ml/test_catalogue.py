"""The catalogue points at what exists."""

import importlib.util

import pytest

from segmentation.ml.catalogue import CATALOGUE


@pytest.mark.parametrize("task", CATALOGUE)
def test_catalogue_row_names_a_module_and_fills_every_field(task: str) -> None:
    row = CATALOGUE[task]
    assert row.task == task
    assert importlib.util.find_spec(row.estimator)
    assert all(vars(row).values())
