"""What staff do with each kind of data request on its page: the form, and what it sets in motion."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.forms import Form

from consent.desk import requests
from consent.desk.forms import CorrectForm, EraseForm, LiftForm, RestrictForm
from consent.desk.rectifying import FIELDS
from consent.enums import RequestKind
from consent.models import DataRequest


_FORMS: Mapping[str, type[Form]] = {
    RequestKind.ERASURE: EraseForm,
    RequestKind.SHOP_ERASURE: EraseForm,
    RequestKind.RESTRICTION: RestrictForm,
    RequestKind.UNRESTRICTION: LiftForm,
    RequestKind.RECTIFICATION: CorrectForm,
}


def form_of(row: DataRequest, data: Mapping[str, Any] | None = None) -> Form | None:
    """The form of this kind, filled with what is held where that is to be corrected; None: none."""
    if row.kind not in _FORMS:
        return None
    held = {name: getattr(row.customer, name) for name in FIELDS} if row.customer else {}
    return _FORMS[row.kind](data, initial=held)


def act(row: DataRequest, form: Form | None, *, now: datetime) -> None:
    """Carry it out. Raises requests.RequestClosedError."""
    said = form.cleaned_data if form is not None else {}
    if row.kind == RequestKind.RECTIFICATION:
        requests.rectify(row, values=said, now=now)
        return
    if row.kind in {RequestKind.RESTRICTION, RequestKind.UNRESTRICTION}:
        requests.because(row, ground=said.get("ground", ""), note=said.get("note", ""))
    requests.carry_out(row, now=now)
