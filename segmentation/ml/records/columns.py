"""Columns of any table: numbers (dates are days) or words. An object that exists is valid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmentation.ml.tables import Bools, Floats, Ints


Words = NDArray[np.object_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Records:
    """numbers: (n,) float64 by name, NaN where missing; words: (n,) of str by name, "" where missing."""

    rows: int
    numbers: Mapping[str, Floats]
    words: Mapping[str, Words]

    def __post_init__(self) -> None:
        for name, values in {**self.numbers, **self.words}.items():
            if values.shape != (self.rows,):
                raise ValueError(f"column {name} has the shape {values.shape}, not ({self.rows},)")
        for name, values in self.numbers.items():
            if np.isinf(values).any():
                raise ValueError(f"column {name} is infinite in places")

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.numbers, *self.words)

    def take(self, which: Bools | Ints) -> "Records":
        chosen: Any = np.arange(self.rows)[which]
        return Records(
            rows=len(chosen),
            numbers={name: values[chosen] for name, values in self.numbers.items()},
            words={name: values[chosen] for name, values in self.words.items()},
        )

    def without(self, names: frozenset[str]) -> "Records":
        return Records(
            rows=self.rows,
            numbers={name: v for name, v in self.numbers.items() if name not in names},
            words={name: v for name, v in self.words.items() if name not in names},
        )
