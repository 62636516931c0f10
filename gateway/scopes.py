"""What a key may do. A key holds the scopes it was given and nothing else."""

from __future__ import annotations


SCOPES = {
    "customers:read": "Read customers, without names, addresses and traits.",
    "customers:pii": "With customers:read or exports: names, e-mail addresses, phone numbers, traits.",
    "customers:write": "Create and change customers.",
    "orders:read": "Read orders, their lines and refunds, and products.",
    "orders:write": "Create and change orders, refunds and products.",
    "reviews:read": "Read reviews, mentions of the brand and customer-service feedback.",
    "reviews:write": "Create and change reviews, mentions and customer-service feedback.",
    "events:read": "Read what happened to a customer.",
    "events:write": "Add events to a customer's history.",
    "consent:read": "Read consents with their evidence, the texts agreed to, and suppressed addresses.",
    "consent:write": "Record consents and withdrawals, and suppress addresses.",
    "segments:read": "Read segments and who is in them.",
    "segments:write": "Make, change, copy, archive and delete segments; count whom a rule would select.",
    "scores:read": "Read what the models expect of a customer.",
    "campaigns:read": "Read campaigns, without their results.",
    "results:read": "Read what campaigns have caused, with intervals.",
    "exports:read": "Look at this key's exports and download them.",
    "exports:write": "Ask for an export of what the key may read.",
    "requests:read": "Look at data requests of customers.",
    "requests:write": "Make a data request for a customer: a copy, or erasure.",
}
"""Code to what it allows, for the screen on which staff tick them."""
