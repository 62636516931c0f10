"""
What a mail that came back says: RFC 3464 and RFC 5965 first, words only where a server knows neither.

Pure. The order of asking matters: a bounce may call itself auto-replied (RFC 3834 asks it to), and an
answer by a machine never is a bounce.
"""

from __future__ import annotations

import email
import email.header
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime

from campaigns.enums import BounceClass, ReportKind
from campaigns.returns import naming, wording


MAX_BYTES = 1_000_000  # of one mail; what follows is not looked at
_TEXT_BYTES = 20_000  # of a part in which marks and words are looked for
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list"})
_ACTIONS = {
    "failed": ReportKind.BOUNCED,
    "delayed": ReportKind.DELAYED,
    "delivered": ReportKind.DELIVERED,
    "2": ReportKind.DELIVERED,
    "4": ReportKind.DELAYED,
    "5": ReportKind.BOUNCED,
}
_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_ORIGINAL_TYPES = frozenset(
    {"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"}
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one mail says. `marks` name the delivery (returns.naming); `own_id` is the mail's own."""

    kind: ReportKind
    source: str  # dsn, arf or mail
    bounce: BounceClass | None = None
    status: str = ""
    detail: str = ""
    happened_at: datetime | None = None
    marks: tuple[str, ...] = ()
    own_id: str = ""


def read(raw: bytes, *, envelope_recipient: str = "") -> Finding:
    """
    What the mail `raw` says; never raises.

    envelope_recipient: where the mail was delivered to, if the transport tells.
    """
    raw = raw[:MAX_BYTES]
    own_id = ""
    marks = naming.marks(f"<{envelope_recipient}>")
    happened_at = None
    try:
        mail = email.message_from_bytes(raw)
        own_id, happened_at = _header(mail, "Message-ID"), _moment(_header(mail, "Date"))
        marks += _marks(mail)
        said = _said(mail)
    # nobody has promised that a mail is well-formed, and one must not stop the others
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        said = _Said(kind=ReportKind.UNKNOWN, detail=f"cannot be read: {type(error).__name__}")
    return Finding(
        kind=said.kind, source=said.source, bounce=said.bounce, status=said.status,
        detail=_storable(said.detail)[:300],
        happened_at=happened_at, marks=tuple(dict.fromkeys(marks)), own_id=_storable(own_id)[:500],
    )  # fmt: skip


def _storable(text: str) -> str:
    """On one line, without what a database refuses: NUL and the lone surrogates that UTF-7 can spell."""
    return " ".join(text.encode("utf-8", "replace").decode().replace("\x00", " ").split())


@dataclass(frozen=True, kw_only=True)
class _Said:
    kind: ReportKind
    source: str = "mail"
    bounce: BounceClass | None = None
    status: str = ""
    detail: str = ""


def _said(mail: Message) -> _Said:
    parts = {part.get_content_type(): part for part in reversed(list(_walk(mail)))}
    if feedback := parts.get("message/feedback-report"):
        return _complaint(feedback)
    for kind in _STATUS_TYPES:
        if kind in parts:
            return _status_report(parts[kind])
    if "message/disposition-notification" in parts:
        return _Said(kind=ReportKind.AUTOREPLY, detail="read receipt")
    subject = _header(mail, "Subject")
    if wording.is_from_a_mail_server(_header(mail, "From"), mail) and not _is_answer(mail):
        return _bounce_in_words(mail)
    if _is_answer(mail) or wording.is_subject_of_an_answer(subject):
        return _Said(kind=ReportKind.AUTOREPLY, detail=subject)
    return _Said(kind=ReportKind.UNKNOWN, detail=subject)


def _complaint(part: Message) -> _Said:
    fields = _groups(part)[0]
    kind = fields.get("feedback-type", "").lower()
    return _Said(
        kind=ReportKind.COMPLAINED if kind in _COMPLAINTS else ReportKind.UNKNOWN,
        source="arf",
        detail=f"{kind} {fields.get('user-agent', '')}".strip(),
    )


def _status_report(part: Message) -> _Said:
    """Of several recipients, which our messages never have, the ones of a list it was expanded to."""
    groups = [_of_recipient(fields) for fields in _groups(part) if _is_of_recipient(fields)]
    failed = [said for said in groups if said.kind == ReportKind.BOUNCED]
    if not groups:
        return _Said(kind=ReportKind.UNKNOWN, source="dsn", detail="no recipient is named")
    if not failed:
        return groups[0]
    if len(failed) < len(groups) and failed[0].bounce == BounceClass.HARD:
        # the address lives: it was passed on to several, and one of those is dead
        return _Said(
            kind=ReportKind.BOUNCED, source="dsn", bounce=BounceClass.SOFT,
            status=failed[0].status, detail=failed[0].detail,
        )  # fmt: skip
    return failed[0]


def _is_of_recipient(fields: dict[str, str]) -> bool:
    return any(name in fields for name in ("final-recipient", "action", "status"))


def _of_recipient(fields: dict[str, str]) -> _Said:
    diagnostic = fields.get("diagnostic-code", "")
    told = wording.first_status(fields.get("status", ""))
    status = wording.better_status(told, diagnostic)
    action = fields.get("action", "").split(" ")[0].lower() or status[:1]
    kind = _ACTIONS.get(action, ReportKind.UNKNOWN)
    bounced = kind == ReportKind.BOUNCED
    return _Said(
        kind=kind, source="dsn", status=status, detail=diagnostic or fields.get("status", ""),
        bounce=wording.classify(status, diagnostic) if bounced else None,
    )  # fmt: skip


def _bounce_in_words(mail: Message) -> _Said:
    """A mail server that knows no RFC 3464 says it in a text: qmail, old Exim, old Notes."""
    text = wording.before_the_copy("\n".join(_texts(mail)))
    if wording.says_delayed(f"{_header(mail, 'Subject')}\n{text}"):
        return _Said(kind=ReportKind.DELAYED, detail=text)
    if not wording.says_bounced(f"{_header(mail, 'Subject')}\n{text}"):
        return _Said(kind=ReportKind.UNKNOWN, detail=_header(mail, "Subject"))
    status = wording.first_status(text)
    return _Said(
        kind=ReportKind.BOUNCED, status=status, detail=wording.telling_line(text),
        bounce=wording.classify(status, text),
    )  # fmt: skip


def _is_answer(mail: Message) -> bool:
    submitted = _header(mail, "Auto-Submitted").split(";")[0].strip().lower()
    return (
        submitted == "auto-replied"
        or any(mail.get(name) for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder"))
        or _header(mail, "Precedence").lower() in {"auto_reply", "auto-reply"}
        or (submitted not in {"", "no"} and bool(mail.get("In-Reply-To")))
    )


# ---------------------------------------------------------------- the mail's parts
def _walk(mail: Message) -> Iterator[Message]:
    """The parts of the report itself: not those of the message that came back within it."""
    yield mail
    if mail.is_multipart() and mail.get_content_maintype() == "multipart":
        for part in mail.get_payload():
            if isinstance(part, Message):
                yield from _walk(part)


def _texts(mail: Message) -> Iterator[str]:
    for part in _walk(mail):
        if part.get_content_maintype() == "text" and part.get_content_type() not in _ORIGINAL_TYPES:
            yield _text(part)


def _text(part: Message) -> str:
    """The words of a part that is not multipart, decoded as far as they can be."""
    if part.is_multipart():  # message/*: the parser has cut it up
        raw = "\n".join(str(one) for one in part.get_payload())
        return _decoded(raw, _header(part, "Content-Transfer-Encoding").lower())
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return str(part.get_payload())[:_TEXT_BYTES]
    charset = part.get_content_charset() or "utf-8"
    try:
        return payload[:_TEXT_BYTES].decode(charset, "replace")
    except LookupError:
        return payload[:_TEXT_BYTES].decode("latin-1")


def _decoded(raw: str, encoding: str) -> str:
    if encoding not in {"base64", "quoted-printable"}:
        return raw[:_TEXT_BYTES]
    again = email.message_from_string(f"Content-Transfer-Encoding: {encoding}\n\n{raw.strip()}")
    payload = again.get_payload(decode=True)
    return payload.decode("utf-8", "replace")[:_TEXT_BYTES] if isinstance(payload, bytes) else raw


def _groups(part: Message) -> list[dict[str, str]]:
    """The blocks of fields of a report, names in lower case; never empty."""
    blocks = re.split(r"\n\s*\n", _text(part).replace("\r\n", "\n").strip())
    return [
        {
            name.lower(): " ".join(str(value).split())
            for name, value in email.message_from_string(block.strip() + "\n\n").items()
        }
        for block in blocks
    ]


def _marks(mail: Message) -> list[str]:
    """From the headers and the copy of our message first; from the words only if those have none."""
    outer = "\n".join(f"{name}: {value}" for name, value in mail.items())
    copies = [
        "\n".join(str(one) for one in part.get_payload())[:_TEXT_BYTES]
        if part.is_multipart()
        else _text(part)
        for part in _walk(mail)
        if part.get_content_type() in _ORIGINAL_TYPES
    ]
    reports = [
        _text(part)
        for part in _walk(mail)
        if part.get_content_type() in {"message/feedback-report", *_STATUS_TYPES}
    ]
    found = naming.marks("\n".join([outer, *copies, *reports]))
    return found or naming.marks("\n".join(_texts(mail)))


def _header(mail: Message, name: str) -> str:
    value = mail.get(name)
    if value is None:
        return ""
    try:
        pieces = email.header.decode_header(str(value))
        text = "".join(
            piece.decode(charset or "utf-8", "replace") if isinstance(piece, bytes) else piece
            for piece, charset in pieces
        )
    except (LookupError, ValueError):
        text = str(value)
    return " ".join(text.split())


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
