"""Forms of the desk for data requests."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings

from consent.desk.rectifying import FIELDS
from consent.desk.restricting import GROUNDS
from consent.enums import RequestKind
from core import ids
from customers.models import Customer


_SAID = {
    RequestKind.RECTIFICATION: "Correction of name, address or country",
    RequestKind.RESTRICTION: "Restriction: keep the data and do not use it",
}
_KINDS = [
    (kind.value, _SAID.get(kind, kind.label))
    for kind in RequestKind
    if kind is not RequestKind.SHOP_ERASURE
]


class NewRequestForm(forms.Form):
    """What is asked, and by whom: a customer, or an address of which only the keyed hash is kept."""

    kind = forms.ChoiceField(
        choices=_KINDS,
        widget=forms.RadioSelect,
        label="What is asked for",
        error_messages={"required": "Say what is asked for."},
    )
    customer = forms.ModelChoiceField(
        Customer.objects.all(), required=False, widget=forms.HiddenInput
    )
    address = forms.EmailField(
        required=False,
        max_length=320,
        label="E-mail address",
        help_text="Of the person who asks, also when we do not know them. It is not stored.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not cleaned.get("customer") and not cleaned.get("address"):
            raise forms.ValidationError("Say whose data it is about: enter their e-mail address.")
        return cleaned

    def whose(self) -> dict[str, Any]:
        """Arguments of requests.ask."""
        if customer := self.cleaned_data["customer"]:
            return {"customer": customer}
        address = self.cleaned_data["address"]
        return {"address_hmac": ids.address_hmac(address, pepper=settings.SUPPRESSION_PEPPER)}


class EraseForm(forms.Form):
    checked = forms.BooleanField(
        label="I know who asks, and that this cannot be undone",
        error_messages={"required": "Tick this to confirm."},
    )


class RestrictForm(forms.Form):
    """On which ground of the law."""

    ground = forms.ChoiceField(
        choices=list(GROUNDS.items()),
        widget=forms.RadioSelect,
        label="Why",
        error_messages={"required": "Say on which ground."},
    )
    note = forms.CharField(
        max_length=300,
        required=False,
        label="Note",
        help_text="Kept as proof; name nobody.",
        widget=forms.TextInput,
    )


class LiftForm(forms.Form):
    note = forms.CharField(
        max_length=300,
        label="Why it ends",
        error_messages={"required": "Say why it ends."},
        help_text="Kept as proof; name nobody.",
        widget=forms.TextInput,
    )
    checked = forms.BooleanField(
        label="The person was told that it ends",
        error_messages={"required": "The law asks that they are told before (article 18(3))."},
    )


class CorrectForm(forms.Form):
    """What is held, to be corrected; written as it is typed."""

    first_name = forms.CharField(max_length=200, required=False, label=FIELDS["first_name"])
    last_name = forms.CharField(max_length=200, required=False, label=FIELDS["last_name"])
    email = forms.EmailField(max_length=320, required=False, label=FIELDS["email"])
    country = forms.CharField(
        max_length=100,
        required=False,
        label=FIELDS["country"],
        help_text="As the shop writes it, for example DE.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for name, value in cleaned.items():
            if any(ord(character) < 32 for character in value):
                self.add_error(name, "It has a character that is not printed.")
        return cleaned


class RefuseForm(forms.Form):
    why = forms.CharField(
        max_length=300,
        label="Why",
        error_messages={"required": "Say why."},
        help_text="Kept as proof; name nobody.",
        widget=forms.TextInput,
    )
