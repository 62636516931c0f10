"""The vocabulary of shop data. Codes are stored; labels are shown."""

from django.db import models


class SourceKind(models.TextChoices):
    SIMULATED = "SIMULATED", "Simulated shop"
    UCI = "UCI", "UCI Online Retail file"
    CSV = "CSV", "CSV file with a mapping"


class ImportStatus(models.TextChoices):
    RUNNING = "RUNNING", "Running"
    FINISHED = "FINISHED", "Finished"
    FAILED = "FAILED", "Failed, nothing imported"


class OrderStatus(models.TextChoices):
    PLACED = "PLACED", "Placed"  # counts as a sale
    CANCELLED = "CANCELLED", "Cancelled"  # kept, and never a sale


class EventKind(models.TextChoices):
    SITE_VISIT = "SITE_VISIT", "Visited the site"
    PRODUCT_VIEW = "PRODUCT_VIEW", "Viewed a product"
    CART = "CART", "Put in the cart"
    SEARCH = "SEARCH", "Searched"
    WISHLIST = "WISHLIST", "Put on the wish list"
    DELIVERED = "DELIVERED", "Message accepted by the mail server"
    OPENED = "OPENED", "Message opened"
    CLICKED = "CLICKED", "Clicked a link"
    BOUNCED = "BOUNCED", "Message bounced"
    COMPLAINED = "COMPLAINED", "Reported as spam"
    UNSUBSCRIBED = "UNSUBSCRIBED", "Unsubscribed"
    CONSENT_GIVEN = "CONSENT_GIVEN", "Gave consent"
    CONSENT_WITHDRAWN = "CONSENT_WITHDRAWN", "Withdrew consent"
    OTHER = "OTHER", "Other"
