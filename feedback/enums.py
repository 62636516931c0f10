"""The vocabulary of results."""

from django.db import models


class Metric(models.TextChoices):
    PROFIT = "PROFIT", "Profit per customer"
    CONVERSION = "CONVERSION", "Customers who ordered"
    REVENUE = "REVENUE", "Revenue per customer"
    MAILED = "MAILED", "Profit per customer chosen for a message"  # lift.effect_on_treated


class Verdict(models.TextChoices):
    HELPED = "HELPED", "It helped"
    HARMED = "HARMED", "It harmed"
    NOT_ENOUGH_DATA = "NOT_ENOUGH_DATA", "Not enough data"
    SAMPLE_RATIO = "SAMPLE_RATIO", "Assignment does not match the plan: do not trust"
