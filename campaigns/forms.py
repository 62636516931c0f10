"""The forms with which a marketer makes and launches a campaign."""

from __future__ import annotations

import secrets
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.db import transaction

from campaigns import starter
from campaigns.enums import CampaignState, Targeting
from campaigns.models import Campaign
from consent.enums import Purpose
from consent.models import Topic
from core.states import LostRaceError
from segmentation.models import Segment


class SegmentField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Segments by name with their size, so that the choice can be made without leaving the form."""

    def label_from_instance(self, obj: Segment) -> str:
        return f"{obj.name} ({obj.size:,} customers)"


def _purposes() -> list[tuple[str, str]]:
    topics = Topic.objects.order_by("title")
    return [
        (Purpose.MARKETING.value, Purpose.MARKETING.label),
        *((topic.purpose, f"Newsletter: {topic.title}") for topic in topics),
    ]


class CampaignForm(forms.ModelForm):  # type: ignore[type-arg]
    """Shares are typed in per cent and money in the shop's currency; the model stores neither."""

    segment = SegmentField(
        queryset=Segment.objects.in_use().order_by("name"),
        empty_label="Choose a segment",
        label="Send to",
        help_text="Who may not be mailed is left out by itself; the preview shows how many, and why.",
    )
    purpose = forms.ChoiceField(
        choices=_purposes,
        initial=Purpose.MARKETING,
        required=False,
        label="What for",
        help_text="Only who agreed to this gets the message. Unsubscribing from a newsletter ends that one.",
    )
    with_soft_opt_ins = forms.BooleanField(
        required=False,
        label="Offers only own products like those bought: also to buyers who did not refuse",
        help_text="Soft opt-in. Who ever withdrew or objected is left out all the same.",
    )
    targeting = forms.ChoiceField(
        choices=Targeting.choices,
        initial=Targeting.PROFIT,
        widget=forms.RadioSelect,
        label="Whom to mail",
    )
    holdout_percent = forms.DecimalField(
        min_value=1,
        max_value=90,
        decimal_places=1,
        label="Held out (%)",
        help_text="These customers get nothing, by chance. Only by comparing with them can the result be known.",
    )
    explore_percent = forms.DecimalField(
        min_value=0,
        max_value=100,
        decimal_places=1,
        label="Decided by a coin (%)",
        help_text="Of the rest. Keeps Coterie learning where its model is wrong; 10 is a good number.",
    )
    contact_cost = forms.DecimalField(
        min_value=0,
        max_value=1000,
        decimal_places=2,
        help_text="What one message costs to send.",
    )
    unsubscribe_cost = forms.DecimalField(
        min_value=0,
        max_value=10_000,
        decimal_places=2,
        help_text="What losing the right to mail one customer is worth to you.",
    )

    class Meta:
        model = Campaign
        fields = (
            "name",
            "segment",
            "purpose",
            "with_soft_opt_ins",
            "targeting",
            "holdout_percent",
            "explore_percent",
            "min_days_between",
            "rest_after_bad_days",
            "from_name",
            "from_email",
            "subject",
            "body_html",
            "discount_percent",
            "contact_cost",
            "unsubscribe_cost",
            "outcome_days",
        )
        labels = {
            "name": "Name",
            "from_name": "From: name",
            "from_email": "From: address",
            "subject": "Subject",
            "body_html": "Message (HTML with Liquid)",
            "min_days_between": "Rest between messages (days)",
            "rest_after_bad_days": "Rest after a bad experience (days)",
            "discount_percent": "Discount in the message (%)",
            "outcome_days": "Count what happens for (days)",
        }
        help_texts = {
            "name": "For your team; customers do not see it.",
            "from_email": "An address of a domain that your mail server may send for.",
            "subject": "Up to about 50 characters show on a phone. {{ customer.first_name }} works here too.",
            "body_html": starter.HELP,
            "min_days_between": "Customers mailed within this many days are left out; 0 for no limit.",
            "rest_after_bad_days": "Who wrote a bad review, complained or was refunded within this many days gets no offers; 0 for no limit.",
            "discount_percent": "So that the profit is counted after it; 0 when there is none.",
            "outcome_days": "Orders within this time count for the result, of the mailed and of the held out alike.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        instance: Campaign | None = kwargs.get("instance")
        initial: dict[str, Any] = {}
        if instance is None:
            initial |= starter.defaults()
        subject = instance or Campaign()
        initial |= {
            "holdout_percent": round(subject.holdout_share * 100, 1),
            "explore_percent": round(subject.explore_share * 100, 1),
            "contact_cost": Decimal(subject.contact_cost_cents) / 100,
            "unsubscribe_cost": Decimal(subject.unsubscribe_cost_cents) / 100,
        }
        kwargs["initial"] = initial | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        if not settings.SOFT_OPT_IN:
            del self.fields["with_soft_opt_ins"]
        self.fields["contact_cost"].label = f"Cost of a message ({settings.CURRENCY})"
        self.fields["unsubscribe_cost"].label = f"Cost of an unsubscribe ({settings.CURRENCY})"
        self.fields["body_html"].widget.attrs["spellcheck"] = "false"

    def clean_purpose(self) -> str:
        return self.cleaned_data["purpose"] or Purpose.MARKETING.value

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("with_soft_opt_ins") and data.get("purpose") != Purpose.MARKETING:
            self.add_error("with_soft_opt_ins", "A newsletter goes only to who agreed to it.")
        return data

    def save_draft(self, *, now: datetime, user: Any) -> Campaign:
        """
        Store what was typed; a new campaign gets its salt, which makes its chance its own.

        Raises LostRaceError when somebody has launched the campaign since the form was read: what it
        says and to whom is frozen then.
        """
        campaign: Campaign = self.save(commit=False)
        data = self.cleaned_data
        campaign.holdout_share = float(data["holdout_percent"]) / 100
        campaign.explore_share = float(data["explore_percent"]) / 100
        campaign.contact_cost_cents = round(data["contact_cost"] * 100)
        campaign.unsubscribe_cost_cents = round(data["unsubscribe_cost"] * 100)
        if campaign._state.adding:
            campaign.created_at = now
            campaign.created_by = user
            campaign.salt = secrets.token_hex(16)
        with transaction.atomic():
            drafts = Campaign.objects.select_for_update(no_key=True).filter(
                pk=campaign.pk, state=CampaignState.DRAFT
            )
            if campaign.pk and not drafts.exists():
                raise LostRaceError("the campaign has been launched in the meantime")
            campaign.save()
        return campaign


class LaunchForm(forms.Form):
    """The last question before messages go out: when, and above a number, how many."""

    when = forms.ChoiceField(
        choices=[("now", "Now"), ("at", "At a time")],
        widget=forms.RadioSelect,
        initial="now",
        label="When",
    )
    at = forms.DateTimeField(
        required=False,
        label="Date and time (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    typed = forms.CharField(
        required=False,
        label="Number of recipients",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, recipients: int, must_type: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.recipients = recipients
        self.must_type = must_type
        if not must_type:
            del self.fields["typed"]

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        digits = "".join(character for character in typed if character.isdigit())
        if digits != str(self.recipients):
            raise forms.ValidationError(
                f"Type {self.recipients:,} to confirm that so many people get this message."
            )
        return typed

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        if data.get("when") == "at" and not data.get("at") and "at" not in self.errors:
            self.add_error("at", "Say when.")
        return data
