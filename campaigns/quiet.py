"""
Hours in which nobody is to be written to, by their own clock. Pure.

    COTERIE_QUIET_HOURS=21:00-08:00

Whose clock: the time zone that the shop tells of the customer (trait `timezone`), else that of their
country where it has but one time at that moment, else the shop's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo


_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")


class QuietHoursError(ValueError):
    """A setting cannot be read."""


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """From `start` to before `end` by the local clock, over midnight if `start` is later."""

    start: time
    end: time
    shop: ZoneInfo

    def wake(self, now: datetime, *, timezone: str = "", country: str = "") -> datetime | None:
        """When somebody there may be written to again; None if they may be now."""
        zone = _zone(timezone) or _zone_of_country(country, now) or self.shop
        return self.wake_in(zone, now)

    def wake_in(self, zone: ZoneInfo, now: datetime) -> datetime | None:
        local = now.astimezone(zone)
        clock = local.time().replace(tzinfo=None)
        if not self.is_quiet(clock):
            return None
        day = local.date() if clock < self.end else local.date() + timedelta(days=1)
        # where clocks go back over the end of the quiet hours it comes twice: the one that is ahead
        for fold in (0, 1):
            ends = datetime.combine(day, self.end, tzinfo=zone).replace(fold=fold)
            if ends.timestamp() > now.timestamp():
                break
        return datetime.fromtimestamp(ends.timestamp(), tz=now.tzinfo)

    def is_quiet(self, clock: time) -> bool:
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


@lru_cache(maxsize=4)
def read(text: str, *, time_zone: str) -> QuietHours | None:
    """The quiet hours that the settings name, if any. Raises QuietHoursError."""
    shop = _zone(time_zone)
    if shop is None:
        raise QuietHoursError(f"COTERIE_TIME_ZONE: there is no time zone {time_zone!r}")
    if not text:
        return None
    if not _HOURS.fullmatch(text.strip()):
        raise QuietHoursError(f"COTERIE_QUIET_HOURS must look like 21:00-08:00, not {text!r}")
    start, end = (time.fromisoformat(one) for one in text.strip().split("-"))
    return QuietHours(start=start, end=end, shop=shop)


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, LookupError):  # also names that are paths, or of folders
        return None


def _zone_of_country(country: str, now: datetime) -> ZoneInfo | None:
    zones = _zones().get(country.upper(), ())
    offsets = {now.astimezone(zone).utcoffset() for zone in zones}
    return zones[0] if len(offsets) == 1 else None


@lru_cache(maxsize=1)
def _zones() -> dict[str, tuple[ZoneInfo, ...]]:
    """The time zones of each country (ISO 3166, two letters), from the time zone database."""
    table = (resources.files("tzdata.zoneinfo") / "zone.tab").read_text()
    found: dict[str, tuple[ZoneInfo, ...]] = {}
    for line in table.splitlines():
        if not line.startswith("#"):
            country, _, name = line.split("\t")[:3]
            zone = _zone(name)
            if zone is not None:
                found[country] = (*found.get(country, ()), zone)
    return found
