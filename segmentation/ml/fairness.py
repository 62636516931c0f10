"""Does a model treat groups of people alike? Selection, error and calibration by group, and whether features give the group away.

A group is any declared field: age band, gender, country. The field itself is never among the features; `proxy` tells
how well the features reveal it all the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from segmentation.ml.metrics import auc
from segmentation.ml.tables import Bools, Floats, Ints


SELECTED = 0.2
"""Who is selected where no threshold is given: the best fifth by score."""

WARN_BELOW = 0.8
"""The four-fifths rule (EEOC Uniform Guidelines 1978) on the ratio of selection rates."""

FEWEST = 30
"""People in a group; smaller ones are counted and not judged."""

MOST_GROUPS = 12
"""The largest; the rest are one group, called OTHERS."""

OTHERS = "all others"
RESAMPLES = 500
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Range:
    """A value with its interval; None where there is nothing to compute it from."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Group:
    """
    One group. selected: share among the selected. found: of those with the outcome, the share that was selected
    (true positive rate). predicted, observed: means; gap: observed less predicted.
    """

    name: str
    rows: int
    selected: Range
    found: Range
    predicted: float
    observed: float | None
    gap: Range


@dataclass(frozen=True, kw_only=True)
class Fairness:
    """
    One declared field. ratio: lowest by highest selection rate. found_gap: largest difference of true positive rates.
    calibration_gap: largest difference between groups of (observed - predicted). proxy: AUC with which the features
    tell the groups apart, 0.5 if not at all. `words` is the finding, `warns` whether it needs somebody.
    """

    field: str
    threshold: float
    groups: tuple[Group, ...]
    left_out: int
    ratio: Range
    found_gap: Range
    calibration_gap: Range
    proxy: Range | None
    warns: bool
    words: str


def audit(
    *,
    field: str,
    probability: Floats,
    groups: Sequence[str],
    label: Bools | None,
    threshold: float | None = None,
    features: Floats | None = None,
    calibrated: bool = True,
    seed: int = 42,
) -> Fairness:
    """
    Compare the groups, (n,) names ("" is unknown and left out), of people with these predictions.

    threshold: who is at or above it is selected; without one, the best fifth. features: (n, p), for the proxy test.
    calibrated: False where `probability` is a score of another kind, with no share to hold what came against.
    Intervals are of 500 bootstrap resamples of people.
    """
    names = _gathered(np.asarray(groups, dtype=object))
    known = names != ""
    cut = float(np.quantile(probability, 1 - SELECTED)) if threshold is None else threshold
    selected = probability >= cut
    uniques, counts = np.unique(names[known].astype(str), return_counts=True)
    large = [str(name) for name, n in zip(uniques, counts, strict=True) if n >= FEWEST]
    left_out = len(names) - int(sum(n for n in counts if n >= FEWEST))
    which = np.full(len(names), -1)
    for number, name in enumerate(large):
        which[names == name] = number
    tables = _resampled(which, selected, probability, label, groups=len(large), seed=seed)
    rows = tuple(_group(name, tables, number) for number, name in enumerate(large))
    proxy = (
        None
        if features is None or len(large) < 2
        else proxy_auc(features=features[which >= 0], group=which[which >= 0], seed=seed)
    )
    ratio, found_gap, gap = _compared(tables)
    if not calibrated:
        gap = Range(value=None)
        rows = tuple(replace(one, gap=gap) for one in rows)
    warns, words = _finding(field, rows, ratio, found_gap, proxy)
    return Fairness(
        field=field,
        threshold=cut,
        groups=rows,
        left_out=left_out,
        ratio=ratio,
        found_gap=found_gap,
        calibration_gap=gap,
        proxy=proxy,
        warns=warns,
        words=words,
    )


