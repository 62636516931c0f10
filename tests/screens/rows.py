"""One row of every table that the admin lists, each with relations of its own (so N+1 shows)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import User

from campaigns.enums import Arm, BounceClass, ReportKind
from campaigns.models import DeliveryReport, Link
from consent.desk import requests
from consent.enums import RequestKind
from consent.models import (
    Breach,
    ConsentEvent,
    ConsentState,
    OptOutProbe,
    PersonalDataAccess,
    ServiceMessage,
    SignUp,
    Suppression,
    Topic,
    Wording,
)
from customers.enums import AliasKind, MergeReason
from customers.models import (
    Alias,
    Cursor,
    Import,
    Merge,
    Refund,
    RejectedRow,
    SavedMapping,
)
from feedback.enums import Metric, Verdict
from feedback.models import LiftEstimate, Outcome, OutcomeWindow, RetrainingDecision
from gateway.models import ApiKey, Export, IdempotentReply
from segmentation import score_partitions
from segmentation.enums import ModelStatus, Sentiment, Task
from segmentation.models import (
    CategoryRule,
    Membership,
    MembershipChange,
    ModelVersion,
    ReviewSentiment,
    Score,
    ScoreGeneration,
)
from segmentation.registry import SensitiveField
from tests.factories.consent import MailableFactory
from tests.factories.customers import (
    NOW,
    CustomerFactory,
    EventFactory,
    OrderFactory,
    OrderLineFactory,
    ProductFactory,
    ReviewFactory,
    SourceFactory,
)
from tests.factories.feedback import FinishedCampaignFactory, deliver
from tests.factories.segmentation import SegmentFactory
from webhooks import endpoints
from webhooks.models import Endpoint


_numbers = count(1)


def shop_import() -> Import:
    return Import.objects.create(
        source=SourceFactory(),
        status="FINISHED",
        started_at=NOW,
        finished_at=NOW,
        lines=3,
        accepted=3,
    )


def wording() -> Wording:
    return Wording.objects.create(
        purpose="MARKETING", channel="EMAIL", version=f"test-{next(_numbers)}", text="Yes please",
        text_sha256="0" * 64, created_at=NOW,
    )  # fmt: skip


def consent_event() -> ConsentEvent:
    return ConsentEvent.objects.create(
        customer=CustomerFactory(), purpose="MARKETING", channel="EMAIL", act="GRANTED",
        basis="CONSENT", wording=wording(), method="form", happened_at=NOW, recorded_at=NOW,
    )  # fmt: skip


def model_version(task: str = Task.CHURN, **fields: Any) -> ModelVersion:
    values = {"status": ModelStatus.RETIRED, "trained_at": NOW, "as_of": NOW, **fields}
    return ModelVersion.objects.create(task=task, number=next(_numbers), **values)


def generation(task: str = Task.CHURN, **fields: Any) -> ScoreGeneration:
    version = model_version(task)
    made = ScoreGeneration.objects.create(
        task=version.task, version=version, as_of=NOW, written_at=NOW, **fields
    )
    score_partitions.make(made.pk)
    return made


def refund() -> Refund:
    order = OrderFactory()
    return Refund.objects.create(
        source=order.source, external_id=f"R{next(_numbers)}", order=order, customer=order.customer,
        refunded_at=NOW, arrived_at=NOW, amount_cents=500,
    )  # fmt: skip


def window() -> OutcomeWindow:
    campaign = FinishedCampaignFactory()
    return OutcomeWindow.objects.create(
        campaign=campaign, starts_at=NOW, ends_at=NOW + timedelta(days=14)
    )


def report_of_a_bounce() -> DeliveryReport:
    delivery = deliver(FinishedCampaignFactory(), Arm.TREATED)
    return DeliveryReport.objects.create(
        key=f"report {delivery.pk}", source="dsn", kind=ReportKind.BOUNCED, bounce=BounceClass.HARD,
        status="5.1.1", happened_at=NOW, arrived_at=NOW, delivery=delivery,
        campaign_id=delivery.campaign_id,
    )  # fmt: skip


def outcome() -> Outcome:
    opened = window()
    return Outcome.objects.create(
        delivery=deliver(opened.campaign, Arm.TREATED), window=opened, orders=1, revenue_cents=2000,
        margin_cents=800, profit_cents=795, clicked=True, unsubscribed=False,
    )  # fmt: skip


def estimate(**fields: Any) -> LiftEstimate:
    values = {
        "campaign": None, "metric": Metric.PROFIT, "treated": 900, "held_out": 100,
        "treated_mean": 30.0, "holdout_mean": 20.0, "difference": 10.0, "low": -5.0, "high": 25.0,
        "total": 9000.0, "sample_ratio_p": 0.4, "verdict": Verdict.NOT_ENOUGH_DATA,
        "sentence": "Not enough data: between −45 and +225.", "estimated_at": NOW, **fields,
    }  # fmt: skip
    values["campaign"] = values["campaign"] or FinishedCampaignFactory()
    return LiftEstimate.objects.create(**values)


def sensitive_field() -> SensitiveField:
    user = User.objects.create_user(f"auditor-{next(_numbers)}")
    return SensitiveField.objects.create(
        name=f"field-{next(_numbers)}", declared_at=NOW, declared_by=user
    )


def category_rule() -> CategoryRule:
    return CategoryRule.objects.create(category=f"category {next(_numbers)}", days_closed=90)


def decision() -> RetrainingDecision:
    return RetrainingDecision.objects.create(
        task=Task.CHURN, decided_at=NOW, trigger="first training", champion=model_version(),
        challenger=model_version(), promoted=True, reason="It beats the baseline.",
    )  # fmt: skip


def sign_up() -> SignUp:
    number = next(_numbers)
    row = SignUp.objects.create(
        address=f"a{number}@example.com", address_hmac=f"{number:064}", mailbox_hmac=f"{number:064}",
        language="en", form="footer", asked_at=NOW, expires_at=NOW + timedelta(days=7),
        nonce=b"n" * 16, token_sha256=f"{number:064}",
    )  # fmt: skip
    ServiceMessage.objects.create(sign_up=row, message_id=f"<s.{number}@x>", created_at=NOW)
    return row


def consent_state() -> ConsentState:
    event = consent_event()
    return ConsentState.objects.create(
        customer=event.customer, purpose="MARKETING", channel="EMAIL", is_granted=True, since=NOW,
        event=event,
    )  # fmt: skip


def api_key() -> ApiKey:
    return ApiKey.objects.create(
        name=f"Key {next(_numbers)}", prefix="cot_abcdef", key_sha256=f"{next(_numbers):064d}",
        scopes=["orders:read"], created_at=NOW,
    )  # fmt: skip


def endpoint() -> Endpoint:
    made, _ = endpoints.create(
        url="https://shop.example/hook", topics=["consent.changed"], description="CRM", now=NOW
    )
    return made


MAKERS: dict[str, Callable[[], Any]] = {
    "gateway.apikey": api_key,
    "gateway.export": lambda: Export.objects.create(key=api_key(), kind="ORDERS", requested_at=NOW),
    "gateway.idempotentreply": lambda: IdempotentReply.objects.create(
        key=api_key(), token="a", fingerprint="0" * 64, created_at=NOW, leased_until=NOW
    ),
    "customers.source": SourceFactory,
    "customers.import": shop_import,
    "customers.rejectedrow": lambda: RejectedRow.objects.create(
        source_import=shop_import(), entity="orders", line_number=7, reason="bad date", raw="x;y"
    ),
    "customers.customer": MailableFactory,
    "customers.product": ProductFactory,
    "customers.order": OrderFactory,
    "customers.orderline": OrderLineFactory,
    "customers.refund": refund,
    "customers.review": lambda: ReviewFactory(product=ProductFactory()),
    "customers.event": EventFactory,
    "customers.cursor": lambda: Cursor.objects.create(reader=f"reader {next(_numbers)}"),
    "customers.alias": lambda: Alias.objects.create(
        source=SourceFactory(),
        kind=AliasKind.USER,
        value="7",
        customer=CustomerFactory(),
        created_at=NOW,
    ),
    "customers.merge": lambda: Merge.objects.create(
        survivor=CustomerFactory(),
        absorbed=CustomerFactory(),
        reason=MergeReason.STAFF,
        merged_at=NOW,
    ),
    "customers.savedmapping": lambda: SavedMapping.objects.create(
        name=f"mapping {next(_numbers)}", layout="generic", columns=["Order no"], created_at=NOW
    ),
    "webhooks.endpoint": endpoint,
    "webhooks.message": lambda: endpoints.send_test(endpoint(), now=NOW).message,
    "webhooks.post": lambda: endpoints.send_test(endpoint(), now=NOW),
    "consent.wording": wording,
    "consent.consentevent": consent_event,
    "consent.consentstate": consent_state,
    "consent.suppression": lambda: Suppression.objects.create(
        address_hmac=f"{next(_numbers):064d}", reason="COMPLAINT", created_at=NOW
    ),
    "consent.topic": lambda: Topic.objects.create(
        slug=f"topic-{next(_numbers)}", title="Garden", created_at=NOW
    ),
    "consent.signup": sign_up,
    "consent.breach": lambda: Breach.objects.create(
        noticed_at=NOW, due_at=NOW, selection={"user": "clerk"}, people=3, looks=2
    ),
    "consent.personaldataaccess": lambda: PersonalDataAccess.objects.create(
        at=NOW, actor="ada", action="VIEW", what="customers_customer_changelist"
    ),
    "consent.optoutprobe": lambda: OptOutProbe.objects.create(at=NOW),
    "consent.datarequest": lambda: requests.ask(
        kind=RequestKind.ERASURE, customer=MailableFactory(), requested_by="officer", now=NOW
    ),
    "segmentation.segment": SegmentFactory,
    "segmentation.membership": lambda: Membership.objects.create(
        segment=SegmentFactory(), customer=CustomerFactory(), joined_at=NOW
    ),
    "segmentation.membershipchange": lambda: MembershipChange.objects.create(
        segment=SegmentFactory(), customer=CustomerFactory(), joined=True, changed_at=NOW
    ),
    "segmentation.modelversion": model_version,
    "segmentation.scoregeneration": generation,
    "segmentation.score": lambda: Score.objects.create(
        generation=generation(), customer=CustomerFactory(), value=0.5
    ),
    "segmentation.reviewsentiment": lambda: ReviewSentiment.objects.create(
        review=ReviewFactory(product=ProductFactory()),
        label=Sentiment.POSITIVE,
        polarity=0.8,
        scored_at=NOW,
        withheld=False,
        lexicon=1,
    ),
    "campaigns.campaign": FinishedCampaignFactory,
    "campaigns.delivery": lambda: deliver(FinishedCampaignFactory(), Arm.TREATED),
    "campaigns.deliveryreport": report_of_a_bounce,
    "campaigns.link": lambda: Link.objects.create(
        campaign=FinishedCampaignFactory(), position=1, url="https://shop.example/"
    ),
    "feedback.outcomewindow": window,
    "feedback.outcome": outcome,
    "feedback.liftestimate": estimate,
    "feedback.retrainingdecision": decision,
    "segmentation.sensitivefield": sensitive_field,
    "segmentation.categoryrule": category_rule,
}
