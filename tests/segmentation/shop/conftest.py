"""A simulated shop with its consents and its mirror, committed once for the tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from consent import ledger
from customers.sources import simulated_shop
from customers.sources.simulation.parameters import ShopParameters
from segmentation import mirror
from segmentation.ml import features
from segmentation.ml.tables import FeatureTable
from tests.segmentation.shop.rounds import STARTS_AT


@pytest.fixture(scope="package")
def shop(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The mirror's folder of a shop of 1,500, as of STARTS_AT; the rows are in the database."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("shop")
        patch.setenv("COTERIE_HOME", str(home))
        patch.setattr(settings, "HOME", home)
        simulated_shop.create(
            name="Shop", parameters=ShopParameters.load("regulars"), customers=1_500, seed=3,
            starts_at=STARTS_AT, now=STARTS_AT,
        )  # fmt: skip
        ledger.absorb(now=STARTS_AT)
        mirror.refresh()
    yield home / "mirror"
    with django_db_blocker.unblock():
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture(autouse=True)
def own_mirror(shop: Path, home: Path) -> None:
    """Each test reads the shop's mirror in a home of its own."""
    shutil.copytree(shop, home / "mirror")


@pytest.fixture(scope="package")
def table(shop: Path) -> FeatureTable:
    """The features of everybody as of STARTS_AT."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "HOME", shop.parent)
        with mirror.connect() as database:
            computed = features.compute(database, as_of=int(STARTS_AT.timestamp()))
    return FeatureTable.from_arrow(computed)
