"""Forms of the import wizard: which file, what its columns are, and where consent came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from customers.currencies import CURRENCIES
from customers.enums import SourceKind
from customers.importing.dialect import Dialect
from customers.models import Source
from customers.sources import LAYOUTS
from customers.sources.amounts import decimal_sign
from customers.sources.layouts import FileLayout
from customers.sources.people_fields import SPELLINGS as PEOPLE


_TEXT = {"class": "ct-input", "autocomplete": "off"}
DELIMITERS = [(",", "comma ,"), (";", "semicolon ;"), ("\t", "tab"), ("|", "bar |")]
ENCODINGS = [
    ("utf-8-sig", "UTF-8"),
    ("cp1252", "Windows-1252 / Latin-1"),
    ("utf-16", "UTF-16"),
    ("cp1250", "Windows-1250 (Central Europe)"),
    ("cp1251", "Windows-1251 (Cyrillic)"),
]
OFFERED = 300  # columns that the page asks about; each is a field of the form
WITH_CONSENT = ("people", "shopify-customers")

# Headers under which files of order lines often know our fields.
_ORDERS: dict[str, tuple[str, ...]] = {
    "order": ("order", "order no", "order number", "order id", "order_id", "invoice", "invoiceno"),
    "product": ("product", "sku", "article", "item", "product id", "product_id", "stockcode"),
    "quantity": ("quantity", "qty", "amount"),
    "date": ("date", "order date", "created at", "placed at", "placed on", "invoicedate"),
    "price": ("price", "unit price", "unitprice", "unit_price"),
    "customer": ("customer", "customer id", "customer no", "customerid", "customer_id"),
    "name": ("name", "description", "product name", "title"),
    "email": ("email", "e-mail", "email address"),
    "cost": ("cost", "unit cost"),
    "country": ("country",),
    "category": ("category",),
    "currency": ("currency",),
    "status": ("status",),
    "channel": ("channel",),
    "language": ("language",),
    "first_name": ("first name", "first_name"),
    "last_name": ("last name", "last_name"),
}
_GUESSES = {"generic": _ORDERS, "people": PEOPLE}


def layouts() -> list[tuple[str, FileLayout]]:
    return [(name, LAYOUTS.load(name)) for name in LAYOUTS.names()]


def guess(layout: str, columns: Sequence[str]) -> dict[str, str]:
    """The file's column to our field, as its header suggests; each field once."""
    known = {column.strip().lower().replace("_", " "): column for column in columns}
    found: dict[str, str] = {}
    for name, spellings in _GUESSES.get(layout, {}).items():
        for spelling in spellings:
            column = known.get(spelling.replace("_", " "))
            if column is not None and column not in found:
                found[column] = name
                break
    return found


