"""The simulated shop behind the front door: its past is imported, and it answers the mails of the ledger.

Everything comes in through `ingest` like any shop's data; no upper layer can see the simulator's truth.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings
from django.db import connection, transaction

from customers.enums import EventKind, SourceKind
from customers.ingest import Progress, load
from customers.models import Source
from customers.reports import IngestReport
from customers.sources.base import ShopBatch, SourceError
from customers.sources.demonstration import consents
from customers.sources.observed_orders import observe
from customers.sources.observed_world import ObservedWorld
from customers.sources.simulation.behaviour import DAY
from customers.sources.simulation.deliveries import SCHEMA
from customers.sources.simulation.parameters import ShopParameters
from customers.sources.simulation.world import SimulatedWorld


PATIENCE = timedelta(hours=6)
"""A world is asked at most this often: playing a day costs the same for an hour of it."""

# Of those who agreed to the newsletter; the boxes stand beside each other at the checkout.
_SHARES = {("MARKETING", "EMAIL"): 1.0, ("PROFILING", "ANY"): 0.95, ("RECOMMENDATIONS", "ANY"): 0.92,
           ("CLICK_TRACKING", "ANY"): 0.9}  # fmt: skip


def create(
    *,
    name: str,
    parameters: ShopParameters,
    customers: int,
    seed: int,
    starts_at: datetime,
    now: datetime,
    progress: Progress | None = None,
) -> tuple[Source, IngestReport]:
    """
    Make a source of a simulated shop and import its past; of an existing one, import it again.

    Raises ValueError when a source of the name is another shop.
    """
    told = {
        "parameters": parameters.to_dict(),
        "customers": customers,
        "seed": seed,
        "starts_at": int(starts_at.timestamp()),
    }
    with transaction.atomic():
        source, is_new = Source.objects.get_or_create(
            name=name,
            defaults={
                "kind": SourceKind.SIMULATED,
                "created_at": now,
                "settings": told,
                "outcomes_simulated": True,
            },
        )
        if any(source.settings.get(key) != value for key, value in told.items()):
            raise ValueError(f"There is another source named {name!r}. Choose another --name.")
        world = _world(source)
        report = load(
            _with_all_consents(world.history()), source=source, now=now, progress=progress
        )
        if is_new:
            _answered(source, world.starts_at)
    return source, report


def answer(
    source: Source, *, now: datetime, progress: Progress | None = None
) -> IngestReport | None:
    """
    Import what the customers did from where we stopped until `now`, given every mail delivered so far.

    None when too little time has passed, or another process is at it. All or nothing, the new position
    included.
    """
    until = int(now.timestamp())
    with transaction.atomic():
        locked = Source.objects.select_for_update(skip_locked=True).filter(pk=source.pk).first()
        if locked is None or until - locked.settings["answered_until"] < PATIENCE.total_seconds():
            return None
        world = _world(locked)
        batch = world.advance(locked.settings["answered_until"], until, _deliveries(locked, world))
        batch = _in_currency(batch, locked.settings.get("currency"))
        report = load(batch, source=locked, now=now, progress=progress)
        _answered(locked, until)
    return report


def lay_over(source: Source, *, parameters: ShopParameters, seed: int) -> None:
    """
    From the day after its last order on, let the simulator answer for the real customers of `source`.

    Marks the source. Done again, it changes nothing. Raises SourceError when no customer has an order.
    """
    if source.outcomes_simulated:
        return
    last = source.orders.filter(customer__isnull=False).order_by("-placed_at").first()
    if last is None:
        raise SourceError("There are no customers' orders to lay a simulation over.")
    starts_at = (int(last.placed_at.timestamp()) // DAY + 1) * DAY
    source.settings = {
        **source.settings,
        "parameters": parameters.to_dict(),
        "seed": seed,
        "starts_at": starts_at,
        "answered_until": starts_at,
        "currency": last.currency,
    }
    source.outcomes_simulated = True
    source.save(update_fields=["settings", "outcomes_simulated"])


def _answered(source: Source, until: int) -> None:
    source.settings = {**source.settings, "answered_until": until}
    source.save(update_fields=["settings"])


def _deliveries(source: Source, world: SimulatedWorld) -> pa.Table:
    """Every mail the ledger says reached a customer of this source since the world began."""
    usual = world.parameters.mail.discount_share * 100
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.external_id, e.campaign_id, e.delivery_id,
                   extract(epoch FROM e.happened_at)::bigint,
                   coalesce((e.properties ->> 'discount_percent')::float, %s) / 100
            FROM customers_event e JOIN customers_customer c ON c.id = e.customer_id
            WHERE e.kind = %s AND c.source_id = %s AND e.delivery_id IS NOT NULL
              AND e.happened_at >= to_timestamp(%s)
            ORDER BY e.delivery_id
            """,
            [usual, EventKind.DELIVERED, source.pk, world.starts_at],
        )
        columns = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(SCHEMA)
    return pa.table(
        [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


def _world(source: Source) -> SimulatedWorld:
    """The world of a source, kept by the process: it goes on from where it is instead of from the start."""
    return _built(source.pk, source.kind, json.dumps(source.settings | {"answered_until": 0}))


@lru_cache(maxsize=2)
def _built(source_id: int, kind: str, settings_json: str) -> SimulatedWorld:
    told = json.loads(settings_json)
    parameters = ShopParameters.from_dict(told["parameters"])
    if kind == SourceKind.SIMULATED:
        return SimulatedWorld(
            parameters, customers=told["customers"], seed=told["seed"], starts_at=told["starts_at"]
        )
    return ObservedWorld(
        parameters,
        shop=observe(source_id=source_id, before=told["starts_at"]),
        seed=told["seed"],
        starts_at=told["starts_at"],
        margin_share=settings.ASSUMED_MARGIN,
    )


def _with_all_consents(batch: ShopBatch) -> ShopBatch:
    """Who agreed to the newsletter in the world's history was asked about profiling and clicks as well."""
    agreed = pc.equal(batch.events["kind"], EventKind.CONSENT_GIVEN.value)
    names = batch.events.filter(agreed)["customer_external_id"].combine_chunks()
    people = batch.customers.filter(pc.is_in(batch.customers["external_id"], value_set=names))
    given = consents(people, shares=_SHARES, method="checkout")
    return replace(
        batch,
        events=pa.concat_tables(
            [batch.events.filter(pc.invert(agreed)), given], promote_options="default"
        ),
    )


def _in_currency(batch: ShopBatch, currency: str | None) -> ShopBatch:
    if currency is None:
        return batch
    column = pa.array([currency] * batch.orders.num_rows, pa.string())
    index = batch.orders.schema.get_field_index("currency")
    return replace(batch, orders=batch.orders.set_column(index, "currency", column))


def parameters(source: Source) -> ShopParameters:
    """The numbers that `source` was made with."""
    return ShopParameters.from_dict(source.settings["parameters"])


def true_profit(source: Source, *, at: datetime) -> dict[int, float]:
    """
    The oracle: expected profit of a mail at `at`, cents, by customer id (ours).

    For tables that judge; nothing that learns or decides may call it.
    """
    with transaction.atomic():  # looking at real orders takes a temporary table
        world = _world(source)
    truth = world.oracle(int(at.timestamp()), _deliveries(source, world))
    by_external = dict(
        zip(
            truth["customer_external_id"].to_pylist(),
            truth["profit_cents"].to_pylist(),
            strict=True,
        )
    )
    # A customer the world does not know (nothing but returns on record) never answers: a mail only costs.
    wasted = -world.parameters.mail.contact_cost_cents
    known = source.customers.values_list("external_id", "id")
    return {ours: by_external.get(theirs, wasted) for theirs, ours in known}
