"""The vocabulary of permission."""

from django.db import models


class Purpose(models.TextChoices):
    MARKETING = "MARKETING", "Promotions and news"
    PROFILING = "PROFILING", "Predictions about me"
    CLICK_TRACKING = "CLICK_TRACKING", "Noting which links I click"


class Channel(models.TextChoices):
    EMAIL = "EMAIL", "E-mail"
    ANY = "ANY", "Not about a channel"  # profiling, tracking


class Act(models.TextChoices):
    GRANTED = "GRANTED", "Granted"
    WITHDRAWN = "WITHDRAWN", "Withdrawn"
    OBJECTED = "OBJECTED", "Objected"


class Basis(models.TextChoices):
    CONSENT = "CONSENT", "Consent"
    NONE = "NONE", "None"


class SuppressionReason(models.TextChoices):
    UNSUBSCRIBED = "UNSUBSCRIBED", "Unsubscribed"
    HARD_BOUNCE = "HARD_BOUNCE", "Address does not exist"
    COMPLAINT = "COMPLAINT", "Reported as spam"
    MANUAL = "MANUAL", "Suppressed by staff"


class Refusal(models.TextChoices):
    """Why the gate says no; one reason a person, in this order of priority."""

    ERASED = "ERASED", "Erased"
    NO_ADDRESS = "NO_ADDRESS", "No e-mail address"
    SUPPRESSED = "SUPPRESSED", "Suppressed: bounced, complained or unsubscribed"
    NO_CONSENT = "NO_CONSENT", "No consent"