class UploadForm(forms.Form):
    file = forms.FileField(
        label="File",
        help_text="CSV with a header line, or Parquet. Any separator and encoding; up to some gigabytes.",
        widget=forms.ClearableFileInput(attrs={"class": "ct-input"}),
    )
    source = forms.ModelChoiceField(
        queryset=Source.objects.exclude(kind=SourceKind.SIMULATED).order_by("name"),
        label="Of which source",
        required=False,
        empty_label="A new source, named below",
        help_text="Rows are known by their source and their number: choose the same one for the same shop.",
        widget=forms.Select(attrs={"class": "ct-input"}),
    )
    name = forms.CharField(
        label="Name of the new source", max_length=100, required=False,
        widget=forms.TextInput(attrs=_TEXT),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        name = (data.get("name") or "").strip()
        if data.get("source") is None and not name and "source" not in self.errors:
            self.add_error("name", "Choose a source, or name a new one.")
        if data.get("source") is None and Source.objects.filter(name=name).exists():
            self.add_error("name", "There is a source of this name: choose it above.")
        return {**data, "name": name}


class ReadingForm(forms.Form):
    """How the file is read and what its columns mean; a field for each column where a layout maps."""

    delimiter = forms.ChoiceField(label="Separated by", choices=DELIMITERS)
    encoding = forms.ChoiceField(label="Encoding", choices=ENCODINGS)
    currency = forms.CharField(
        label="Currency of the amounts",
        max_length=3,
        initial="EUR",
        help_text="As in EUR, GBP, USD.",
    )
    decimal = forms.ChoiceField(
        label="Amounts are written", choices=[(".", "1,234.50"), (",", "1.234,50")]
    )
    date_format = forms.CharField(
        label="How dates are written", required=False,
        help_text="Only where the guess is wrong: %d.%m.%Y %H:%M for 31.12.2026 23:59.",
    )  # fmt: skip
    place = forms.CharField(
        label="Where did these people agree?", max_length=200, required=False,
        help_text=(
            "Such as “newsletter form on our website”. With it, those who have a time of consent in the file"
            " count as consented. Leave it empty if you cannot prove it: they are then kept as claims, and"
            " not mailed."
        ),
    )  # fmt: skip
    wording = forms.CharField(
        label="Version of the text they agreed to", max_length=50, required=False,
        help_text="As recorded under Wordings. Empty: the shop keeps the text.",
    )  # fmt: skip
    save_as = forms.CharField(
        label="Keep this mapping under the name", max_length=100, required=False,
        help_text="For the next file with these columns.",
    )  # fmt: skip

    shown_columns = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        dialect: Dialect,
        layout: str,
        data: Any = None,
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        said = dict(settings or {})
        mapping = dict(said.get("mapping") or {})
        initial = {
            "delimiter": dialect.delimiter, "encoding": dialect.encoding,
            "currency": mapping.get("currency", "EUR"),
            "date_format": mapping.get("date_format", ""), **dict(said.get("consent") or {}),
        }  # fmt: skip
        names = json.dumps(dialect.columns)
        initial["shown_columns"] = hashlib.sha256(names.encode()).hexdigest()[:16]
        super().__init__(data, initial=initial)
        self.layout: FileLayout = LAYOUTS.load(layout)
        self.layout_name, self.columns = layout, dialect.columns
        if dialect.is_parquet:
            del self.fields["delimiter"], self.fields["encoding"]
        elif dialect.encoding not in dict(ENCODINGS):
            self.fields["encoding"] = forms.ChoiceField(
                label="Encoding", choices=[*ENCODINGS, (dialect.encoding, dialect.encoding)]
            )
        if layout == "generic":
            self._guess_decimal(dialect, mapping)
        else:
            del self.fields["currency"], self.fields["decimal"], self.fields["date_format"]
        if layout not in WITH_CONSENT:
            del self.fields["place"], self.fields["wording"]
        if not self.layout.fields:
            del self.fields["save_as"]
        else:
            self._add_columns(mapping.get("columns"))
        for field in self.fields.values():
            field.widget.attrs["class"] = "ct-input"

    def _add_columns(self, mapped: Mapping[str, str] | None) -> None:
        meanings = [("", "Leave out")] + [
            (field.name, field.name.replace("_", " ") + (" (needed)" if field.required else ""))
            for field in self.layout.fields
        ]
        chosen = (
            {column: field for field, column in mapped.items()}
            if mapped
            else guess(self.layout_name, self.columns)
        )
        for place, column in enumerate(self.columns):
            if place >= OFFERED and column not in chosen:
                continue
            self.fields[f"column_{place}"] = forms.ChoiceField(
                label=column,
                choices=meanings,
                required=False,
                initial=chosen.get(column, ""),
            )

    def _guess_decimal(self, dialect: Dialect, mapping: Mapping[str, Any]) -> None:
        """What the first rows of the amounts say, unless somebody said it already."""
        field = self.fields["decimal"]
        field.initial = mapping.get("decimal", ".")
        if "decimal" in mapping:
            return
        columns = guess(self.layout_name, self.columns)
        places = [
            n for n, name in enumerate(self.columns) if columns.get(name) in {"price", "cost"}
        ]
        sign, example = decimal_sign(row[n] for row in dialect.sample for n in places)
        if sign:
            field.initial = sign
            field.help_text = f"Guessed from “{example}” in the file."
        else:
            field.help_text = "The first amounts of the file do not tell: please look."

    @property
    def plain_fields(self) -> list[forms.BoundField]:
        return [f for f in self if not f.is_hidden and not f.name.startswith("column_")]

    @property
    def column_fields(self) -> list[tuple[int, forms.BoundField]]:
        """With the place of the column in the file."""
        return [
            (int(field.name.removeprefix("column_")), field)
            for field in self
            if field.name.startswith("column_")
        ]

    @property
    def was_for_other_columns(self) -> bool:
        """Whether the answers are about columns of another reading: another separator, another encoding."""
        return self.is_bound and self.data.get("shown_columns") != self["shown_columns"].initial

    def clean_currency(self) -> str:
        code: str = self.cleaned_data["currency"].strip().upper()
        if code not in CURRENCIES:
            raise forms.ValidationError("This is no code of ISO 4217, such as EUR.")
        return code

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        seen: dict[str, str] = {}
        for place, column in enumerate(self.columns):
            field = data.get(f"column_{place}")
            if field and field in seen:
                self.add_error(
                    f"column_{place}",
                    f"“{seen[field]}” is the {field} already. Leave one of them out.",
                )
            elif field:
                seen[field] = column
        missing = [f.name for f in self.layout.fields if f.required and f.name not in seen]
        if missing and self.layout.fields:
            self.add_error(None, f"Choose which column is the {' and which the '.join(missing)}.")
        return data

    def settings(self) -> dict[str, Any]:
        """For Import.settings, of a valid form."""
        data = self.cleaned_data
        said: dict[str, Any] = {
            name: data[name] for name in ("delimiter", "encoding") if data.get(name)
        }
        if self.layout.fields:
            said["mapping"] = {
                "columns": {
                    data[f"column_{place}"]: column
                    for place, column in enumerate(self.columns)
                    if data.get(f"column_{place}")
                }
            }
        if self.layout_name == "generic":
            said["mapping"] |= {"currency": data["currency"], "decimal": data["decimal"]}
            if data["date_format"]:
                said["mapping"]["date_format"] = data["date_format"]
        if self.layout_name in WITH_CONSENT and (data["place"] or data["wording"]):
            said["consent"] = {"place": data["place"].strip(), "wording": data["wording"].strip()}
        return said
