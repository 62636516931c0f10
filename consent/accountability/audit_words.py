"""What somebody looked at, in words instead of names of routes."""

from __future__ import annotations

from consent.desk.personal_data import holders
from consent.models import PersonalDataAccess
from customers.display import number


_PAGES = {
    "customer_page": "Page of a customer",
    "customer_why": "Reasons for a customer's scores",
    "merge_customer": "Joining two customers",
    "data_request_page": "Data request",
    "data_request_copy": "Copy of a customer's data",
    "export_customer": "Copy of a customer's data",
    "segment_page": "Page of a segment",
    "segment_export": "Members of a segment, as a file",
    "said_page": "What customers say",
    "inbound": "Request of a shop, as it came",
    "tail": "Events of a shop as they come in",
    "rejected": "Refused rows of an import, as a file",
    "preview": "Preview of a campaign",
    "message": "Message of a campaign, as a customer gets it",
    "consent_personaldataaccess_changelist": "Access log",
    "download_export": "Export of the API, as a file",
    "breach": "File of who is affected by a breach",
}
_KINDS = {
    "changelist": "List of {many}",
    "change": "One of {many}",
    "history": "History of one of {many}",
}


def what(row: PersonalDataAccess) -> str:
    """`List of orders`; a page that nobody has named says its route with spaces."""
    name = row.what
    if name in _PAGES:
        return _PAGES[name]
    if name.startswith("second_factor:"):
        _, act, login = name.split(":", 2)
        return f"Second factor of {login}: {act.replace('_', ' ')}"
    if row.via == "KEY":
        return f"API: {name.replace('_', ' ')}"
    model, _, kind = name.rpartition("_")
    many = {
        f"{one.model._meta.app_label}_{one.model._meta.model_name}": one.model._meta.verbose_name_plural
        for one in holders()
    }
    if kind in _KINDS and model in many:
        return _KINDS[kind].format(many=many[model])
    return name.replace("_", " ").capitalize()


def whom(row: PersonalDataAccess) -> str:
    if row.customer_number is not None:
        return f"Customer {row.customer_number}"
    if row.people == 1:
        return "1 customer"
    return f"{number(row.people)} customers" if row.people else "–"