def proxy_auc(*, features: Floats, group: Ints, seed: int, most: int = 5_000) -> Range:
    """
    How well the features tell a group from all others, by the group that is told best: cross-fitted AUC.

    A shallow forest of boosted trees in three parts, so that no row is judged by what has seen it. The interval is
    Hanley and McNeil's (1982).
    """
    import lightgbm
    from scipy import stats

    generator = np.random.default_rng(seed)
    if len(group) > most:
        kept = np.sort(generator.choice(len(group), most, replace=False))
        features, group = features[kept], group[kept]
    # of each group as many in every part: else a part with fewer would seem to tell something
    shuffled = generator.permutation(len(group))
    fold = np.empty(len(group), dtype=np.int64)
    fold[shuffled[np.argsort(group[shuffled], kind="stable")]] = np.arange(len(group)) % 3
    best: Range | None = None
    # the best of several groups is looked at: each interval is wider by that (Bonferroni)
    kinds = np.unique(group)
    z = float(stats.norm.isf((1 - LEVEL) / 2 / max(len(kinds), 1)))
    for number in kinds:
        truth = group == number
        if min(truth.sum(), (~truth).sum()) < FEWEST:
            continue
        said = np.zeros(len(group))
        for part in range(3):
            learn = fold != part
            booster = lightgbm.train(
                {
                    "objective": "binary", "num_leaves": 4, "learning_rate": 0.1, "verbosity": -1,
                    "min_data_in_leaf": 20, "seed": seed, "deterministic": True, "num_threads": 1,
                    "force_row_wise": True,
                },
                lightgbm.Dataset(features[learn], label=truth[learn].astype(float)),
                num_boost_round=40,
            )  # fmt: skip
            said[~learn] = np.asarray(booster.predict(features[~learn]), dtype=np.float64)
        value = auc(label=truth, score=said)
        half = z * _hanley_mcneil(value, int(truth.sum()), int((~truth).sum()))
        if best is None or best.value is None or value > best.value:
            best = Range(value=value, low=max(0.0, value - half), high=min(1.0, value + half))
    return best or Range(value=None)


def in_bands(values: Sequence[str]) -> list[str]:
    """A field of many different numbers, such as an age, in four bands as full as each other."""
    if len(set(values) - {""}) <= MOST_GROUPS:
        return list(values)
    try:
        numbers = np.array([float(value) if value else np.nan for value in values])
    except ValueError:
        return list(values)
    edges = np.unique(np.nanquantile(numbers, [0.25, 0.5, 0.75]))
    places = np.searchsorted(edges, numbers, side="right")
    words = [
        f"below {edges[0]:g}",
        *(f"{low:g} to {high:g}" for low, high in itertools.pairwise(edges)),
        f"{edges[-1]:g} and more",
    ]
    return [
        "" if np.isnan(number) else words[at] for number, at in zip(numbers, places, strict=True)
    ]


def blocked(findings: Sequence[Fairness], floors: dict[str, float]) -> str:
    """Why these findings forbid that a model serves, in words; empty when they do not. floors: lowest ratio by field."""
    for one in findings:
        floor = floors.get(one.field)
        if floor is not None and one.ratio.value is not None and one.ratio.value < floor:
            return (
                f"Selected by {one.field} too differently: the least selected group {one.ratio.value:.2f} "
                f"times as often as the most selected, where {floor:.2f} is demanded."
            )
    return ""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tables:
    """Per resample (first: the data themselves) and group: people, selected, with outcome, both; sums of p."""

    rows: Floats
    selected: Floats
    positive: Floats
    found: Floats
    predicted: Floats
    has_label: bool


def _resampled(
    which: Ints,
    selected: Bools,
    probability: Floats,
    label: Bools | None,
    *,
    groups: int,
    seed: int,
) -> _Tables:
    """Poisson bootstrap: every person counts 0, 1, 2 ... times."""
    generator = np.random.default_rng(seed)
    inside = which >= 0
    at, chosen, p = which[inside], selected[inside].astype(float), probability[inside]
    truth = np.zeros(len(at)) if label is None else label[inside].astype(float)
    columns = np.column_stack([np.ones(len(at)), chosen, truth, chosen * truth, p])
    sums = np.empty((RESAMPLES + 1, groups, columns.shape[1]))
    for number in range(RESAMPLES + 1):
        weight = np.ones(len(at)) if number == 0 else generator.poisson(1.0, len(at)).astype(float)
        for column in range(columns.shape[1]):
            sums[number, :, column] = np.bincount(
                at, weights=weight * columns[:, column], minlength=groups
            )[:groups]
    parts = [np.asarray(sums[:, :, column]) for column in range(columns.shape[1])]
    return _Tables(
        rows=parts[0],
        selected=parts[1],
        positive=parts[2],
        found=parts[3],
        predicted=parts[4],
        has_label=label is not None,
    )


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _range(values: Floats) -> Range:
    """values[0] is of the data, the rest of resamples."""
    if not np.isfinite(values[0]):
        return Range(value=None)
    known = values[1:][np.isfinite(values[1:])]
    if len(known) < RESAMPLES // 2:
        return Range(value=float(values[0]))
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Range(value=float(values[0]), low=float(low), high=float(high))


