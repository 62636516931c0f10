"""What tests of the pages of segments share: staff with some permissions, rules, a look at the form."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from core import clock
from segmentation import rule_segments
from segmentation.models import Segment
from segmentation.rules import parse


NEW = "admin:segment_new"
COUNTRY: dict[str, Any] = {
    "t.quantifier": "all",
    "t-0.about": "field:country",
    "t-0.is": "is",
    "t-0.value": "DE",
}
"""The form's fields of one condition: the country is DE."""


def client_who_may(*codes: str) -> Client:
    """The browser of a new colleague with these permissions only."""
    user = User.objects.create_user(f"sam {User.objects.count()}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codes))
    client = Client()
    client.force_login(user)
    return client


def rule_segment(definition: dict[str, Any], *, name: str = "Germans") -> Segment:
    return rule_segments.save(
        segment=None,
        name=name,
        description="",
        rule=parse(definition),
        words="",
        user_id=None,
        now=clock.now(),
    )


def selected(text: str, field: str) -> str:
    """What a select of the page has chosen."""
    found = re.search(rf'<select[^>]*name="{re.escape(field)}".*?</select>', text, re.DOTALL)
    assert found, field
    chosen = re.search(r'value="([^"]*)" selected', found[0])
    return chosen[1] if chosen else ""
