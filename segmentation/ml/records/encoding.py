"""Records as matrices for linear models and for trees. Learned from the training rows, without their outcomes.

Words become one column a level; levels too rare to learn from are one level together, and so is what was never
seen. Numbers keep their order; long right tails are taken as logarithms; linear models also see where a number
lies among its thirds, and the levels of a number that has only a few. A missing number is the median and a
column that says so. Columns that cannot teach anything are left out, and it is said why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from segmentation.ml.records.columns import Records, Words
from segmentation.ml.tables import Floats


MOST_LEVELS = 25
FEWEST_ROWS = 20  # of a level; below, it is pooled with the other rare ones
_FEW_VALUES = 8  # a number with so few values may be a code: linear models see its levels
_SKEWED = 1.5
_RARE = "(rare)"


@dataclass(frozen=True, kw_only=True)
class Design:
    """Of n rows. linear: (n, p), standardised on the training rows, no NaN. trees: (n, q), NaN where missing."""

    linear: Floats
    trees: Floats


@dataclass(frozen=True, kw_only=True)
class _Number:
    """How a number becomes columns: centre and scale after the logarithm of `value - shift`, if `shift` is one."""

    shift: float | None
    median: float
    cuts: tuple[float, ...]
    codes: tuple[float, ...]
    missing: bool

    @classmethod
    def learn(cls, values: Floats) -> Self:
        known = values[~np.isnan(values)]
        distinct = np.unique(known)
        shift = float(known.min()) - 1 if _long_tailed(known) else None
        moved = _moved(known, shift)
        few = len(distinct) <= _FEW_VALUES
        cuts = () if few else tuple(np.unique(np.quantile(moved, [1 / 3, 2 / 3])).tolist())
        counts = [(value, int((known == value).sum())) for value in distinct] if few else []
        codes = tuple(float(value) for value, count in counts if count >= FEWEST_ROWS)
        return cls(
            shift=shift,
            median=float(np.median(moved)),
            cuts=cuts,
            codes=codes if len(distinct) > 2 else (),
            missing=len(known) < len(values),
        )

    def columns(self, values: Floats) -> Floats:
        gone = np.isnan(values)
        moved = np.where(gone, self.median, _moved(values, self.shift))
        parts = [moved, *(np.maximum(moved - cut, 0) for cut in self.cuts)]
        parts += [(values == code).astype(float) for code in self.codes]
        if self.missing:
            parts.append(gone.astype(float))
        return np.column_stack(parts)


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """Fitted on training rows. `left_out`: columns that teach nothing, with the reason."""

    numbers: Mapping[str, _Number]
    levels: Mapping[str, tuple[str, ...]]
    kept: Floats  # positions of the columns of the linear design that vary
    centre: Floats
    scale: Floats
    left_out: Mapping[str, str]

    @classmethod
    def fit(cls, records: Records) -> Self:
        """Raises ValueError when no column is left."""
        left_out: dict[str, str] = {}
        numbers: dict[str, _Number] = {}
        levels: dict[str, tuple[str, ...]] = {}
        for name, values in records.numbers.items():
            if reason := _useless_number(name, values):
                left_out[name] = reason
            else:
                numbers[name] = _Number.learn(values)
        for name, words in records.words.items():
            known = _levels(words)
            if reason := _useless_words(words, known):
                left_out[name] = reason
            else:
                levels[name] = known
        if not numbers and not levels:
            told = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
            raise ValueError(f"no column to learn from ({told or 'there are no feature columns'})")
        raw = _raw_linear(records, numbers, levels)
        scale = raw.std(axis=0)
        kept = np.flatnonzero(scale > 1e-9)
        return cls(
            numbers=numbers,
            levels=levels,
            kept=kept.astype(np.float64),
            centre=raw.mean(axis=0)[kept],
            scale=scale[kept],
            left_out=left_out,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are used."""
        return (*self.numbers, *self.levels)

    def transform(self, records: Records) -> Design:
        """Raises KeyError when a column is not there; what was never seen counts as rare."""
        raw = _raw_linear(records, self.numbers, self.levels)[:, self.kept.astype(int)]
        # a number far beyond the training rows would make a linear model say anything
        linear = np.clip((raw - self.centre) / self.scale, -8, 8)
        flags = [_flags(records.words[name], known) for name, known in self.levels.items()]
        trees = np.column_stack([*(records.numbers[name] for name in self.numbers), *flags])
        return Design(linear=linear, trees=trees.astype(np.float64))

    def unseen(self, records: Records) -> dict[str, int]:
        """Rows with a level that no training row has, by column; pooled rare levels are not counted."""
        found = {}
        for name, known in self.levels.items():
            if _RARE not in known:
                found[name] = int((~np.isin(records.words[name].astype(str), known)).sum())
        return {name: count for name, count in found.items() if count}


def _raw_linear(
    records: Records, numbers: Mapping[str, _Number], levels: Mapping[str, tuple[str, ...]]
) -> Floats:
    parts = [rule.columns(records.numbers[name]) for name, rule in numbers.items()]
    parts += [_flags(records.words[name], known) for name, known in levels.items()]
    return np.column_stack(parts)


def _flags(words: Words, known: tuple[str, ...]) -> Floats:
    """(n, levels); two levels need only one column."""
    text = words.astype(str)
    common = [level for level in known if level != _RARE]
    flags = np.column_stack([text == level for level in common])
    if _RARE in known:
        flags = np.column_stack([flags, ~flags.any(axis=1)])
    return flags[:, 1:].astype(float) if len(known) == 2 else flags.astype(float)


def _levels(words: Words) -> tuple[str, ...]:
    found, counts = np.unique(words.astype(str), return_counts=True)
    order = np.lexsort((found, -counts))
    common = [str(found[at]) for at in order[:MOST_LEVELS] if counts[at] >= FEWEST_ROWS]
    return tuple(common) if len(common) == len(found) else (*common, _RARE)


def _useless_number(name: str, values: Floats) -> str | None:
    known = values[~np.isnan(values)]
    if not len(known):
        return "always empty"
    distinct = np.unique(known)
    if len(distinct) == 1 and len(known) == len(values):
        return "always the same"
    whole = bool(np.all(distinct == np.round(distinct)))
    numbered = len(distinct) == len(values) > 50 and whole
    called_so = any(part in _NUMBERINGS for part in name.lower().replace("-", "_").split("_"))
    in_order = bool(np.all(np.diff(values) > 0))
    if numbered and (called_so or in_order):
        return "another value in every row, like a number given to the row"
    return None


_NUMBERINGS = {"id", "ids", "uuid", "key", "index", "row", "number", "no", "nr", "code"}


def _useless_words(words: Words, known: tuple[str, ...]) -> str | None:
    distinct = len(np.unique(words.astype(str)))
    if distinct == 1:
        return "always the same"
    if distinct > max(50, len(words) // 2):
        return "another value in almost every row, like a name"
    if known == (_RARE,):
        return f"no value has {FEWEST_ROWS} rows"
    return None


def _long_tailed(known: Floats) -> bool:
    if len(np.unique(known)) <= _FEW_VALUES:
        return False
    spread = known.std()
    return bool(spread > 0 and np.mean(((known - known.mean()) / spread) ** 3) > _SKEWED)


def _moved(values: Floats, shift: float | None) -> Floats:
    if shift is None:
        return values
    return np.log(np.maximum(values - shift, 0.5))
