"""Titles of a newsletter stay editable, one field a language, and texts that were agreed to stay as they were."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from consent import topics, wordings
from consent.models import Topic, Wording
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db
SAID = {"title": "Garden", "title_de": "Garten", "title_es": "Jardín", "is_offered": "on"}


def garden() -> Topic:
    titles = {"de": "Garden", "es": "Jardín", "fr": "Jardin"}
    return topics.add(slug="garden", title="Garden", titles=titles, now=NOW)


def test_a_title_is_mended_and_makes_a_new_version_of_its_text(admin_client: Client) -> None:
    topic = garden()
    before = dict(Wording.objects.values_list("pk", "text"))
    page = reverse("admin:consent_topic_change", args=[topic.pk])
    shown = admin_client.get(page).content.decode()
    assert 'name="title_de"' in shown
    assert 'name="slug"' not in shown
    assert admin_client.post(page, SAID).status_code == 302
    topic.refresh_from_db()
    assert topic.titles == {"de": "Garten", "es": "Jardín", "fr": "Jardin"}
    new = wordings.shown(topic.purpose, language="de")
    assert new is not None
    assert "Garten" in new.text
    assert new.version == "default-2"
    kept = Wording.objects.filter(pk__in=before)
    assert dict(kept.values_list("pk", "text")) == before
    assert Wording.objects.count() == len(before) + 1


def test_a_title_that_comes_back_is_shown_again(admin_client: Client) -> None:
    topic = garden()
    page = reverse("admin:consent_topic_change", args=[topic.pk])
    for german in ("Garten", "Garden", "Garden"):
        admin_client.post(page, SAID | {"title_de": german})
    new = wordings.shown(topic.purpose, language="de")
    assert new is not None
    assert "Garden" in new.text
    assert new.version == "default-3"


def test_a_missing_translation_is_warned_of(admin_client: Client) -> None:
    page = reverse("admin:consent_topic_add")
    said = admin_client.post(page, SAID | {"slug": "tea", "title_es": " "}, follow=True)
    text = said.content.decode()
    assert "Without a title in Spanish" in text
    assert "German" not in text.split("Without a title in")[1][:60]
    topic = Topic.objects.get(slug="tea")
    assert topic.titles == {"de": "Garten"}
    assert topic.created_at is not None
