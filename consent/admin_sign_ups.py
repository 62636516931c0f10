"""Who asked to be written to, without the address: what staff need when somebody says that no message came."""

from __future__ import annotations

from django.contrib import admin

from consent.models import ServiceMessage, SignUp
from core import clock
from customers import display
from customers.tables import ReadOnlyAdmin, column


@admin.register(SignUp)
class SignUpAdmin(ReadOnlyAdmin):
    list_display = ("asked_at", "form", "language", "stands", "message_label", "confirmed_at")
    list_filter = ("form", "language", ("confirmed_at", admin.EmptyFieldListFilter))
    list_select_related = ("message",)
    ordering = ("-asked_at", "-pk")
    fields = (
        "asked_at", "form", "language", "stands", "message_label", "reply", "expires_at",
        "confirmed_at",
    )  # fmt: skip
    readonly_fields = fields

    @column(
        description="Stands",
        label={"Confirmed": "success", "Waits": "info", "Ran out": "warning"},
    )
    def stands(self, row: SignUp) -> str:
        if row.confirmed_at:
            return "Confirmed"
        return "Waits" if row.address and clock.now() < row.expires_at else "Ran out"

    @column(description="Message", ordering="message__state")
    def message_label(self, row: SignUp) -> str:
        message: ServiceMessage | None = getattr(row, "message", None)
        return display.NOTHING if message is None else message.get_state_display()

    @column(description="The mail server said")
    def reply(self, row: SignUp) -> str:
        message: ServiceMessage | None = getattr(row, "message", None)
        return (message.reply if message else "") or display.NOTHING
