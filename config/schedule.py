"""Every periodic job on one page: the pulse of the product.

Beat only ticks. Each task looks in the database whether there is something to do, takes it under a
lock, and does nothing otherwise; two beats or a lost tick change nothing. Beat copies this table
into the database when it starts, where the admin shows it and can switch a line off.
"""

from __future__ import annotations

from typing import Any


SCHEDULE: dict[str, dict[str, Any]] = {
    "simulated shops answer": {"task": "customers.tasks.answer_simulated", "schedule": 2.0},
    "shop data: read what came in": {"task": "customers.tasks.read_inbound", "schedule": 1.0},
    "shop data: forget old requests": {
        "task": "customers.tasks.forget_inbound",
        "schedule": 86_400.0,
    },
    "imports: run what waits": {"task": "customers.tasks.run_imports_due", "schedule": 2.0},
    "shop data: fetch from shops": {"task": "customers.tasks.pull_shops", "schedule": 30.0},
    "customers: rows that came during a merge": {
        "task": "customers.tasks.gather_strays",
        "schedule": 300.0,
    },
    "API: write exports": {"task": "customers.tasks.write_exports", "schedule": 2.0},
    "API: forget answers to writes": {"task": "gateway.tasks.forget_replies", "schedule": 600.0},
    "consent: read the ledger": {"task": "consent.tasks.absorb_ledger", "schedule": 2.0},
    "consent: requests about data": {
        "task": "consent.tasks.take_privacy_requests",
        "schedule": 20.0,
    },
    "consent: forget again": {"task": "consent.tasks.forget_again", "schedule": 600.0},
    "consent: end pauses": {"task": "consent.tasks.end_pauses", "schedule": 60.0},
    "consent: forget sign-ups": {"task": "consent.tasks.forget_sign_ups", "schedule": 3_600.0},
    "consent: try out unsubscribing": {"task": "consent.tasks.probe_opt_out", "schedule": 3_600.0},
    "consent: former keys of the suppression list": {
        "task": "consent.tasks.keep_up_peppers",
        "schedule": 30.0,
    },
    "consent: seal the ledger": {"task": "consent.tasks.seal_ledger", "schedule": 3_600.0},
    "consent: delete what is too old": {"task": "consent.tasks.retain", "schedule": 86_400.0},
    "segmentation: scores and segments": {
        "task": "segmentation.tasks.refresh_due",
        "schedule": 2.0,
    },
    "segmentation: what first orders promise": {
        "task": "segmentation.tasks.first_purchases_due",
        "schedule": 30.0,
    },
    "segmentation: recommendations": {
        "task": "segmentation.tasks.recommend_due",
        "schedule": 30.0,
    },
    "segmentation: what reviews say": {
        "task": "segmentation.tasks.sentiment_due",
        "schedule": 30.0,
    },
    "segmentation: customers that changed": {
        "task": "segmentation.tasks.refresh_dirty",
        "schedule": 1.0,
    },
    "segmentation: rule segments": {
        "task": "segmentation.tasks.compute_rules_due",
        "schedule": 2.0,
    },
    "campaigns: freeze and send": {"task": "campaigns.tasks.dispatch_due", "schedule": 1.0},
    "campaigns: what people asked for": {
        "task": "campaigns.tasks.send_service_messages",
        "schedule": 2.0,
    },
    "campaigns: recover what a crash left": {"task": "campaigns.tasks.sweep", "schedule": 10.0},
    "campaigns: what came back": {"task": "campaigns.tasks.read_returns", "schedule": 30.0},
    "feedback: close outcome windows": {
        "task": "feedback.tasks.close_due_windows",
        "schedule": 2.0,
    },
    "webhooks: send what is due": {"task": "webhooks.tasks.send_due", "schedule": 2.0},
    "webhooks: forget old messages": {"task": "webhooks.tasks.forget_old", "schedule": 86_400.0},
    "feedback: look for drift": {"task": "feedback.tasks.check_drift_due", "schedule": 30.0},
    "feedback: forget who has gone": {"task": "feedback.tasks.forget_gone", "schedule": 86_400.0},
    "feedback: retrain": {"task": "feedback.tasks.retrain_due", "schedule": 2.0},
}
for _entry in SCHEDULE.values():
    # a tick that waited longer than the next one is of no use
    _entry["options"] = {"expires": 60.0}
