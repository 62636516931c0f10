"""Compare what came in lately with what came in before: PSI, Kolmogorov-Smirnov and rank sums, or a table of categories.

The population stability index of two samples of n and m rows that come from one distribution is, times nm/(n+m), about
chi-squared with (bins - 1) degrees of freedom (Yurdakul 2018): so its threshold falls with the sample, and the same number
that is an alarm in a large shop is nothing in a small one. Where the reference comes in weeks, each of them is compared
with the others: by how much these differ more than independent rows would, the test is made milder.
An alarm needs both: proof (Holm 1979 over all that is looked at) and a size that somebody would care about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmentation.ml.tables import Floats, Ints


ALPHA = 0.005
"""Of a false alarm in one comparison of everything: a quarter of one in 52 weeks."""

FEWEST = 50
"""Rows in either sample; below, nothing is said."""

BINS = 10
SMALLEST_PSI = 0.01
SMALLEST_KS = 0.03
"""Differences below both of these are of no account, however sure: a price rise of 20 % moves an ordinary
distribution of order values (spread of the logarithm: 1) by 0.03 and 0.07."""

MOST_CATEGORIES = 30
OTHERS = "(others)"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """
    One quantity. statistic: PSI. ks: the largest distance of the distribution functions, None for categories.
    p: of a number, of the most telling of three tests, times three; adjusted: by Holm over everything looked at.
    dispersion: how many times more than by chance the weeks before differed (at least 1). judged: False where there
    are too few rows. before, now: means, or None for categories.
    """

    name: str
    kind: str
    rows_before: int
    rows_now: int
    judged: bool
    psi: float | None = None
    ks: float | None = None
    p: float | None = None
    adjusted: float | None = None
    dispersion: float = 1.0
    before: float | None = None
    now: float | None = None
    alarm: bool = False
    words: str = ""


def plain(value: float) -> str:
    return f"{value:,.4g}"


def days(value: float) -> str:
    return f"{plain(value)} {'day' if plain(value) == '1' else 'days'}"


def share(value: float) -> str:
    return f"{100 * value:.1f}\u00a0%"


def times(value: float) -> str:
    return f"{value:.2f} times"


def pieces(value: float) -> str:
    return f"{plain(value)} {'piece' if plain(value) == '1' else 'pieces'}"


def numbers(
    *,
    name: str,
    before: Floats,
    now: Floats,
    batch: Ints | None = None,
    floor: float = SMALLEST_PSI,
    show: Callable[[float], str] = plain,
) -> Finding:
    """
    Compare a numeric quantity; NaN (unknown) is a value of its own. batch: the week of each row of `before`.

    floor: the smallest PSI that is of account. show: a mean in words, with its unit.
    """
    base = Finding(
        name=name, kind="number", rows_before=len(before), rows_now=len(now), judged=False
    )
    if min(len(before), len(now)) < FEWEST:
        return replace(base, words=_too_few(name, base))
    edges = np.unique(np.nanquantile(before, np.linspace(0, 1, BINS + 1)[1:-1])) if np.isfinite(before).any() else np.array([])  # fmt: skip
    tables = _cells(before, edges), _cells(now, edges)
    size = len(edges) + 2
    groups = _batches(batch)
    chi, spread = _scaled(tables[0], tables[1], size=size, groups=groups)
    from scipy import stats

    known = before[np.isfinite(before)], now[np.isfinite(now)]
    distance, p_ks, p_rank = 0.0, 1.0, 1.0
    if min(len(known[0]), len(known[1])) >= FEWEST:
        distance = _distance(known[0], known[1])
        effective = len(known[0]) * len(known[1]) / (len(known[0]) + len(known[1]))
        habit = _ks_dispersion(before, groups)
        p_ks = float(stats.kstwobign.sf(distance * np.sqrt(effective / habit)))
        p_rank, restless = _ranked(before, now, groups)
        spread = max(spread, habit, restless)
    psi = _psi(tables[0], tables[1], size=size)
    mean_before, mean_now = (float(part.mean()) if len(part) else None for part in known)
    return replace(
        base,
        judged=True,
        psi=psi,
        ks=distance,
        p=min(1.0, 3 * min(chi, p_ks, p_rank)),
        dispersion=spread,
        before=mean_before,
        now=mean_now,
        alarm=psi >= floor or (floor == SMALLEST_PSI and distance >= SMALLEST_KS),
        words=_moved(name, mean_before, mean_now, psi, show=show),
    )


def categories(
    *,
    name: str,
    before: Sequence[str] | NDArray[Any],
    now: Sequence[str] | NDArray[Any],
    batch: Ints | None = None,
    floor: float = SMALLEST_PSI,
) -> Finding:
    """Compare the mix of categories; rare ones count together. batch: the week of each row of `before`."""
    first, second = np.asarray(before, dtype=object), np.asarray(now, dtype=object)
    base = Finding(
        name=name, kind="category", rows_before=len(first), rows_now=len(second), judged=False
    )
    if min(len(first), len(second)) < FEWEST:
        return replace(base, words=_too_few(name, base))
    both = np.concatenate([first, second]).astype(str)
    kinds, which, counts = np.unique(both, return_inverse=True, return_counts=True)
    share = min(len(first), len(second)) / len(both)
    frequent = np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]
    kept = [int(number) for number in frequent if counts[number] * share >= 5]
    position = np.full(len(kinds), len(kept))
    position[kept] = np.arange(len(kept))
    cells = position[which]
    table_before, table_now = cells[: len(first)], cells[len(first) :]
    size = len(kept) + 1
    p, spread = _scaled(table_before, table_now, size=size, groups=_batches(batch))
    shares = [
        np.bincount(cells, minlength=size) / len(cells) for cells in (table_before, table_now)
    ]
    moved = int(np.argmax(np.abs(shares[1] - shares[0])))
    rest = sorted(set(range(len(kinds))) - set(kept))
    others = str(kinds[rest[0]]) if len(rest) == 1 else OTHERS
    label = str(kinds[kept[moved]]) if moved < len(kept) else others
    psi = _psi(table_before, table_now, size=size)
    return replace(
        base,
        judged=True,
        psi=psi,
        p=p,
        dispersion=spread,
        alarm=psi >= floor,
        words=f"{name}: “{label or 'none'}” was {100 * shares[0][moved]:.0f}\u00a0% and is {100 * shares[1][moved]:.0f}\u00a0%",
    )


def with_holm(findings: Sequence[Finding], *, alpha: float = ALPHA) -> list[Finding]:
    """Adjust for the number of quantities; only what is proven and of account remains an alarm."""
    judged = sorted(
        (one for one in findings if one.judged and one.p is not None), key=lambda one: one.p or 0.0
    )
    adjusted, highest = {}, 0.0
    for rank, one in enumerate(judged):
        highest = max(highest, min(1.0, (one.p or 0.0) * (len(judged) - rank)))
        adjusted[id(one)] = highest
    found = []
    for one in findings:
        p = adjusted.get(id(one))
        found.append(
            replace(one, adjusted=p, alarm=bool(one.alarm and p is not None and p < alpha))
        )
    return found


def as_documents(findings: Sequence[Finding]) -> list[Mapping[str, Any]]:
    """Plain JSON, numbers to six significant digits."""
    return [
        {
            key: float(f"{value:.6g}") if isinstance(value, float) else value
            for key, value in vars(one).items()
        }
        for one in findings
    ]


def percent(change: float) -> str:
    """With its sign, a true minus."""
    return f"{100 * change:+.0f}\u00a0%".replace("-", "−")


def _too_few(name: str, finding: Finding) -> str:
    return f"{name}: {min(finding.rows_before, finding.rows_now)} rows, {FEWEST} are needed"


def _moved(
    name: str, before: float | None, now: float | None, psi: float, *, show: Callable[[float], str]
) -> str:
    if before is None or now is None:
        return f"{name}: PSI {psi:.3f}"
    change = f" ({percent(now / before - 1)})" if min(before, now) > 0 else ""
    return f"{name}: mean {show(before)} before, {show(now)} now{change}"


def _cells(values: Floats, edges: Floats) -> Ints:
    """The bin of each value; the last one is of what is not known."""
    cells = np.searchsorted(edges, values, side="right")
    return np.where(np.isfinite(values), cells, len(edges) + 1).astype(np.int64)


def _psi(before: Ints, now: Ints, *, size: int) -> float:
    """Half a row is added to each bin, lest one that is empty makes it infinite."""
    first, second = (np.bincount(cells, minlength=size) for cells in (before, now))
    used = (first + second) > 0
    p = (first[used] + 0.5) / (first[used] + 0.5).sum()
    q = (second[used] + 0.5) / (second[used] + 0.5).sum()
    return float(np.sum((q - p) * np.log(q / p)))


def _chi_squared(before: Ints, now: Ints, *, size: int) -> tuple[float, int]:
    """Pearson's statistic of two samples in the same cells, and its degrees of freedom."""
    counts = np.stack(
        [np.bincount(before, minlength=size), np.bincount(now, minlength=size)]
    ).astype(float)
    counts = counts[:, counts.sum(axis=0) > 0]
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    return float(((counts - expected) ** 2 / expected).sum()), max(counts.shape[1] - 1, 1)


