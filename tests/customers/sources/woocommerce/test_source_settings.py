from __future__ import annotations

import pytest
from django.urls import reverse

from customers.enums import SourceKind
from customers.models import Source
from customers.source_forms import SourceForm
from tests.factories.customers import SourceFactory


@pytest.mark.django_db
def test_staff_name_the_box_of_consent_and_the_language_of_reviews(admin_client) -> None:
    source = SourceFactory(kind=SourceKind.WOOCOMMERCE, settings={"pull_state": {"page": 3}})
    said = {"silent_after_hours": 24, "consent_meta_key": " box ", "language": "en"}
    response = admin_client.post(reverse("source_pages:save", args=[source.pk]), said)
    assert response.status_code == 302
    assert Source.objects.get().settings == {
        "pull_state": {"page": 3}, "consent_meta_key": "box", "language": "en"
    }  # fmt: skip
    wrong = admin_client.post(
        reverse("source_pages:save", args=[source.pk]), {**said, "language": "<English>"}
    )
    assert wrong.status_code == 422


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [SourceKind.SHOPIFY, SourceKind.SEGMENT, SourceKind.CSV])
def test_other_kinds_have_no_such_box(kind: SourceKind) -> None:
    assert not {"consent_meta_key", "language"} & set(SourceForm(SourceFactory(kind=kind)).fields)
