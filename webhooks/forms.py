"""The form for an endpoint."""

from __future__ import annotations

from django import forms
from django.conf import settings

from customers.sources import egress
from webhooks.enums import Topic


CHOICES = [
    (topic.value, f"{topic.label} ({topic.value})") for topic in Topic if topic != Topic.TEST
]


class EndpointForm(forms.Form):
    url = forms.URLField(
        label="Address",
        max_length=500,
        assume_scheme="https",
        help_text="Where your system listens, beginning with https://. No address inside a network.",
        widget=forms.URLInput(attrs={"class": "ct-input", "autocomplete": "off"}),
    )
    description = forms.CharField(
        label="What it is for",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"class": "ct-input"}),
    )
    topics = forms.MultipleChoiceField(
        label="Tell it when", choices=CHOICES, widget=forms.CheckboxSelectMultiple
    )

    def clean_url(self) -> str:
        """Checked again at every try: a name may lead elsewhere tomorrow."""
        url: str = self.cleaned_data["url"]
        try:
            egress.check(url, allow_private=settings.ALLOW_PRIVATE_TARGETS)
        except egress.EgressError as error:
            raise forms.ValidationError(str(error)) from error
        return url