def _scaled(
    before: Ints, now: Ints, *, size: int, groups: Sequence[NDArray[np.bool_]]
) -> tuple[float, float]:
    """P of no difference beyond what the batches of `before` show among themselves, and their dispersion."""
    from scipy import stats

    statistic, freedom = _chi_squared(before, now, size=size)
    habits = [_chi_squared(before[~one], before[one], size=size) for one in groups]
    if not habits:
        return float(stats.chi2.sf(statistic, freedom)), 1.0
    known = sum(degrees for _, degrees in habits)
    among = sum(value for value, _ in habits)
    spread = among / known
    if not _is_restless(among, known):
        return float(stats.chi2.sf(statistic, freedom)), 1.0
    return float(stats.f.sf(statistic / freedom / spread, freedom, known)), spread


_SURELY = 1.28
"""Standard errors by which weeks must differ more than by chance before the tests are made milder: one-sided 10 %."""


def _is_restless(statistic: float, freedom: int) -> bool:
    from scipy import stats

    return bool(stats.chi2.sf(statistic, freedom) < stats.norm.sf(_SURELY))


def _batches(batch: Ints | None) -> list[NDArray[np.bool_]]:
    """Rows of each batch that has enough of them; none where there are not at least three."""
    if batch is None:
        return []
    parts = [batch == number for number in np.unique(batch)]
    large = [part for part in parts if part.sum() >= FEWEST and (~part).sum() >= FEWEST]
    return large if len(large) >= 3 else []


