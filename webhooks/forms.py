"""The form for an endpoint."""

from __future__ import annotations

from urllib.parse import urlsplit

from django import forms

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
        """Only what can be seen without the network; the address itself is checked at every try."""
        url: str = self.cleaned_data["url"]
        parts = urlsplit(url)
        if parts.scheme != "https":
            raise forms.ValidationError("Begin the address with https://.")
        if parts.username or parts.password:
            raise forms.ValidationError("Leave the name and password out: messages are signed.")
        return url
