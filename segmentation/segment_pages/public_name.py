"""What a segment is called to the people in it, who read it on the page of their choices and their data."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from customers.screens import page, staff_page
from segmentation import public_segments
from segmentation.models import Segment


_LABELS = {"en": "In English", "de": "In German", "es": "In Spanish"}


class PublicNameForm(forms.Form):
    """A field a language of the public pages; empty ones are not kept."""

    def __init__(self, *args: Any, segment: Segment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for language in public_segments.LANGUAGES:
            self.fields[language] = forms.CharField(
                required=False,
                max_length=public_segments.LONGEST,
                label=_LABELS[language],
                initial=segment.public_names.get(language, ""),
                widget=forms.TextInput(attrs={"lang": language}),
            )

    def names(self) -> dict[str, str]:
        return {language: name for language, name in self.cleaned_data.items() if name}


@staff_page("segmentation.change_segment")
def public_name(request: HttpRequest, segment_id: int) -> HttpResponse:
    segment = get_object_or_404(Segment, pk=segment_id)
    form = PublicNameForm(request.POST or None, segment=segment)
    if request.method == "POST" and form.is_valid():
        segment.public_names = form.names()
        segment.save(update_fields=["public_names"])
        messages.success(request, "Saved.")
        return redirect("admin:segment_page", segment.pk)
    return page(
        request,
        "pages/segment_public_name.html",
        title=f"What its members read: {segment.name}",
        opts=Segment._meta,
        object=segment,
        segment=segment,
        form=form,
        shown=[
            (_LABELS[language], public_segments.name_of(segment, language=language), language)
            for language in public_segments.LANGUAGES
        ],
        status=422 if form.is_bound else 200,
    )