def _distance(first: Floats, second: Floats) -> float:
    """The Kolmogorov-Smirnov distance, exact also where values repeat."""
    values = np.unique(np.concatenate([first, second]))
    reached = [
        np.searchsorted(np.sort(one), values, side="right") / len(one) for one in (first, second)
    ]
    return float(np.abs(reached[0] - reached[1]).max())


def _ranked(
    before: Floats, now: Floats, groups: Sequence[NDArray[np.bool_]]
) -> tuple[float, float]:
    """P of the rank sum test (Mann and Whitney 1947), the strongest of the three where all values move; its dispersion."""
    from scipy import stats

    both = np.concatenate([before, now])
    z = _rank_z(both, np.arange(len(both)) >= len(before))
    habits = [_rank_z(before, one) ** 2 for one in groups]
    spread = float(np.mean(habits)) if habits else 1.0
    if not habits or not _is_restless(sum(habits), len(habits)):
        return float(2 * stats.norm.sf(abs(z))), 1.0
    return float(2 * stats.t.sf(abs(z) / np.sqrt(spread), len(habits))), spread


def _rank_z(values: Floats, chosen: NDArray[np.bool_]) -> float:
    """How far the ranks of the chosen are from those of the rest, in standard deviations; ties share their rank."""
    known = np.isfinite(values)
    values, chosen = values[known], chosen[known]
    n, m = int(chosen.sum()), int((~chosen).sum())
    if min(n, m) < FEWEST:
        return 0.0
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which]
    ties = float(((counts.astype(float) ** 3) - counts).sum()) / ((n + m) * (n + m - 1))
    variance = n * m / 12 * ((n + m + 1) - ties)
    if variance <= 0:
        return 0.0
    return float((ranks[chosen].sum() - n * (n + m + 1) / 2) / np.sqrt(variance))


_CHANCE = np.pi**2 / 12
"""The mean of the squared Kolmogorov distribution."""


def _ks_dispersion(before: Floats, groups: Sequence[NDArray[np.bool_]]) -> float:
    """How many times larger than by chance the squared distances between batches are."""
    squares = []
    for one in groups:
        inside, outside = before[one], before[~one]
        inside, outside = inside[np.isfinite(inside)], outside[np.isfinite(outside)]
        if min(len(inside), len(outside)) >= FEWEST:
            effective = len(inside) * len(outside) / (len(inside) + len(outside))
            squares.append(effective * _distance(inside, outside) ** 2)
    if not squares:
        return 1.0
    spread = float(np.mean(squares)) / _CHANCE
    # the squared Kolmogorov distribution varies by 0.8 times its mean
    return spread if spread > 1 + _SURELY * 0.8 / np.sqrt(len(squares)) else 1.0
