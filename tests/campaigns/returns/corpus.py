"""Fifty mails as they come back, and what each of them says."""

from __future__ import annotations

from pathlib import Path


FOLDER = Path(__file__).parent / "mails"

# name of the file -> kind, class of bounce, status
SAID = {
    "01-postfix-user-unknown": "BOUNCED HARD 5.1.1",
    "02-gmail-no-such-user": "BOUNCED HARD 5.1.1",
    "03-exchange-online-resolver": "BOUNCED HARD 5.1.10",
    "04-exim-report-unrouteable": "BOUNCED HARD 5.0.0",
    "05-postfix-no-such-domain": "BOUNCED SOFT 5.4.4",
    "06-null-mx": "BOUNCED HARD 5.1.10",
    "07-mailbox-full": "BOUNCED SOFT 5.2.2",
    "08-yahoo-mailbox-disabled": "BOUNCED SOFT 5.2.1",
    "09-message-too-large": "BOUNCED SOFT 5.3.4",
    "10-expired-after-five-days": "BOUNCED SOFT 4.4.1",
    "11-postfix-delayed": "DELAYED - 4.4.1",
    "12-delivered-as-asked": "DELIVERED - 2.0.0",
    "13-relayed-to-somebody-silent": "UNKNOWN - 2.1.9",
    "14-gmail-unauthenticated": "BOUNCED REPUTATION 5.7.26",
    "15-outlook-bulk-sender-rules": "BOUNCED REPUTATION 5.7.515",
    "16-gmail-rate-4728-then-expired": "BOUNCED REPUTATION 4.7.28",
    "17-spamhaus-as-5-1-1": "BOUNCED REPUTATION 5.1.1",
    "18-outlook-s3140": "BOUNCED REPUTATION 5.7.1",
    "19-web-de-policy-without-code": "BOUNCED REPUTATION 5.0.0",
    "20-sender-address-refused": "BOUNCED REPUTATION 5.1.8",
    "21-office365-access-denied": "BOUNCED SOFT 5.4.1",
    "22-hotmail-mailbox-unavailable": "BOUNCED SOFT 5.5.0",
    "23-status-generic-words-certain": "BOUNCED HARD 5.0.0",
    "24-status-missing-action-failed": "BOUNCED HARD 5.1.1",
    "25-action-missing": "BOUNCED HARD 5.1.1",
    "26-status-base64": "BOUNCED HARD 5.1.1",
    "27-status-quoted-printable": "BOUNCED HARD 5.1.2",
    "28-list-with-one-dead-member": "BOUNCED SOFT 5.1.1",
    "29-forwarded-to-full-mailbox": "BOUNCED SOFT 5.2.2",
    "30-global-delivery-status": "BOUNCED HARD 5.1.1",
    "31-no-verp-message-id-only": "BOUNCED HARD 5.1.1",
    "32-ip-address-is-no-status": "BOUNCED SOFT 5.0.0",
    "33-qmail": "BOUNCED HARD 5.1.1",
    "34-exim-old": "BOUNCED HARD -",
    "35-exim-old-delay": "DELAYED - -",
    "36-german-unzustellbar": "BOUNCED HARD -",
    "37-blocked-in-words": "BOUNCED REPUTATION -",
    "38-nothing-known": "BOUNCED SOFT -",
    "39-postmaster-newsletter": "UNKNOWN - -",
    "40-arf-abuse": "COMPLAINED - -",
    "41-arf-abuse-redacted": "COMPLAINED - -",
    "42-arf-unsubscribe-link-only": "COMPLAINED - -",
    "43-arf-not-spam": "UNKNOWN - -",
    "44-arf-auth-failure": "UNKNOWN - -",
    "45-vacation-rfc3834": "AUTOREPLY - -",
    "46-outlook-automatic-reply": "AUTOREPLY - -",
    "47-german-abwesenheit": "AUTOREPLY - -",
    "48-autoresponder-left-the-company": "AUTOREPLY - -",
    "49-read-receipt": "AUTOREPLY - -",
    "50-a-person-writes-back": "UNKNOWN - -",
}


def mail(name: str, *, verp: str, message_id: str, unsubscribe_url: str) -> bytes:
    """The mail with the marks of one delivery, lines ended by CRLF."""
    text = (FOLDER / f"{name}.eml").read_text()
    for mark, value in (
        ("verp", verp), ("message_id", message_id), ("unsubscribe_url", unsubscribe_url),
    ):  # fmt: skip
        text = text.replace("{{" + mark + "}}", value)
    return text.replace("\n", "\r\n").encode()
