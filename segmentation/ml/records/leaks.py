"""Columns that may know the outcome because they were recorded after it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from segmentation.ml import metrics
from segmentation.ml.records.columns import Records
from segmentation.ml.tables import Bools, Floats, Ints


ALMOST_PERFECT = 0.95  # AUC of a column alone
_STRONG, _AHEAD = 0.75, 0.1  # AUC of a column alone, and by how much it leads the next
_PURE_ROWS = 25
_FOLDS = 5
_MOST_LEVELS = 500
_RECORDED_AFTER = {
    "duration": "the length of a call is known only when the call is over",
    "call_duration": "the length of a call is known only when the call is over",
    "talk_time": "the length of a call is known only when the call is over",
}


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """`certain`: the column all but decides the outcome; otherwise it only looks too good."""

    column: str
    reason: str
    certain: bool


def suspects(records: Records, *, happened: Bools) -> tuple[Suspect, ...]:
    """Columns that alone tell `happened` (n,) too well, or are known to be recorded after it."""
    groups = {name: _grouped(records, name) for name in records.names}
    alone = {name: _alone(group, happened) for name, group in groups.items()}
    ranked = sorted(alone.values(), reverse=True)
    found = []
    for name, area in alone.items():
        if area >= ALMOST_PERFECT:
            reason = f"it alone predicts the outcome almost perfectly (AUC {area:.3f})"
            found.append(Suspect(column=name, reason=reason, certain=True))
        elif said := _decided(groups[name], happened):
            found.append(Suspect(column=name, reason=said, certain=True))
        elif name.lower() in _RECORDED_AFTER:
            found.append(Suspect(column=name, reason=_RECORDED_AFTER[name.lower()], certain=False))
        elif area >= _STRONG and len(ranked) > 1 and area == ranked[0] > ranked[1] + _AHEAD:
            reason = f"it alone predicts the outcome far better than any other column (AUC {area:.3f}, next {ranked[1]:.3f})"
            found.append(Suspect(column=name, reason=reason, certain=False))
    return tuple(found)


def told(found: tuple[Suspect, ...], *, kept: bool = True) -> tuple[str, ...]:
    """A warning a suspect."""
    what = "if it is recorded after the outcome, leave it out with --exclude"
    return tuple(
        f"column {one.column}: {one.reason}; " + (f"{what} {one.column}" if kept else "left out")
        for one in found
    )


def _grouped(records: Records, name: str) -> Ints:
    """Words by level, numbers by value where they are few and by fiftieths otherwise; missing is a group."""
    if name in records.words:
        found, group = np.unique(records.words[name].astype(str), return_inverse=True)
        return group if len(found) <= _MOST_LEVELS else np.zeros(records.rows, dtype=np.int64)
    values = records.numbers[name]
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(records.rows, dtype=np.int64)
    edges = np.unique(known)
    if len(edges) > 50:
        # the least and the most frequent value (often 0) keep a group of their own
        inner = np.quantile(known, np.linspace(0, 1, 51)[1:-1], method="lower")
        edges = np.unique(np.r_[edges[0], inner])
        return np.where(np.isnan(values), 2 * len(edges) + 1, _between(values, edges))
    return np.where(np.isnan(values), len(edges), np.searchsorted(edges, values)).astype(np.int64)


def _between(values: Floats, edges: Floats) -> Ints:
    left, right = np.searchsorted(edges, values), np.searchsorted(edges, values, side="right")
    return (left + right).astype(np.int64)


def _alone(group: Ints, happened: Bools) -> float:
    """AUC of the rate of the group, learned from other rows."""
    fold = np.arange(len(group)) % _FOLDS
    score = np.zeros(len(group))
    size = int(group.max()) + 1
    rate = happened.mean()
    for number in range(_FOLDS):
        inside = fold != number
        count = np.bincount(group[inside], minlength=size)
        hits = np.bincount(group[inside], happened[inside], minlength=size)
        score[~inside] = ((hits + 5 * rate) / (count + 5))[group[~inside]]
    return metrics.auc(label=happened, score=score)


def _decided(group: Ints, happened: Bools) -> str | None:
    """A group in which the rarer outcome always happens, though not by chance."""
    rare = happened if happened.mean() <= 0.5 else ~happened
    count = np.bincount(group)
    hits = np.bincount(group, rare)
    pure = (hits == count) & (count >= _PURE_ROWS)
    if not pure.any() or count[pure].sum() * np.log(rare.mean()) > np.log(1e-12):
        return None
    return f"for {int(count[pure].sum())} rows it decides the outcome without exception"


def spread(found: Mapping[str, int]) -> tuple[str, ...]:
    """A warning a column with levels that were never seen."""
    return tuple(
        f"column {name}: {count} rows have a value that no training row has; it counts as none of the known ones"
        for name, count in found.items()
    )
