"""The ready-made rules, each under a name that can stand in an address."""

from __future__ import annotations

from django.utils.text import slugify

from segmentation.rules.ready_made import READY_MADE, ReadyMade


STARTS: dict[str, ReadyMade] = {slugify(one.name): one for one in READY_MADE}
