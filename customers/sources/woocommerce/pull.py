"""
What webhooks do not bring, fetched from the shop's REST API: reviews, and whatever fell into a gap.

Each object is landed as a request of its own, under the topic `pull.<kind>.updated`, so that it is read,
rejected and replayed like a webhook. A page's objects and the place where the pull stands are one
transaction: killed at any moment, it goes on with the page that is not there yet. What was pulled
before, word for word, is not landed again.

Source.settings: `pull` holds the address and the sealed key, `pull_state` how far it has come.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import connection, transaction

from customers.enums import Power, SourceKind
from customers.intake import keys, landing
from customers.models import Source
from customers.sources import egress


EVERY = timedelta(minutes=15)
PER_PAGE = 100
_PAGE_BYTES = 32_000_000
_PAGE_SECONDS = 30.0
_LOCK = 0x9011_1
# Two machines' clocks, and what was saved while a page was being made.
_OVERLAP = timedelta(minutes=10)
# Reviews have no time of change: one that was approved late is found by looking back.
_LATE_REVIEWS = timedelta(days=30)


class PullError(RuntimeError):
    """The shop gave no page that can be used; the message says what to do, and is shown to staff."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    path: str
    kind: str
    query: Mapping[str, str] = field(default_factory=dict)
    since: str = "modified_after"
    look_back: timedelta = _OVERLAP
    newest_first: bool = False
    """The API cannot say what changed: we read until a whole page is known already."""


