"""Forms with which staff open and set up a source."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from customers.enums import SourceKind
from customers.models import Source


KINDS = [
    (
        SourceKind.SEGMENT,
        "Events: Segment or RudderStack clients, or anything that speaks their format",
    ),
    (SourceKind.SHOPIFY, "Shopify, by webhooks"),
    (SourceKind.WOOCOMMERCE, "WooCommerce, by webhooks"),
    (SourceKind.CSV, "Files: CSV or Parquet"),
]
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+")


class NewSourceForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=100,
        help_text="As your team calls it: “Webshop”, “Shop in France”.",
        widget=forms.TextInput(attrs={"class": "ct-input", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(
        label="Where its data comes from", choices=KINDS, widget=forms.RadioSelect
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if Source.objects.filter(name=name).exists():
            raise forms.ValidationError("There is a source of this name already.")
        return name


class SourceForm(forms.Form):
    """What may be changed later; which fields there are depends on the kind."""

    silent_after_hours = forms.IntegerField(
        label="Warn after so many hours without a word",
        min_value=0,
        max_value=24 * 365,
        help_text="0 never warns.",
        widget=forms.NumberInput(attrs={"class": "ct-input"}),
    )
    allowed_origins = forms.CharField(
        label="Pages that may use the browser key",
        required=False,
        help_text="One a line, such as https://www.shop.example. Empty: any page.",
        widget=forms.Textarea(attrs={"class": "ct-input ct-short", "rows": 3}),
    )
    consent_meta_key = forms.CharField(
        label="Box by which people agree to marketing",
        required=False,
        max_length=200,
        help_text="Its key in the orders' meta_data. By naming it you say that the box means consent.",
        widget=forms.TextInput(attrs={"class": "ct-input", "autocomplete": "off"}),
    )
    language = forms.RegexField(
        r"^[a-z]{2,3}\Z",
        label="Language of the reviews",
        required=False,
        help_text="Two letters, such as en; reviews do not say it themselves.",
        widget=forms.TextInput(attrs={"class": "ct-input", "autocomplete": "off"}),
    )
    secret = forms.CharField(
        label="Signing secret",
        required=False,
        max_length=500,
        help_text="As the shop shows it. Leave it empty to keep the one there is; it is never shown.",
        widget=forms.PasswordInput(attrs={"class": "ct-input", "autocomplete": "off"}),
    )

    def __init__(self, source: Source, data: Any = None) -> None:
        super().__init__(
            data,
            initial={
                "silent_after_hours": source.silent_after_hours,
                "allowed_origins": "\n".join(source.settings.get("allowed_origins", [])),
                "consent_meta_key": source.settings.get("consent_meta_key", ""),
                "language": source.settings.get("language", ""),
            },
        )
        if source.kind != SourceKind.SEGMENT:
            del self.fields["allowed_origins"]
        if source.kind != SourceKind.WOOCOMMERCE:
            del self.fields["consent_meta_key"], self.fields["language"]
        if source.kind not in {SourceKind.SHOPIFY, SourceKind.WOOCOMMERCE}:
            del self.fields["secret"]

    def clean_allowed_origins(self) -> list[str]:
        origins = [
            line.strip().rstrip("/") for line in self.cleaned_data["allowed_origins"].split()
        ]
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise forms.ValidationError(
                    f"“{origin}” is no origin. Write https:// and the server's name, without a path."
                )
        return origins
