"""Categories of data as people speak of them, and which of the declared tables hold each."""

from __future__ import annotations

from collections.abc import Mapping

from consent.desk.personal_data import holders


CONTACT = "Contact: name, address, e-mail, phone, the shop's numbers"
ORDERS = "Orders: what was bought, paid and sent back"
BEHAVIOUR = "Behaviour: visits, searches and clicks"
WORDS = "Words: reviews, mentions and feedback"
CONSENTS = "Consents: agreements, withdrawals, wishes and suppressed addresses"
MESSAGES = "Messages: what was sent, and what came of it"
CONCLUSIONS = "Conclusions: predictions, segments and recommendations"
RAW = "Raw data: what shops and programs sent or fetched, as it was"
PROOF = "Proof: requests about data, and who looked at or changed it"

_OF: Mapping[str, str] = {
    "customers.Customer": CONTACT,
    "customers.Alias": CONTACT,
    "customers.Merge": CONTACT,
    "customers.Order": ORDERS,
    "customers.OrderLine": ORDERS,
    "customers.Refund": ORDERS,
    "customers.VisitorRow": ORDERS,
    "customers.Event": BEHAVIOUR,
    "customers.VisitorEvent": BEHAVIOUR,
    "customers.Review": WORDS,
    "consent.ConsentState": CONSENTS,
    "consent.ConsentEvent": CONSENTS,
    "consent.SignUp": CONSENTS,
    "consent.Preference": CONSENTS,
    "consent.AddressKey": CONSENTS,
    "consent.Suppression": CONSENTS,
    "campaigns.Delivery": MESSAGES,
    "campaigns.DeliveryReport": MESSAGES,
    "feedback.Outcome": MESSAGES,
    "segmentation.Score": CONCLUSIONS,
    "segmentation.FirstPurchase": CONCLUSIONS,
    "segmentation.JudgedCase": CONCLUSIONS,
    "segmentation.Recommendation": CONCLUSIONS,
    "segmentation.SuppressedCategory": CONCLUSIONS,
    "segmentation.Membership": CONCLUSIONS,
    "segmentation.MembershipChange": CONCLUSIONS,
    "segmentation.SegmentFlip": CONCLUSIONS,
    "segmentation.ReviewSentiment": CONCLUSIONS,
    "segmentation.ReviewAspect": CONCLUSIONS,
    "segmentation.DirtyCustomer": CONCLUSIONS,
    "customers.InboundRequest": RAW,
    "customers.RejectedRow": RAW,
    "customers.ImportChange": RAW,
    "customers.Import": RAW,
    "gateway.IdempotentReply": RAW,
    "gateway.Export": RAW,
    "webhooks.Message": RAW,
    "consent.PersonalDataAccess": PROOF,
    "consent.DataRequest": PROOF,
    "admin.LogEntry": PROOF,
}


def by_category() -> list[tuple[str, list[str]]]:
    """Each category with its tables in words. Raises KeyError for a table that has none yet."""
    found: dict[str, list[str]] = {}
    for holder in sorted(holders(), key=lambda one: one.what):
        found.setdefault(_OF[holder.model._meta.label], []).append(holder.what)
    return sorted(found.items())
