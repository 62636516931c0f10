"""The numbers of a simulated shop: read from TOML, checked once, immutable afterwards.

`parameters/*.toml` argue each number from published magnitudes; any file of the same form will do.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints


SHIPPED = Path(__file__).parent / "parameters"


class ParameterError(ValueError):
    """The parameter file cannot be used; the message names the key and what it may be."""


def between(low: float, high: float) -> Any:
    """A number that must lie in [low, high]."""
    return field(metadata={"low": low, "high": high})


@dataclass(frozen=True, kw_only=True)
class Population:
    one_time_share: float = between(0, 1)
    orders_per_year: float = between(0.05, 20)
    orders_shape: float = between(0.1, 100)
    lifetime_days: float = between(1, 100_000)
    lapsed_activity: float = between(0, 1)
    restock_share: float = between(0, 1)
    visits_per_month: float = between(0, 30)
    consent_share: float = between(0, 1)


@dataclass(frozen=True, kw_only=True)
class History:
    days: int = between(60, 3650)
    tracking_days: int = between(0, 3650)
    christmas_peak: float = between(0, 10)


@dataclass(frozen=True, kw_only=True)
class Basket:
    value_cents: float = between(100, 10_000_000)
    value_spread: float = between(0, 2)
    lines: float = between(1, 20)
    margin_share: float = between(0.01, 0.95)
    promotion_share: float = between(0, 0.95)
    promotion_discount: float = between(0, 0.9)
    refund_share: float = between(0, 0.5)


@dataclass(frozen=True, kw_only=True)
class Mail:
    window_days: int = between(1, 60)
    discount_share: float = between(0, 0.9)
    contact_cost_cents: float = between(0, 100_000)
    unsubscribe_cost_cents: float = between(0, 1_000_000)
    unsubscribe_share: float = between(0, 0.2)
    bounce_share: float = between(0, 0.2)
    click_share: float = between(0, 0.5)


@dataclass(frozen=True, kw_only=True)
class Uplift:
    mean_points: float = between(-20, 20)
    spread_points: float = between(0, 20)
    lowest_points: float = between(-50, 0)
    highest_points: float = between(0, 50)
    observable_share: float = between(0, 1)
    fatigue_points: float = between(0, 5)


@dataclass(frozen=True, kw_only=True)
class Drivers:
    """Weights of what moves uplift; only their ratios matter, since their sum is standardised."""

    due: float = between(-10, 10)
    frequency: float = between(-10, 10)
    bargains: float = between(-10, 10)
    engagement: float = between(-10, 10)
    price_tier: float = between(-10, 10)
    newness: float = between(-10, 10)
    bargains_when_engaged: float = between(-10, 10)
    due_when_engaged: float = between(-10, 10)


@dataclass(frozen=True, kw_only=True)
class Reviews:
    share: float = between(0, 1)
    positive_share: float = between(0, 1)


@dataclass(frozen=True, kw_only=True)
class ShopParameters:
    """Everything the simulated world needs besides a size and a seed."""

    population: Population
    history: History
    basket: Basket
    mail: Mail
    uplift: Uplift
    drivers: Drivers
    reviews: Reviews

    @classmethod
    def load(cls, name_or_path: str | Path) -> ShopParameters:
        """Read a shipped set ('regulars', 'sparse') or a TOML file; raises ParameterError."""
        path = Path(name_or_path)
        if path.suffix != ".toml":
            path = SHIPPED / f"{name_or_path}.toml"
        if not path.is_file():
            shipped = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.toml")))
            raise ParameterError(
                f"No parameters '{name_or_path}': give a .toml file or one of {shipped}."
            )
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ParameterError(f"{path.name} is not a TOML file: {error}") from error
        return cls.from_dict(tree)

    @classmethod
    def from_dict(cls, tree: dict[str, Any]) -> ShopParameters:
        """Build from nested tables; raises ParameterError on the first key that is not right."""
        parameters = _build(cls, tree, "")
        if not any(dataclasses.astuple(parameters.drivers)):
            raise ParameterError("drivers: at least one weight must differ from zero.")
        if parameters.history.tracking_days > parameters.history.days:
            raise ParameterError("history.tracking_days may not exceed history.days.")
        gap = 365 / parameters.population.orders_per_year
        if gap <= parameters.mail.window_days:
            raise ParameterError(
                f"population.orders_per_year: an order every {gap:.0f} days does not fit a window"
                f" of {parameters.mail.window_days} days; a customer orders once in a window."
            )
        return parameters

    def to_dict(self) -> dict[str, Any]:
        """The nested tables, ready for JSON; `from_dict` takes them back."""
        return dataclasses.asdict(self)


_T = TypeVar("_T")


def _build(cls: type[_T], tree: Any, path: str) -> _T:
    if not isinstance(tree, dict):
        raise ParameterError(f"{path.rstrip('.')} must be a table [{path.rstrip('.')}].")
    hints = get_type_hints(cls)
    unknown, missing = sorted(set(tree) - set(hints)), sorted(set(hints) - set(tree))
    if unknown:
        raise ParameterError(f"Unknown key {path}{unknown[0]}; known: {', '.join(sorted(hints))}.")
    if missing:
        raise ParameterError(f"Missing key {path}{missing[0]}.")
    values: dict[str, Any] = {}
    for member in dataclasses.fields(cls):  # type: ignore[arg-type] # always one of the above
        value, kind = tree[member.name], hints[member.name]
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            values[member.name] = _build(kind, value, f"{path}{member.name}.")
        else:
            values[member.name] = _number(value, kind, f"{path}{member.name}", member.metadata)
    return cls(**values)


def _number(value: Any, kind: type, name: str, limits: Any) -> float:
    words = "a whole number" if kind is int else "a number"
    allowed = f"{name} must be {words} from {limits['low']:g} to {limits['high']:g}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParameterError(f"{allowed}, not {value!r}.")
    if not math.isfinite(value) or not limits["low"] <= value <= limits["high"]:
        raise ParameterError(f"{allowed}, not {value!r}.")
    if kind is int and value != int(value):
        raise ParameterError(f"{allowed}, not {value!r}.")
    return kind(value)  # type: ignore[no-any-return] # int or float
