"""The admin's title and side bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy


def _may(permission: str) -> Callable[[HttpRequest], bool]:
    """A menu line shows only to those who may open it."""

    def has_permission(request: HttpRequest) -> bool:
        return bool(request.user.has_perm(permission))

    return has_permission


_LINES: list[Callable[[str], int]] = []


def _item(
    title: str, icon: str, route: str, permission: str | None = None, also: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A line to `route`; it is also the one where we are on pages whose path begins with `also`."""
    link = reverse_lazy(f"admin:{route}")

    def matched(path: str) -> int:
        """How many letters of `path` this line stands for; 0 where it does not."""
        home = reverse("admin:index")
        if route == "index":
            return len(path) if path == home else 0
        begins = (str(link), *(home + other for other in also))
        return max((len(one) for one in begins if path.startswith(one)), default=0)

    def is_active(request: HttpRequest) -> bool:
        # a page may lie below another line's list: the line that says most of its path has it
        here = matched(request.path)
        return here > 0 and here == max(line(request.path) for line in _LINES)

    _LINES.append(matched)
    item: dict[str, Any] = {"title": title, "icon": icon, "link": link, "active": is_active}
    if permission is not None:
        item["permission"] = _may(permission)
    return item


def _list(
    title: str, icon: str, app: str, model: str, also: tuple[str, ...] = ()
) -> dict[str, Any]:
    return _item(title, icon, f"{app}_{model}_changelist", f"{app}.view_{model}", also)


_CUSTOMER_PAGES = ("feedback/outcomewindow/customer/",)
_CAMPAIGN_PAGES = (
    "feedback/outcomewindow/campaign/",
    "campaigns/new/",
    *(f"campaigns/{digit}" for digit in range(1, 10)),
)


def environment(request: HttpRequest) -> list[str] | None:
    """The label at the top of every screen while what follows a campaign is not observed."""
    from customers.models import Source  # noqa: PLC0415 - the settings import this module

    if not request.user.is_staff or not Source.objects.filter(outcomes_simulated=True).exists():
        return None
    return ["Simulated", "warning"]


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Coterie",
    "ENVIRONMENT": "config.menu.environment",
    "SITE_HEADER": "Coterie",
    "SITE_SYMBOL": "diversity_3",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "STYLES": [lambda request: static("coterie/coterie.css")],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("coterie/icon.svg")}
    ],
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
            {"title": "Second factor", "link": reverse_lazy("second_factor:own")},
        ]
    },
    "DASHBOARD_CALLBACK": "feedback.pages.home_context",
    # a blue that stands 4.5:1 against white and against the dark ground
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(74% .14 254.624)",
            "500": "oklch(68% .16 256)",
            "600": "oklch(50% .19 262)",
            "700": "oklch(45% .19 264)",
            "800": "oklch(40% .17 265)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        },
        # Unfold's own subtle grey is 4.0:1; a step darker reads
        "font": {
            "subtle-light": "var(--color-base-600)",
            "subtle-dark": "var(--color-base-300)",
            "default-light": "var(--color-base-700)",
            "default-dark": "var(--color-base-200)",
            "important-light": "var(--color-base-900)",
            "important-dark": "var(--color-base-100)",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {"items": [_item("Home", "home", "index")]},
            {
                "title": "Customers",
                "items": [
                    _list("Customers", "group", "customers", "customer", _CUSTOMER_PAGES),
                    _list("Segments", "pie_chart", "segmentation", "segment"),
                    _item(
                        "Reviews and sentiment",
                        "sentiment_satisfied",
                        "said_page",
                        "segmentation.view_reviewsentiment",
                        ("segmentation/reviewsentiment/",),
                    ),
                    _list("Merges", "merge", "customers", "merge"),
                    _list("Other names", "badge", "customers", "alias"),
                ],
            },
            {
                "title": "Campaigns",
                "items": [
                    _list("Campaigns", "campaign", "campaigns", "campaign", _CAMPAIGN_PAGES),
                    _list("Results", "monitoring", "feedback", "liftestimate"),
                    _list("Deliveries", "outgoing_mail", "campaigns", "delivery"),
                    _list("What came back", "undo", "campaigns", "deliveryreport"),
                ],
            },
            {
                "title": "Learning",
                "items": [
                    _item(
                        "Models", "model_training", "models_page", "segmentation.view_modelversion"
                    ),
                    _item(
                        "Recommendations",
                        "shopping_bag",
                        "recommendations_page",
                        "segmentation.view_recommendationrun",
                        ("segmentation/categoryrule/",),
                    ),
                    _list("Decisions", "rule", "feedback", "retrainingdecision"),
                    _list("Sensitive fields", "balance", "segmentation", "sensitivefield"),
                ],
            },
            {
                "title": "Permission",
                "items": [
                    _list("Data requests", "contact_support", "consent", "datarequest"),
                    _list("Consent log", "verified_user", "consent", "consentevent"),
                    _list("Suppressed", "block", "consent", "suppression"),
                    _list("Wordings", "description", "consent", "wording"),
                    _list("Newsletters", "newspaper", "consent", "topic"),
                    _list("Sign-ups", "how_to_reg", "consent", "signup"),
                    _item("Register", "menu_book", "data_register", "consent.view_datarequest"),
                    _item(
                        "Special data", "shield_lock", "special_data", "consent.view_datarequest"
                    ),
                    _list("Access log", "visibility", "consent", "personaldataaccess"),
                    _list("Breaches", "gpp_maybe", "consent", "breach"),
                    _list("Opt-out probe", "monitor_heart", "consent", "optoutprobe"),
                ],
            },
            {
                "title": "Shop data",
                "collapsible": True,
                "items": [
                    _list("Sources", "storefront", "customers", "source"),
                    _list("API keys", "key", "gateway", "apikey", ("gateway/keys/",)),
                    _list("Webhooks out", "webhook", "webhooks", "endpoint"),
                    _list("Imports", "upload_file", "customers", "import"),
                    _list("Orders", "receipt_long", "customers", "order"),
                    _list("Refunds", "undo", "customers", "refund"),
                    _list("Products", "inventory_2", "customers", "product"),
                    _list("Events", "history", "customers", "event"),
                ],
            },
            {
                "title": "Machine room",
                "collapsible": True,
                "items": [
                    _list("Schedules", "schedule", "django_celery_beat", "periodictask"),
                    _list("Score runs", "scoreboard", "segmentation", "scoregeneration"),
                    _list("Cursors", "bookmark", "customers", "cursor"),
                    _list("Staff", "badge", "auth", "user"),
                    _list("Groups", "groups", "auth", "group"),
                ],
            },
        ],
    },
}
