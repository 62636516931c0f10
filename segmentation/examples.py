"""Examples of what a model predicted of customers, and what came."""

from __future__ import annotations

import numpy as np
from django.db.models import Exists, OuterRef, QuerySet

from consent.enums import Purpose
from consent.models import ConsentState
from customers.models import Customer
from segmentation.ml.training import Trained
from segmentation.models import ModelVersion
from segmentation.registry import JudgedCase


CASES = 3


def keep(version: ModelVersion, trained: Trained) -> None:
    """The surest predictions of the test window, right and wrong, a few of each."""
    bought, said = trained.test_bought, trained.test_model
    chosen: dict[int, JudgedCase] = {}
    for outcome in (True, False):
        rows = np.flatnonzero(bought == outcome)
        ordered = rows[np.argsort(said[rows], kind="stable")]
        for row in (*ordered[:CASES], *ordered[-CASES:]):
            customer = int(trained.test_ids[row])
            chosen[customer] = JudgedCase(
                version=version, customer_id=customer, probability=float(said[row]), ordered=outcome
            )
    # who was erased or merged since the mirror was read, or no longer agrees, is no example
    kept = set(may_be_shown().filter(pk__in=chosen).values_list("pk", flat=True))
    JudgedCase.objects.bulk_create([one for key, one in chosen.items() if key in kept])


def may_be_shown() -> QuerySet[Customer]:
    """Who may be shown as an example of what a model said: customers who agree to be profiled now."""
    agree = ConsentState.objects.filter(
        customer=OuterRef("pk"), purpose=Purpose.PROFILING, is_granted=True
    )
    return Customer.objects.filter(Exists(agree), erased_at=None, merged_into=None)
