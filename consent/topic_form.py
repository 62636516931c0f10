"""The form of a newsletter: its title, and one in each other language of the public pages."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from consent.models import Topic


ELSEWHERE = {"de": "German", "es": "Spanish"}
"""Languages that a title is translated to, by code."""


def _title(name: str) -> forms.CharField:
    return forms.CharField(
        label=f"Title in {name}",
        max_length=100,
        required=False,
        help_text="Shown to people who read the pages in this language; empty: the title above.",
        widget=UnfoldAdminTextInputWidget,
    )


class TopicForm(forms.ModelForm):  # type: ignore[type-arg]
    """Titles of other languages than these stay as they are."""

    title_de = _title(ELSEWHERE["de"])
    title_es = _title(ELSEWHERE["es"])

    class Meta:
        model = Topic
        fields = ("title", "slug", "is_offered")
        help_texts = {
            "title": "In the shop's main language. Whoever agreed before keeps the text that they saw; "
            "a new title makes a new version of it.",
        }

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for code in ELSEWHERE:
            self.fields[f"title_{code}"].initial = self.instance.titles.get(code, "")

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 - as Django has it
        said = {code: self.cleaned_data[f"title_{code}"].strip() for code in ELSEWHERE}
        kept = {code: text for code, text in self.instance.titles.items() if code not in ELSEWHERE}
        self.instance.titles = kept | {code: text for code, text in said.items() if text}
        return super().save(commit)
