"""What an empty list says: what will stand here, and what brings it. One place for all lists of the admin."""

from __future__ import annotations


NOTHING_YET = "Nothing is here yet."

WORDS = {
    "auth.group": "A group gives the same permissions to several people.",
    "campaigns.campaign": "No campaign yet. Write the first one; nothing is sent before you launch it.",
    "campaigns.delivery": "Deliveries appear when a campaign is launched: one for each customer of its audience.",
    "campaigns.deliveryreport": "Nothing came back: no bounces, no complaints. They are read from the mailbox and the webhooks of your mail service.",
    "campaigns.link": "Links appear when messages with links are sent.",
    "consent.breach": "No breach was recorded. The command `breach` says whom a leak of data may concern, and records it.",
    "consent.consentevent": "The log begins with the first consent that is given, imported or withdrawn.",
    "consent.consentstate": "Nobody has given or refused a consent yet.",
    "consent.datarequest": "Nobody has asked for their data. Requests can be entered by hand, or come from the preference page.",
    "consent.optoutprobe": "The probe has not run yet. It unsubscribes a made-up address now and then, to see that it works.",
    "consent.personaldataaccess": "Nobody has looked at personal data yet.",
    "consent.signup": "Nobody has signed up yet. Let your shop link to the page /c/sign-up of this address.",
    "consent.suppression": "No address is suppressed. Those that bounced, complained, unsubscribed or were erased will stand here.",
    "consent.topic": "No newsletter yet. Customers can choose among those that you add.",
    "consent.wording": "No wording yet. Consents refer to the words that were shown.",
    "customers.alias": "No customer has a second number. Other names come from merges and from visitors who log in.",
    "customers.cursor": "Nothing was read yet. Each reader keeps its place here.",
    "customers.customer": "No customers yet. Connect your shop under Sources, or bring in a file under Imports.",
    "customers.event": "No events yet. They come from connected sources: views, carts, clicks.",
    "customers.import": "No file was brought in yet. Customers, orders and consents can come as CSV.",
    "customers.merge": "No two customers were found to be one. It is seen when a source says so, when two have one e-mail address, or when staff merge them.",
    "customers.order": "No orders yet. Connect your shop under Sources, or bring in a file under Imports.",
    "customers.orderline": "No order lines yet. They come with orders.",
    "customers.product": "No products yet. They come with orders, product webhooks and files.",
    "customers.refund": "No refunds yet. They come from connected sources and files.",
    "customers.rejectedrow": "No row was refused.",
    "customers.review": "No reviews yet. They come from connected sources and files.",
    "customers.savedmapping": "No mapping of columns was saved yet. You can save one while importing a file.",
    "customers.source": "No source yet. Add your shop to receive its customers and orders.",
    "django_celery_beat.periodictask": "No schedule yet. They are written when beat starts for the first time: with make run.",
    "feedback.liftestimate": "Results appear when the first campaign's time for orders has passed.",
    "feedback.outcome": "Outcomes appear when the first campaign's time for orders has passed.",
    "feedback.outcomewindow": "A window opens with the first campaign that is launched.",
    "feedback.retrainingdecision": "Nothing was trained yet. Models are trained by themselves once there are orders of customers who agreed to profiling.",
    "gateway.apikey": "No key yet. Programs need one for the API.",
    "gateway.idempotentreply": "No call of the API was made with an idempotency key lately.",
    "gateway.export": "Nothing was exported yet.",
    "segmentation.categoryrule": "No rules: for how long a category is closed after a purchase is learned. Add a rule to say it yourself.",
    "segmentation.membership": "Nobody is in a segment yet. Segments are computed within minutes of the first import.",
    "segmentation.membershipchange": "Nobody has come into a segment or left one yet.",
    "segmentation.modelversion": "No model yet. Models are trained by themselves once there is enough to learn from.",
    "segmentation.reviewsentiment": "No text was read yet. Reviews are read within minutes.",
    "segmentation.score": "No scores yet. They need a model, and customers who agreed to profiling.",
    "segmentation.scoregeneration": "Nothing was scored yet. Scores are computed once a day when a model serves.",
    "segmentation.segment": "No segments yet. They are computed within minutes of the first import, while worker and beat run.",
    "segmentation.sensitivefield": "No field is declared sensitive. Models may learn from all features; declare a field to keep them from it and to compare groups.",
    "webhooks.endpoint": "No endpoint yet. Add one to be told of changes as they happen.",
    "webhooks.message": "No message yet: nothing has happened that an endpoint asked for.",
    "webhooks.post": "Nothing was sent to an endpoint yet.",
}


def in_words(label: str) -> str:
    """label: `app.model` in small letters."""
    return WORDS.get(label, NOTHING_YET)
