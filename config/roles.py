"""
Who may do what: five roles, as groups that are made from this table after every migration.

A role means what stands here, in every installation: changes made to these groups are undone by the next
migration. Whoever needs something else makes a group of another name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission


@dataclass(frozen=True, kw_only=True)
class Role:
    """`may`: permissions as `app.codename`; `app.view_*` stands for all that begin so, `*` for everything."""

    name: str
    does: str
    may: tuple[str, ...]

    def holds(self, permission: str) -> bool:
        return any(
            permission.startswith(one[:-1]) if one.endswith("*") else permission == one
            for one in self.may
        )


def _view(app: str, *models: str) -> tuple[str, ...]:
    return tuple(f"{app}.view_{model}" for model in models)


_SHOP = _view(
    "customers", "customer", "order", "orderline", "product", "refund", "review", "event", "source",
    "import",
)  # fmt: skip
_RESULTS = (
    *_view("campaigns", "campaign", "delivery", "link", "deliveryreport"),
    "feedback.view_*",
    *_view("consent", "consentstate", "topic", "wording"),
)
_MODELS = ("segmentation.view_*",)
_SEGMENTS = ("segmentation.add_segment", "segmentation.change_segment")

ROLES = (
    Role(
        name="Marketer",
        does="Builds segments and campaigns and launches them; sees names and addresses of customers.",
        may=(
            *_SHOP, "customers.see_addresses", *_RESULTS, *_MODELS, *_SEGMENTS,
            "segmentation.delete_segment", "segmentation.export_segment", "campaigns.add_campaign",
            "campaigns.change_campaign", "consent.view_suppression",
        ),
    ),
    Role(
        name="Approver",
        does="Reads campaigns with their preview and approves large ones; sees no addresses and changes nothing.",
        may=(*_SHOP, *_RESULTS, *_MODELS, "campaigns.approve_campaign"),
    ),
    Role(
        name="Analyst",
        does="Builds segments, reads results and models and asks for trainings; sees no addresses.",
        may=(
            *_SHOP, *_RESULTS, *_MODELS, *_SEGMENTS, "segmentation.export_segment",
            "segmentation.train_modelversion",
        ),
    ),
    Role(
        name="Privacy officer",
        does="Answers data requests, keeps the log of consent, sees who looked at what, and names and addresses.",
        may=(
            *_SHOP, "customers.see_addresses", "customers.view_*", "consent.*", "webhooks.view_*",
            "gateway.view_*", "segmentation.view_*", "segmentation.add_sensitivefield",
            "segmentation.change_sensitivefield", *_RESULTS,
        ),
    ),
    Role(name="Admin", does="Everything: staff, keys, sources and schedules too.", may=("*",)),
)  # fmt: skip


def install() -> None:
    """Make the groups what the table says; costs four reads where nothing has changed."""
    known = {
        f"{one.content_type.app_label}.{one.codename}": one.pk
        for one in Permission.objects.select_related("content_type")
    }
    groups = {
        group.name: group
        for group in Group.objects.filter(name__in=[role.name for role in ROLES]).prefetch_related(
            "permissions"
        )
    }
    for role in ROLES:
        group = groups.get(role.name) or Group.objects.create(name=role.name)
        wanted = {number for name, number in known.items() if role.holds(name)}
        if {one.pk for one in group.permissions.all()} != wanted:
            group.permissions.set(wanted)


def after_migrate(sender: Any, **more: Any) -> None:
    """When the last app is through, permissions of all of them are there."""
    if more.get("using") == "default" and sender.name == settings.INSTALLED_APPS[-1]:
        install()


def unknown() -> Iterable[str]:
    """Entries of the table that no permission answers to: misspelt, or of a table that is gone."""
    names = {
        f"{one.content_type.app_label}.{one.codename}"
        for one in Permission.objects.select_related("content_type")
    }
    for role in ROLES:
        for one in role.may:
            if not any(Role(name="", does="", may=(one,)).holds(name) for name in names):
                yield f"{role.name}: {one}"
