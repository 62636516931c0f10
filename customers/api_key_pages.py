"""Staff make API keys, see what they may do and when they were used, and revoke them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path

from core import clock
from customers import display
from customers.models import Source
from customers.screens import page, row_key, staff_page
from customers.tables import BigTableAdmin, ReadOnlyAdmin, column
from gateway import keys
from gateway.models import ApiKey, Export, IdempotentReply
from gateway.scopes import SCOPES


class NewKeyForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=80,
        help_text="Which program will hold it: “Warehouse”, “Newsletter form”.",
        widget=forms.TextInput(attrs={"class": "ct-input", "autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=[(scope, f"{says} ({scope})") for scope, says in SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
        help_text="As little as the program needs. It cannot be changed later: make a new key instead.",
    )
    source_ids = forms.TypedMultipleChoiceField(
        label="Only these sources (optional)",
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all sources, also those that come later.",
    )
    per_minute = forms.IntegerField(
        label="Requests a minute",
        min_value=1,
        max_value=100_000,
        initial=600,
        help_text="More are answered “too many requests” and may be tried again.",
        widget=forms.NumberInput(attrs={"class": "ct-input"}),
    )
    expires_at = forms.DateTimeField(
        label="Valid until (UTC)",
        required=False,
        help_text="Empty: until somebody revokes it.",
        widget=forms.DateTimeInput(attrs={"class": "ct-input", "type": "datetime-local"}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        field: Any = self.fields["source_ids"]
        field.choices = list(Source.objects.order_by("name").values_list("pk", "name"))
        if not field.choices:
            del self.fields["source_ids"]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if ApiKey.objects.filter(name=name).exists():
            raise forms.ValidationError("There is a key of this name already.")
        return name


@staff_page("gateway.add_apikey")
def new(request: HttpRequest) -> HttpResponse:
    form = NewKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        key, secret = keys.create(**form.cleaned_data, now=clock.now())
        return _show(request, key, secret=secret)
    return page(
        request, "pages/api_key_new.html", title="New API key", opts=ApiKey._meta, form=form,
        status=422 if form.errors else 200,
    )  # fmt: skip


@staff_page("gateway.view_apikey")
def key(request: HttpRequest, key_id: int) -> HttpResponse:
    return _show(request, get_object_or_404(ApiKey, pk=key_id))


@staff_page("gateway.change_apikey")
def revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    found = get_object_or_404(ApiKey, pk=key_id)
    if request.method == "POST":
        with transaction.atomic():
            keys.revoke(found, now=clock.now())
    return redirect("api_key_pages:key", key_id)


def _show(request: HttpRequest, key: ApiKey, *, secret: str = "") -> HttpResponse:
    # a page with a fresh key on it is never stored: the admin's pages are not
    return page(
        request,
        "pages/api_key.html",
        title=key.name,
        opts=ApiKey._meta,
        object=key,
        key=key,
        secret=secret,
        is_valid=key.is_valid(now=clock.now()),
        scopes=[(scope, SCOPES[scope]) for scope in key.scopes if scope in SCOPES],
        sources=Source.objects.filter(pk__in=key.visible_ids).order_by("name"),
        example=f"{request.scheme}://{request.get_host()}/api/v1/key",
    )


app_name = "api_key_pages"
urlpatterns = [
    path("new/", new, name="new"),
    path("<int:key_id>/", key, name="key"),
    path("<int:key_id>/revoke/", revoke, name="revoke"),
]


# ------------------------------------------------------------------ lists
@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("name", "starts_with", "state", "may", "sees", "last_used_at", "created_at")
    search_fields = ("name", "prefix")
    ordering = ("revoked_at", "name")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("gateway.add_apikey")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("api_key_pages:new")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("api_key_pages:key", row_key(object_id))

    @column(description="Starts with")
    def starts_with(self, key: ApiKey) -> str:
        return f"{key.prefix}…"

    @column(
        description="State", label={"Valid": "success", "Revoked": "danger", "Expired": "warning"}
    )
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return "Revoked"
        return "Valid" if key.is_valid(now=clock.now()) else "Expired"

    @column(description="Scopes")
    def may(self, key: ApiKey) -> str:
        return f"{display.number(len(key.scopes))} of {len(SCOPES)}"

    @column(description="Sources")
    def sees(self, key: ApiKey) -> str:
        return display.number(len(key.source_ids)) if key.is_restricted else "All"


@admin.register(Export)
class ExportAdmin(BigTableAdmin):
    list_display = ("kind", "key", "status", "rows", "with_pii", "requested_at", "finished_at")
    list_filter = ("status", "kind")
    list_select_related = ("key",)
    search_fields = ("key__name",)


@admin.register(IdempotentReply)
class IdempotentReplyAdmin(BigTableAdmin):
    """Without the answers themselves: they repeat what customers are called."""

    list_display = ("key", "token", "status", "created_at")
    list_select_related = ("key",)
    search_fields = ("=token",)
    fields = ("key", "token", "status", "created_at", "leased_until", "epoch")