def _group(name: str, tables: _Tables, number: int) -> Group:
    rows = tables.rows[:, number]
    predicted, observed = (
        _share(column[:, number], rows) for column in (tables.predicted, tables.positive)
    )
    nothing = Range(value=None)
    return Group(
        name=name,
        rows=int(rows[0]),
        selected=_range(_share(tables.selected[:, number], rows)),
        found=_range(_share(tables.found[:, number], tables.positive[:, number]))
        if tables.has_label
        else nothing,
        predicted=float(predicted[0]),
        observed=float(observed[0]) if tables.has_label else None,
        gap=_range(observed - predicted) if tables.has_label else nothing,
    )


def _compared(tables: _Tables) -> tuple[Range, Range, Range]:
    if tables.rows.shape[1] < 2:
        return Range(value=None), Range(value=None), Range(value=None)
    rates = _share(tables.selected, tables.rows)
    ratio = _range(_share(np.nanmin(rates, axis=1), np.nanmax(rates, axis=1)))
    if not tables.has_label:
        return ratio, Range(value=None), Range(value=None)
    found = _share(tables.found, tables.positive)
    gaps = _share(tables.positive - tables.predicted, tables.rows)
    spread = []
    for values in (found, gaps):
        known = np.isfinite(values).sum(axis=1) >= 2
        filled = np.where(known[:, None], values, 0.0)
        difference = np.nanmax(filled, axis=1) - np.nanmin(filled, axis=1)
        spread.append(_range(np.where(known, difference, np.nan)))
    return ratio, spread[0], spread[1]


def _finding(
    field: str, groups: tuple[Group, ...], ratio: Range, found: Range, proxy: Range | None
) -> tuple[bool, str]:
    if len(groups) < 2 or ratio.value is None:
        return False, f"{field}: fewer than two groups of {FEWEST} people; nothing can be compared."
    ordered = sorted(groups, key=lambda one: one.selected.value or 0.0)
    least, most = ordered[0].name, ordered[-1].name
    warns = ratio.value < WARN_BELOW
    said = f"{field}: “{least}” is selected {ratio.value:.2f} times as often as “{most}”"
    if ratio.low is not None and ratio.high is not None:
        said += f" (95\u00a0% interval {ratio.low:.2f} to {ratio.high:.2f})"
    if warns:
        proven = ratio.high is not None and ratio.high < WARN_BELOW
        said += f", below {WARN_BELOW:.1f}" + ("" if proven else ", which may be chance")
    if found.value is not None:
        said += f"; of those who did it, shares found differ by {100 * found.value:.0f} points"
    if proxy is not None and proxy.value is not None:
        tells = proxy.low is not None and proxy.low > 0.5
        said += (
            f"; the features {'give the group away' if tells else 'do not give the group away'} "
            f"(AUC {proxy.value:.2f})"
        )
    return warns, said + "."


def _gathered(
    names: np.ndarray[tuple[int], np.dtype[np.object_]],
) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Small groups beyond the largest ones become OTHERS."""
    known, counts = np.unique(names[names != ""].astype(str), return_counts=True)
    if len(known) <= MOST_GROUPS:
        return names
    kept = set(known[np.argsort(-counts, kind="stable")[: MOST_GROUPS - 1]].tolist())
    return np.array(
        [name if name in kept or name == "" else OTHERS for name in names], dtype=object
    )


def _hanley_mcneil(area: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC (Hanley and McNeil 1982, equation 1)."""
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (
        area * (1 - area)
        + (positives - 1) * (first - area**2)
        + (negatives - 1) * (second - area**2)
    ) / (positives * negatives)
    return float(np.sqrt(max(variance, 0.0)))
