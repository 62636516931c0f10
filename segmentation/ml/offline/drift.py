"""`evaluate drift`: compare two files, whatever they hold; of files of transactions also how often orders come."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import numpy as np

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.drift import compare, rates
from segmentation.ml.drift.compare import Finding
from segmentation.ml.offline import files, tasks, transactions
from segmentation.ml.offline.files import FileError
from segmentation.ml.tables import Floats, Ints


HELP = "Say what has changed from a reference file to a current one, beyond chance."
OWN_FILES = True

_WEEK = 7 * SECONDS_PER_DAY
_DATES = ("date", "invoicedate", "orderdate", "placedat", "timestamp", "time")
_CUSTOMERS = ("customer_id", "customerid", "customer", "user_id", "id")
_PRODUCTS = ("sku", "stockcode", "product", "productid", "item", "itemid")
_PRICES = ("unitprice", "price", "unitpricecents")
_NUMERIC = 0.95
"""Share of the known values that must be numbers for a column to be of numbers."""

_FEW_VALUES = 10
"""A column of so few different numbers is compared as categories as well as numbers are."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--reference", required=True, metavar="FILE", help="what was usual")
    parser.add_argument("--current", required=True, metavar="FILE", help="what came in lately")
    parser.add_argument(
        "--alpha", type=float, default=compare.ALPHA,
        help=f"of one false alarm in this comparison; default {compare.ALPHA}",
    )  # fmt: skip


def evaluate(options: Namespace) -> tasks.Evaluation:
    """Raises FileError."""
    before, now = _columns(options.reference), _columns(options.current)
    shared = [name for name in before if name in now]
    if not shared:
        raise FileError(f"{options.reference} and {options.current} have no column in common")
    dates = next((name for name in shared if files.plain(name) in _DATES), None)
    key = options.id or next(
        (
            name
            for spelled in _CUSTOMERS
            for name in shared
            if files.plain(name) == files.plain(spelled)
        ),
        None,
    )
    when = _moments(before[dates], options.reference) if dates else None
    found: list[Finding] = []
    for name in shared:
        if name in (dates, key) or _is_identifier(before[name]):
            continue
        found += _compared(name, before[name], now[name], batch=_weeks(when))
    found += _price_against_usual(before, now, batch=_weeks(when))
    if dates and when is not None:
        later = _moments(now[dates], options.current)
        found += _frequencies(before.get(key or ""), now.get(key or ""), when=when, later=later)
    found = compare.with_holm(found, alpha=options.alpha)
    alarms = [one for one in found if one.alarm]
    left = sorted((set(before) ^ set(now)) - {dates, key})
    warnings = tuple(f"column {name} is in one file only" for name in left)
    return tasks.Evaluation(
        metrics={
            "drift": bool(alarms),
            "alarms": [one.name for one in alarms],
            "alpha": options.alpha,
            "rows": {"reference": _rows(before), "current": _rows(now)},
            "columns": compare.as_documents(found),
        },
        warnings=warnings,
    )


def _columns(path: str) -> dict[str, np.ndarray[Any, Any]]:
    """Each column as text; what is not there is empty."""
    raw = files.read(Path(path))
    with raw.database:
        selected = ", ".join(files.quoted(name) for name in raw.columns)
        table = raw.database.execute(f"SELECT {selected} FROM file ORDER BY row").fetchall()
    if not table:
        raise FileError(f"{path}: the file has no rows")
    return {
        name: np.array(["" if row[at] is None else str(row[at]).strip() for row in table])
        for at, name in enumerate(raw.columns)
    }


def _rows(columns: dict[str, np.ndarray[Any, Any]]) -> int:
    return len(next(iter(columns.values())))


def _numbers(values: np.ndarray[Any, Any]) -> Floats | None:
    """The column as numbers, NaN where there is none; None when it is of words."""
    numbers = np.full(len(values), np.nan)
    for at, text in enumerate(values):
        try:
            numbers[at] = float(text) if text else np.nan
        except ValueError:
            continue
    numbers[~np.isfinite(numbers)] = np.nan
    known = int((values != "").sum())
    return numbers if known and np.isfinite(numbers).sum() >= _NUMERIC * known else None


def _is_identifier(values: np.ndarray[Any, Any]) -> bool:
    """Words that hardly repeat: nothing can be said of their mix."""
    if _numbers(values) is not None:
        return False
    return len(np.unique(values)) > max(0.5 * len(values), compare.MOST_CATEGORIES)


