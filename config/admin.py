"""Skins for the lists that other packages bring: staff, groups and the schedule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_celery_beat.admin import ClockedScheduleAdmin, CrontabScheduleAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as BeatPeriodicTaskAdmin
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from config.models import Authenticator
from config.second_factor import devices
from customers import display


for _model in (
    User,
    Group,
    PeriodicTask,
    IntervalSchedule,
    CrontabSchedule,
    SolarSchedule,
    ClockedSchedule,
    # not registered again: their pages show keys and make devices for others
    TOTPDevice,
    StaticDevice,
):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


admin.site.empty_value_display = display.NOTHING
"""One dash everywhere; Django has a hyphen."""


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "first_name", "last_name", "is_staff", "second_factor")
    readonly_fields = ("second_factor_says",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        has_one = Authenticator.objects.filter(user=OuterRef("pk"), confirmed=True)
        found: QuerySet[User] = super().get_queryset(request).annotate(has_one=Exists(has_one))
        return found

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets
        return (*fieldsets, ("Second factor", {"fields": ("second_factor_says",)}))

    @admin.display(description="Second factor", boolean=True, ordering="has_one")
    def second_factor(self, user: Any) -> bool:
        return bool(user.has_one)

    @admin.display(description="Second factor")
    def second_factor_says(self, user: User) -> str | SafeString:
        if devices.has_one(user):
            link = reverse("second_factor:reset", args=[user.pk])
            return format_html(
                'Set up. <a class="text-primary-600 underline dark:text-primary-500" href="{}">Take it away</a>',
                link,
            )
        return "None, and a role needs one" if devices.is_required(user) else "None"


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BeatPeriodicTaskAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "enabled", "runs", "last_run_at", "total_run_count")
    list_filter = ("enabled",)
    date_hierarchy = None

    @admin.display(description="Runs")
    def runs(self, task: PeriodicTask) -> str:
        """`every day`: nobody reads 86400 seconds."""
        if task.interval is None:
            return str(task.scheduler)
        return f"every {_span(task.interval.schedule.run_every)}"


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds and seconds % size == 0:
            count = seconds // size
            return unit if count == 1 else f"{count} {unit}s"
    return str(length)


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(CrontabSchedule)
class CrontabAdmin(CrontabScheduleAdmin, ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(SolarSchedule)
class SolarAdmin(ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(ClockedSchedule)
class ClockedAdmin(ClockedScheduleAdmin, ModelAdmin):  # type: ignore[misc]
    pass
