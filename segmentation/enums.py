"""The vocabulary of segments and models."""

from django.db import models


class SegmentKind(models.TextChoices):
    EVERYONE = "EVERYONE", "Every customer"
    RFM = "RFM", "Recency, frequency, money"
    CLUSTER = "CLUSTER", "Cluster of similar customers"
    SCORE = "SCORE", "A band of a score"
    RULE = "RULE", "Rule"
    STATIC = "STATIC", "Fixed list"


MADE_BY_STAFF = (SegmentKind.RULE, SegmentKind.STATIC)
"""These are not computed with the scores: staff say who is in them, by a rule or once for all."""


class SegmentStatus(models.TextChoices):
    """Whether the stored members are those that the definition asks for."""

    OK = "OK", "Up to date"
    REFRESHING = "REFRESHING", "Being computed"
    STALE = "STALE", "Waiting to be computed"
    FAILED = "FAILED", "Failed"


class Task(models.TextChoices):
    CHURN = "CHURN", "Churn: no order in the next 90 days"
    PURCHASE = "PURCHASE", "Purchase: an order in the next 30 days"
    RESPONSE = "RESPONSE", "Response: an order after a message"
    UPLIFT = "UPLIFT", "Uplift: orders caused by a message"
    LIFETIME = "LIFETIME", "Lifetime value: spend in the next 365 days"
    CLUSTERS = "CLUSTERS", "Clusters of customers"
    SENTIMENT = "SENTIMENT", "Sentiment: what texts say"
    FIRST_PURCHASE = "FIRST", "First purchase: the segment that a first order leads to"
    RECOMMEND = "RECOMMEND", "Recommendations: what a customer buys next"


class Measure(models.TextChoices):
    """What a model says beside what its task is named for; scores of their own."""

    ORDERS = "ORDERS", "Orders in the next 365 days"
    NEXT_ORDER = "NEXT_ORDER", "Days until the next order"


class ModelStatus(models.TextChoices):
    CHALLENGER = "CHALLENGER", "Challenger"
    CHAMPION = "CHAMPION", "Champion"
    RETIRED = "RETIRED", "Retired"
    REJECTED = "REJECTED", "Rejected"
    REFUSED = "REFUSED", "Refused: not enough data"


class Sentiment(models.TextChoices):
    POSITIVE = "POSITIVE", "Positive"
    NEUTRAL = "NEUTRAL", "Neutral"
    NEGATIVE = "NEGATIVE", "Negative"
    NOT_SCORED = "NOT_SCORED", "Not scored"