def _compared(
    name: str,
    before: np.ndarray[Any, Any],
    now: np.ndarray[Any, Any],
    *,
    batch: Ints | None,
) -> list[Finding]:
    numbers = _numbers(before), _numbers(now)
    if numbers[0] is None or numbers[1] is None:
        return [compare.categories(name=name, before=before, now=now, batch=batch)]
    if len(np.unique(before)) <= _FEW_VALUES:
        return [compare.categories(name=name, before=before, now=now, batch=batch)]
    return [compare.numbers(name=name, before=numbers[0], now=numbers[1], batch=batch)]


def _moments(values: np.ndarray[Any, Any], path: str) -> Ints:
    try:
        return np.array([transactions.moment(text) for text in values], dtype=np.int64)
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error


def _weeks(when: Ints | None) -> Ints | None:
    """The week of each row of the reference; of a short one, none."""
    return None if when is None else (when.max() - when) // _WEEK


def _frequencies(
    before: np.ndarray[Any, Any] | None,
    now: np.ndarray[Any, Any] | None,
    *,
    when: Ints,
    later: Ints,
) -> list[Finding]:
    """Rows a week of the current file against the weeks of the reference, and rows a customer."""
    span = max(1, int(later.max() - later.min()) + 1)
    weeks = max(1, round(span / _WEEK))
    step = _WEEK * weeks
    counts = np.bincount((when.max() - when) // step)[::-1].astype(np.float64)
    whole = counts[1:] if (when.max() - when.min() + 1) % step else counts
    found = []
    if len(whole) >= rates.FEWEST_WEEKS:
        # a current file of less than a week is stretched to one
        scale = step / span if span < 0.8 * step else 1.0
        found.append(rates.weekly(name="rows a week", before=whole, now=float(len(later)) * scale))
        if before is not None and now is not None:
            place = (when.max() - when) // step
            pairs = np.unique(
                np.column_stack([place, np.unique(before, return_inverse=True)[1]]), axis=0
            )
            buyers = np.bincount(pairs[:, 0])[::-1].astype(np.float64)[-len(whole) :]
            found.append(
                rates.weekly(
                    name="customers a week", before=buyers, now=len(np.unique(now)) * scale
                )
            )
        return found
    found.append(rates.daily(name="rows a day", before=_a_day(when), now=_a_day(later)))
    alike = 0.8 < span / max(1, int(when.max() - when.min()) + 1) < 1.25
    if before is not None and now is not None and alike:  # who is watched longer has more rows
        found.append(
            compare.numbers(
                name="rows a customer", before=_per_customer(before), now=_per_customer(now)
            )
        )
    return found


def _a_day(moments: Ints) -> Floats:
    days = moments // SECONDS_PER_DAY
    return np.bincount(days - days.min()).astype(np.float64)


def _price_against_usual(
    before: dict[str, np.ndarray[Any, Any]],
    now: dict[str, np.ndarray[Any, Any]],
    *,
    batch: Ints | None,
) -> list[Finding]:
    """Each line's price by the median of its product in the reference: far steadier than prices are."""
    product = next((one for one in before if files.plain(one) in _PRODUCTS and one in now), None)
    price = next((one for one in before if files.plain(one) in _PRICES and one in now), None)
    if product is None or price is None:
        return []
    paid = _numbers(before[price]), _numbers(now[price])
    if paid[0] is None or paid[1] is None:
        return []
    names, which = np.unique(before[product], return_inverse=True)
    usual = {str(name): float(np.nanmedian(paid[0][which == at])) for at, name in enumerate(names)}
    ratios, rows = [], []
    for part, values in ((before, paid[0]), (now, paid[1])):
        base = np.array([usual.get(str(name), np.nan) for name in part[product]])
        ratio = np.divide(values, base, out=np.full(len(values), np.nan), where=base > 0)
        rows.append(np.isfinite(ratio))
        ratios.append(ratio[rows[-1]])
    return [
        compare.numbers(
            name="price against what the same product cost",
            before=ratios[0], now=ratios[1], batch=None if batch is None else batch[rows[0]],
        )
    ]  # fmt: skip


def _per_customer(keys: np.ndarray[Any, Any]) -> Floats:
    return np.unique(keys, return_counts=True)[1].astype(np.float64)
