"""A segment that staff made, managed: its name, a copy, the archive, its end; with why something cannot be done."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from core import clock
from customers.screens import page, staff_page
from segmentation import managing, usage
from segmentation.models import Segment
from segmentation.rule_segments import LONGEST_NAME
from segmentation.segment_pages.draft import LONGEST_DESCRIPTION


TAKEN = "There is a segment of this name already. Choose another one."
_NEEDS = {
    "rename": "change_segment", "archive": "change_segment", "restore": "change_segment",
    "copy": "add_segment", "delete": "delete_segment",
}  # fmt: skip


class NameForm(forms.Form):
    name = forms.CharField(max_length=LONGEST_NAME)
    description = forms.CharField(
        max_length=LONGEST_DESCRIPTION,
        required=False,
        widget=forms.Textarea({"rows": 3, "class": "ct-short ct-words"}),
    )


class DeleteForm(forms.Form):
    checked = forms.BooleanField(
        label="Delete it for good",
        error_messages={"required": "Tick the box: a deleted segment cannot be brought back."},
    )


@staff_page("segmentation.view_segment")
def manage(request: HttpRequest, segment_id: int) -> HttpResponse:
    segment = get_object_or_404(Segment, pk=segment_id)
    act = request.POST.get("do", "") if request.method == "POST" else ""
    if act and not (act in _NEEDS and request.user.has_perm(f"segmentation.{_NEEDS[act]}")):
        raise PermissionDenied
    name_form = NameForm(
        request.POST if act == "rename" else None,
        initial={"name": segment.name, "description": segment.description},
    )
    delete_form = DeleteForm(request.POST if act == "delete" else None)
    if act:
        done = _do(request, segment, act, name_form, delete_form)
        if done is not None:
            return done
    uses = usage.of_segments([segment.pk])[segment.pk]
    return page(
        request,
        "pages/segment_manage.html",
        title=f"Manage {segment.name}",
        opts=Segment._meta,
        object=segment,
        segment=segment,
        name_form=name_form,
        delete_form=delete_form,
        machine_made=managing.not_made_by_staff(segment),
        obstacles=managing.in_the_way(segment),
        past=[one for one in uses if one.is_over],
        status=422 if act else 200,
    )


def _do(
    request: HttpRequest, segment: Segment, act: str, name_form: NameForm, delete_form: DeleteForm
) -> HttpResponse | None:
    """The answer when it was done; None when the page is to say why not."""
    form: forms.Form | None = {"rename": name_form, "delete": delete_form}.get(act)
    if form is not None and not form.is_valid():
        return None
    try:
        with transaction.atomic():
            done, said = _done(segment, act, form.cleaned_data if form else {}, request.user.pk)
    except IntegrityError:
        name_form.add_error("name", TAKEN) if act == "rename" else messages.error(request, TAKEN)
        return None
    except managing.StandsInTheWayError as error:
        messages.error(request, f"Not done. {error}")
        return None
    messages.success(request, said)
    if act == "delete":
        return redirect("admin:segmentation_segment_changelist")
    return redirect("admin:segment_page", done.pk)


def _done(
    segment: Segment, act: str, said: dict[str, Any], user_id: int | None
) -> tuple[Segment, str]:
    now, name = clock.now(), segment.name
    if act == "rename":
        return managing.rename(segment, **said), "Saved."
    if act == "copy":
        made = managing.copy(segment, user_id=user_id, now=now)
        return made, f"“{made.name}” was made as a copy of “{name}”."
    if act == "archive":
        return managing.archive(
            segment, now=now
        ), f"“{name}” is archived. Nobody is in it any more."
    if act == "restore":
        return managing.restore(segment, now=now), f"“{name}” is back."
    return managing.delete(segment, now=now), f"“{name}” is deleted. Who was in it when is kept."
