"""The vocabulary of campaigns and deliveries."""

from django.db import models


class CampaignState(models.TextChoices):
    DRAFT = "DRAFT", "Draft"
    SCHEDULED = "SCHEDULED", "Scheduled"
    RUNNING = "RUNNING", "Running"
    PAUSED = "PAUSED", "Paused"
    CANCELLED = "CANCELLED", "Cancelled"
    FINISHED = "FINISHED", "Finished"


class Targeting(models.TextChoices):
    PROFIT = "PROFIT", "Learn, then mail whom it pays to mail"
    EVERYONE = "EVERYONE", "Everyone in the segment, less the holdout"


class Arm(models.TextChoices):
    """What chance and the model decided, before consent is asked again at hand-over."""

    TREATED = "TREATED", "To be mailed"
    HOLDOUT = "HOLDOUT", "Held out at random"
    NOT_TARGETED = "NOT_TARGETED", "Not targeted: mailing does not pay"
    EXCLUDED = "EXCLUDED", "Not eligible: outside the experiment"


class DeliveryState(models.TextChoices):
    PLANNED = "PLANNED", "Planned"
    CLAIMED = "CLAIMED", "Claimed by a sender"
    SENDING = "SENDING", "Being handed over"
    SENT = "SENT", "Accepted by the mail server"
    DEFERRED = "DEFERRED", "Deferred, will be tried again"
    FAILED = "FAILED", "Refused by the mail server"
    UNKNOWN = "UNKNOWN", "Unknown: a crash hid the answer"
    SKIPPED = "SKIPPED", "Not sent, with a reason"


FINAL_STATES = (
    DeliveryState.SENT,
    DeliveryState.FAILED,
    DeliveryState.UNKNOWN,
    DeliveryState.SKIPPED,
)


class SkipReason(models.TextChoices):
    """Why somebody in the segment got nothing; exactly one each, in this order of priority."""

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
    DUPLICATE_ADDRESS = "DUPLICATE_ADDRESS", "Same address as another customer"
    BAD_EXPERIENCE = "BAD_EXPERIENCE", "A bad review, a complaint or a refund lately"
    FREQUENCY = "FREQUENCY", "Mailed too recently"
    HOLDOUT = "HOLDOUT", "Held out at random"
    NOT_TARGETED = "NOT_TARGETED", "Not chosen: mailing does not pay, or the coin said no"
    CANCELLED = "CANCELLED", "Campaign cancelled"
    RENDER_ERROR = "RENDER_ERROR", "The message could not be rendered"


class ReportKind(models.TextChoices):
    """What came back about a message after it was handed over."""

    DELIVERED = "DELIVERED", "Delivered, says the recipient's server"
    BOUNCED = "BOUNCED", "Bounced"
    COMPLAINED = "COMPLAINED", "Reported as spam"
    UNSUBSCRIBED = "UNSUBSCRIBED", "Unsubscribed at the provider"
    DELAYED = "DELAYED", "Not delivered yet; the mail server goes on trying"
    AUTOREPLY = "AUTOREPLY", "Answered by a machine"
    UNKNOWN = "UNKNOWN", "Something came back that is none of these"


class BounceClass(models.TextChoices):
    HARD = "HARD", "The address does not exist"
    SOFT = "SOFT", "Not delivered this time"
    REPUTATION = "REPUTATION", "About us as a sender"
