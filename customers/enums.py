"""The vocabulary of shop data. Codes are stored; labels are shown."""

from django.db import models


class SourceKind(models.TextChoices):
    SIMULATED = "SIMULATED", "Simulated shop"
    UCI = "UCI", "UCI Online Retail file"
    CSV = "CSV", "CSV file with a mapping"
    SEGMENT = "SEGMENT", "Events in Segment's format"
    SHOPIFY = "SHOPIFY", "Shopify webhooks"
    WOOCOMMERCE = "WOOCOMMERCE", "WooCommerce webhooks"
    API = "API", "Coterie's own API"


class Power(models.TextChoices):
    """What a source's key may do; a browser key can be read by anybody who opens the shop's pages."""

    SERVER = "SERVER", "Server key: everything"
    BROWSER = "BROWSER", "Browser key: behaviour only"


class InboundStatus(models.TextChoices):
    RECEIVED = "RECEIVED", "Received, not yet read"
    DONE = "DONE", "Taken in"
    PARTLY = "PARTLY", "Taken in, some items rejected"
    REJECTED = "REJECTED", "Rejected"
    WAITING = "WAITING", "Waiting for what it refers to"
    IGNORED = "IGNORED", "Nothing in it concerns us"


class AliasKind(models.TextChoices):
    USER = "USER", "The source's number of a person"
    ANONYMOUS = "ANONYMOUS", "A visitor's anonymous id"


class MergeReason(models.TextChoices):
    ALIAS = "ALIAS", "The source said that both are one person"
    SAME_ADDRESS = "SAME_ADDRESS", "The same e-mail address"
    STAFF = "STAFF", "Merged by staff"


class ReviewKind(models.TextChoices):
    REVIEW = "REVIEW", "Product review"
    MENTION = "MENTION", "Mention of the brand"
    SERVICE = "SERVICE", "Customer-service feedback"


class ImportStatus(models.TextChoices):
    DRAFT = "DRAFT", "Being set up"
    QUEUED = "QUEUED", "Waiting for a worker"
    RUNNING = "RUNNING", "Running"
    FINISHED = "FINISHED", "Finished"
    FAILED = "FAILED", "Failed, nothing imported"
    UNDONE = "UNDONE", "Undone"


class OrderStatus(models.TextChoices):
    PLACED = "PLACED", "Placed"  # counts as a sale; the only status that does
    PENDING = "PENDING", "Not paid yet"
    CANCELLED = "CANCELLED", "Cancelled"  # kept, and never a sale
    TEST = "TEST", "Test order"


class EventKind(models.TextChoices):
    SITE_VISIT = "SITE_VISIT", "Visited the site"
    PRODUCT_VIEW = "PRODUCT_VIEW", "Viewed a product"
    CART = "CART", "Put in the cart"
    CART_REMOVED = "CART_REMOVED", "Took out of the cart"
    CHECKOUT = "CHECKOUT", "Went to the checkout"
    COUPON = "COUPON", "Entered a coupon"
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
    CONSENT_CLAIMED = "CONSENT_CLAIMED", "Said to have consented, without proof"
    MERGED = "MERGED", "Another customer was found to be the same person"
    UNMERGED = "UNMERGED", "A merge was undone"
    OTHER = "OTHER", "Other"  # `name` says what
