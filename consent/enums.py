"""The vocabulary of permission."""

from django.db import models


class Purpose(models.TextChoices):
    """What somebody may agree to; purposes.py says what each means. Topics of newsletters are data: topics.py."""

    MARKETING = "MARKETING", "Promotions and news"
    PROFILING = "PROFILING", "Predictions about me"
    CLICK_TRACKING = "CLICK_TRACKING", "Noting which links I click"
    RECOMMENDATIONS = "RECOMMENDATIONS", "Products chosen for me"
    REVIEW_FOLLOWUP = "REVIEW_FOLLOWUP", "Questions about my reviews"
    OPEN_TRACKING = "OPEN_TRACKING", "Noting whether I open messages"
    RESEARCH = "RESEARCH", "Surveys and studies"
    SHARING = "SHARING", "Sharing with advertising partners"


NEWSLETTER = "NEWSLETTER:"
"""With the slug of a topic after it, the purpose of that topic's newsletter."""


class Channel(models.TextChoices):
    EMAIL = "EMAIL", "E-mail"
    SMS = "SMS", "Text message"  # recorded; nothing sends text messages yet
    ANY = "ANY", "Not about a channel"  # profiling, tracking


class Act(models.TextChoices):
    GRANTED = "GRANTED", "Granted"
    SOFT_OPT_IN = (
        "SOFT_OPT_IN",
        "Bought, and did not refuse offers",
    )  # no consent: see soft_opt_in.py
    WITHDRAWN = "WITHDRAWN", "Withdrawn"
    OBJECTED = "OBJECTED", "Objected"
    CLAIMED = "CLAIMED", "Claimed, not provable"  # grants nothing
    REFUSED = "REFUSED", "Not accepted"  # a grant that we were told of; `reason` says why not


DECISIVE = (Act.GRANTED, Act.SOFT_OPT_IN, Act.WITHDRAWN, Act.OBJECTED)
"""The acts whose fold is the state of consent; the others are only kept."""


class GrantRefusal(models.TextChoices):
    """Why a grant that a source told us of was not accepted."""

    UNKNOWN_WORDING = "UNKNOWN_WORDING", "Its wording, purpose or channel is not known"
    WITHDREW = "WITHDREW", "The person has withdrawn or objected; an import restores nothing"
    ADDRESS_WITHDREW = "ADDRESS_WITHDREW", "Somebody with the same address has withdrawn"
    SUPPRESSED = "SUPPRESSED", "The address is suppressed; an import lifts nothing"


class Provenance(models.TextChoices):
    """Which way an act came to us; the ledger's word for it, in lower case."""

    WEBHOOK = "webhook", "Webhook"
    TRAIT = "trait", "Trait of a profile"
    IMPORT = "import", "Import"
    API = "api", "API"
    FORM = "form", "Form of the shop"


class Basis(models.TextChoices):
    CONSENT = "CONSENT", "Consent"
    SOFT_OPT_IN = "SOFT_OPT_IN", "A sale to somebody who did not refuse (ePrivacy 13(2))"
    NONE = "NONE", "None"


class SuppressionReason(models.TextChoices):
    UNSUBSCRIBED = "UNSUBSCRIBED", "Unsubscribed"
    HARD_BOUNCE = "HARD_BOUNCE", "Address does not exist"
    SOFT_BOUNCES = "SOFT_BOUNCES", "Bounced on too many days"
    COMPLAINT = "COMPLAINT", "Reported as spam"
    MANUAL = "MANUAL", "Suppressed by staff"
    ERASED = "ERASED", "Erased: not mailed before a fresh consent"


LIFTABLE = (SuppressionReason.UNSUBSCRIBED, SuppressionReason.ERASED)
"""What a fresh consent lifts; nothing lifts a bounce, a complaint or the word of staff."""


class Refusal(models.TextChoices):
    """Why the gate says no; one reason a person, in this order of priority."""

    ERASED = "ERASED", "Erased"
    RESTRICTED = "RESTRICTED", "Restricted: their data is kept and not used"
    UNDER_AGE = "UNDER_AGE", "Under age, by what was declared"
    NO_ADDRESS = "NO_ADDRESS", "No e-mail address"
    SUPPRESSED = "SUPPRESSED", "Suppressed: bounced, complained or unsubscribed"
    NOT_COMPARED = (
        "NOT_COMPARED",
        "Not compared yet with the suppression list under its former keys",
    )
    NO_CONSENT = "NO_CONSENT", "No consent"
    PAUSED = "PAUSED", "Asked for a pause"
    JUST_MERGED = "JUST_MERGED", "Became one with another customer; consent is being read"


class RequestKind(models.TextChoices):
    ACCESS = "ACCESS", "Copy of the data"
    RECTIFICATION = "RECTIFICATION", "Correction"
    RESTRICTION = "RESTRICTION", "Restriction"
    UNRESTRICTION = "UNRESTRICTION", "End of a restriction"
    ERASURE = "ERASURE", "Erasure"
    SHOP_ERASURE = "SHOP_ERASURE", "Erasure of a whole source"


class RequestStatus(models.TextChoices):
    RECEIVED = "RECEIVED", "Received"
    IN_PROGRESS = "IN_PROGRESS", "In progress"
    DONE = "DONE", "Done"
    REFUSED = "REFUSED", "Refused"
