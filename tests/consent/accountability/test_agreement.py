"""The annex of the processing agreement says what the code does and whom the settings speak of."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from django.test import Client

from consent.accountability import agreement, register
from consent.desk.personal_data import holders
from tests.factories.customers import SourceFactory


pytestmark = pytest.mark.django_db
ROOT = Path(agreement.__file__).parents[2]


def test_the_annex_has_parties_purposes_data_and_measures(settings) -> None:
    settings.POSTAL_ADDRESS = "Tea Ltd, 1 Road, Leeds"
    settings.SUBPROCESSORS = {"Postmark (ActiveCampaign LLC)": "sends messages; USA", "=Evil": "x"}
    settings.SMTP_URL = "anymail+postmark://"
    SourceFactory(kind="SHOPIFY")
    rows = list(csv.DictReader(io.StringIO(agreement.as_csv())))
    by_part: dict[str, list[str]] = {}
    for row in rows:
        by_part.setdefault(row["part"], []).append(row["name"])
    assert by_part["controller"] == ["Tea Ltd, 1 Road, Leeds"]
    assert by_part["sub-processor"] == [
        "Postmark (ActiveCampaign LLC)", "'=Evil", "Mail: postmark", "Shop data: Shopify",
    ]  # fmt: skip
    kinds = {name.partition(":")[0] for name in by_part["data"]}
    assert {"Contact", "Orders", "Behaviour", "Consents", "Messages", "Conclusions"} <= kinds
    said = ", ".join(row["says"] for row in rows if row["part"] == "data")
    assert sorted(said.split(", ")) == sorted(
        part for one in holders() for part in one.what.split(", ")
    )
    assert by_part["purpose"] == [one.purpose for one in register.purposes()]
    assert len(by_part["measure"]) == len(agreement.MEASURES)


def test_companies_that_nobody_has_named_are_asked_for(settings, admin_client: Client) -> None:
    settings.SMTP_URL = "smtp://relay.example:587"
    settings.SUBPROCESSORS = {}
    assert [one.name for one in agreement.unnamed()] == ["Mail: relay.example"]
    page = admin_client.get("/admin/consent/datarequest/agreement/").content.decode()
    assert "Say which companies these are" in page
    settings.SUBPROCESSORS = {"Mailer GmbH, Germany": "relay.example: sends messages"}
    assert agreement.unnamed() == []
    page = admin_client.get("/admin/consent/datarequest/agreement/").content.decode()
    assert "Mailer GmbH, Germany" in page
    assert "Say which companies" not in page


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("smtp://127.0.0.1:1025", []),
        ("smtp://localhost", []),
        ("smtp://[::1]:25", []),
        ("smtp://10.0.0.7", ["Mail: 10.0.0.7"]),
        ("anymail+postmark://", ["Mail: postmark"]),
    ],
)
def test_a_mail_server_on_this_machine_is_no_company(settings, url: str, names: list[str]) -> None:
    settings.SMTP_URL = url
    settings.SUBPROCESSORS = {}
    assert [one.name for one in agreement.sub_processors()] == names


def test_no_secret_of_the_mail_server_is_told(settings, admin_client: Client) -> None:
    settings.SMTP_URL = "smtp://user:hush-hush@relay.example:587"
    page = admin_client.get("/admin/consent/datarequest/agreement/").content.decode()
    assert "relay.example" in page
    assert "hush-hush" not in page + agreement.as_csv()
    file = admin_client.get("/admin/consent/datarequest/agreement.csv")
    assert file["Content-Disposition"].startswith("attachment")


def test_the_measures_are_explained_where_they_say() -> None:
    assert [one.where for one in agreement.MEASURES if not (ROOT / one.where).is_file()] == []