RESOURCES = (
    Resource(path="products", kind="product", query={"orderby": "id", "order": "asc"}),
    Resource(
        path="customers",
        kind="customer",
        query={"orderby": "registered_date", "order": "desc"},
        newest_first=True,
    ),
    Resource(path="orders", kind="order", query={"orderby": "id", "order": "asc"}),
    Resource(
        path="products/reviews",
        kind="review",
        query={"status": "approved", "order": "asc"},
        since="after",
        look_back=_LATE_REVIEWS,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """
    landed: objects that are new or changed. finished: nothing is left to fetch. error: why it stopped.
    busy: another process pulls from this shop.
    """

    landed: int
    finished: bool
    error: str = ""
    busy: bool = False


def connect(
    source: Source,
    *,
    url: str,
    consumer_key: str,
    consumer_secret: str,
    allow_private: bool = False,
) -> None:
    """
    Keep the address of the shop and its REST key, sealed, and begin at the beginning.

    Raises ValueError for another kind of source or an empty key, TargetRefusedError for an address that
    we do not call.
    """
    if source.kind != SourceKind.WOOCOMMERCE:
        raise ValueError(f"{source.name} is no WooCommerce shop")
    if not consumer_key.strip() or not consumer_secret.strip():
        raise ValueError("the REST key has two parts, and one of them is empty")
    url = url.strip().partition("?")[0].rstrip("/")
    egress.target(url, allow_private=allow_private)
    credentials = keys.seal(f"{consumer_key.strip()}:{consumer_secret.strip()}")
    _remember(source, "pull", {"url": url, "credentials": credentials})
    _remember(source, "pull_state", {})


def is_due(source: Source, *, now: datetime) -> bool:
    """Unfinished pulls at once, others some time after the last try."""
    if "pull" not in source.settings:
        return False
    state = source.settings.get("pull_state", {})
    tried_at = state.get("tried_at")
    if not tried_at or (state.get("page") and not state.get("error")):
        return True
    return datetime.fromisoformat(tried_at) + EVERY <= now


def pull_due(*, now: datetime, allow_private: bool = False, seconds: float = 15.0) -> int:
    """Pull for at most so many seconds (and the page then being fetched); the number of objects landed."""
    landed, until = 0, time.monotonic() + seconds
    for source in Source.objects.filter(settings__has_key="pull").order_by("pk"):
        if time.monotonic() < until and is_due(source, now=now):
            landed += pull(
                source, now=now, allow_private=allow_private, seconds=until - time.monotonic()
            ).landed
    return landed


def pull(source: Source, *, now: datetime, allow_private: bool = False, seconds: float) -> Pulled:
    """
    Fetch pages until nothing is left or the time is up.

    What goes wrong is written into the source's settings, where screens find it, and told.
    """
    with _alone(source) as is_alone:
        if not is_alone:
            return Pulled(landed=0, finished=False, busy=True)
        source.refresh_from_db(fields=["settings"])
        landed, until = 0, time.monotonic() + seconds
        try:
            shop = _Shop(source, allow_private=allow_private)
            while True:
                state = _next_step(source.settings.get("pull_state", {}), now=now)
                if state is None:
                    _finish(source, now=now)
                    return Pulled(landed=landed, finished=True)
                if time.monotonic() >= until:
                    return Pulled(landed=landed, finished=False)
                landed += _pull_page(source, shop, state, now=now)
        except PullError as error:
            state = source.settings.get("pull_state", {})
            stopped = {**state, "error": str(error), "tried_at": now.isoformat()}
            _remember(source, "pull_state", stopped)
            return Pulled(landed=landed, finished=False, error=str(error))


# pull_state: {"since": {path: time}, "resource": 0..3, "page": 1.., "started_at", "tried_at", "error"}
def _next_step(state: Mapping[str, Any], *, now: datetime) -> dict[str, Any] | None:
    """The state in which the next page is to be fetched; None when all resources are done."""
    if not state.get("page"):
        return {
            "since": state.get("since", {}), "resource": 0, "page": 1,
            "started_at": now.isoformat(),
        }  # fmt: skip
    return None if state["resource"] >= len(RESOURCES) else dict(state)


def _pull_page(source: Source, shop: _Shop, state: dict[str, Any], *, now: datetime) -> int:
    resource, page = RESOURCES[state["resource"]], state["page"]
    since = state["since"].get(resource.path)
    objects, is_last = shop.page(resource, page=page, since=since)
    with transaction.atomic():
        landed = sum(_land(source, resource, told, now=now) for told in objects)
        if is_last or (since and resource.newest_first and not landed):
            started = datetime.fromisoformat(state["started_at"])
            done = {**state["since"], resource.path: (started - resource.look_back).isoformat()}
            state |= {"since": done, "resource": state["resource"] + 1, "page": 1}
        else:
            state["page"] = page + 1
        _remember(source, "pull_state", {**state, "tried_at": now.isoformat(), "error": ""})
    return landed


def _land(source: Source, resource: Resource, told: Any, *, now: datetime) -> bool:
    # in one order of names: the same words are the same bytes
    body = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    topic = f"pull.{resource.kind}.updated"
    return landing.land(
        source_id=source.pk, topic=topic, body=body, power=Power.SERVER, headers={},
        dedupe_key=hashlib.sha256(topic.encode() + b"\0" + body).hexdigest(), now=now,
    )  # fmt: skip


def _finish(source: Source, *, now: datetime) -> None:
    state = source.settings["pull_state"]
    done = {"since": state["since"], "tried_at": now.isoformat(), "finished_at": now.isoformat()}
    _remember(source, "pull_state", done)


def _remember(source: Source, name: str, value: Mapping[str, Any]) -> None:
    """One key of the settings, whatever staff change in the others meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE customers_source SET settings = settings || jsonb_build_object(%s::text, %s::jsonb)"
            " WHERE id = %s",
            [name, json.dumps(value), source.pk],
        )
    source.settings = {**source.settings, name: dict(value)}


@contextmanager
def _alone(source: Source) -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK, source.pk])
        (is_alone,) = cursor.fetchone()
        try:
            yield is_alone
        finally:
            if is_alone:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, source.pk])


# ---------------------------------------------------------------- the shop's API
_MEANINGS = {
    401: "The shop does not know the REST key. Make a new one that may read, and enter it.",
    403: "The shop's REST key may not read this. Make a new one that may read, and enter it.",
    404: "There is no WooCommerce REST API at this address. Are permalinks other than “plain” set?",
}


class _Shop:
    def __init__(self, source: Source, *, allow_private: bool) -> None:
        self._url = f"{source.settings['pull']['url']}/wp-json/wc/v3"
        self._allow_private = allow_private
        try:
            credentials = keys.unseal(source.settings["pull"]["credentials"])
        except keys.SealError as error:
            raise PullError("The REST key cannot be opened. Enter it again.") from error
        self._authorization = f"Basic {base64.b64encode(credentials.encode()).decode()}"

    def page(self, resource: Resource, *, page: int, since: str | None) -> tuple[list[Any], bool]:
        """The objects of a page, and whether it is the last. Raises PullError."""
        query = {**resource.query, "per_page": str(PER_PAGE), "page": str(page)}
        if since:
            after = datetime.fromisoformat(since).astimezone(UTC)
            query |= {resource.since: after.strftime("%Y-%m-%dT%H:%M:%S"), "dates_are_gmt": "true"}
        try:
            reply = egress.call(
                "GET",
                f"{self._url}/{resource.path}?{urlencode(query)}",
                headers={"authorization": self._authorization, "accept": "application/json"},
                allow_private=self._allow_private,
                timeout=_PAGE_SECONDS,
                max_bytes=_PAGE_BYTES,
            )
        except egress.EgressError as error:
            raise PullError(str(error)) from error
        if reply.status != 200:
            raise PullError(_meaning(reply))
        try:
            objects = json.loads(reply.body)
        except (ValueError, RecursionError) as error:
            raise PullError(
                "The shop's answer is no JSON. Does a plug-in guard its API?"
            ) from error
        if not isinstance(objects, list):
            raise PullError("The shop's answer is no list of objects.")
        pages = reply.headers.get("x-wp-totalpages", "")
        told_last = pages.isdecimal() and page >= int(pages[:9])
        return objects, told_last or len(objects) < PER_PAGE


def _meaning(reply: egress.Reply) -> str:
    if 300 <= reply.status < 400:
        return "The shop redirects. Enter its final address, beginning with https://."
    return _MEANINGS.get(
        reply.status, f"The shop answered {reply.status}; it is asked again later."
    )
