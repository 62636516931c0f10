"""
A provider's HTTP interface, by django-anymail: COTERIE_SMTP_URL=anymail+postmark:// and the like.

Credentials stand in COTERIE_ANYMAIL, as anymail names them. The message goes as its parts and not as
bytes: the provider makes the MIME, signs it with its own DKIM key and takes the bounces; what becomes of
it comes back by webhook (campaigns.returns.providers). Our Message-ID travels as metadata.
"""

from __future__ import annotations

import email
import email.policy
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives, get_connection

from campaigns.channels.base import ACCEPTED_AS, ChannelError, Letter, Verdict


METADATA = "coterie_message"
"""Name of the metadata that carries our Message-ID to the provider and back."""
_HEADERS = (
    "Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Precedence",
    "Auto-Submitted", "Feedback-ID",
)  # fmt: skip


def provider_name(url: str) -> str:
    """`postmark` of anymail+postmark://; a scheme has no underscores: amazon-ses is amazon_ses."""
    name = urlsplit(url).scheme.partition("+")[2].replace("-", "_")
    return {"ses": "amazon_ses", "sesv2": "amazon_ses"}.get(name, name)


class ProviderChannel:
    def __init__(self, url: str) -> None:
        self.name = provider_name(url)
        self._backend: Any = None

    def connect(self) -> None:
        if self._backend is not None:
            return
        try:
            backend = get_connection(f"anymail.backends.{self.name}.EmailBackend")
            backend.open()
        except (ImportError, ImproperlyConfigured) as error:
            raise ChannelError(
                f"{self.name} cannot be used: {error}", verdict=Verdict.UNREACHABLE
            ) from error
        self._backend = backend

    def send(self, letter: Letter, **_: Any) -> str:
        from anymail.exceptions import (  # noqa: PLC0415 - 0.2 s for who uses a provider
            AnymailError,
            AnymailRecipientsRefused,
        )

        self.connect()
        message = _message(letter)
        message.connection = self._backend
        try:
            message.send()
        except AnymailRecipientsRefused as error:
            raise ChannelError(f"{self.name}: {error}"[:280], verdict=Verdict.PERMANENT) from error
        except AnymailError as error:
            raise _refusal(self.name, error) from error
        return f"{ACCEPTED_AS}{message.anymail_status.message_id or ''}".strip()

    def close(self) -> None:
        backend, self._backend = self._backend, None
        if backend is not None:
            backend.close()


def _message(letter: Letter) -> Any:
    parsed = email.message_from_bytes(letter.content, policy=email.policy.default)
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    message = EmailMultiAlternatives(
        subject=str(parsed["Subject"]),
        body=text.get_content() if text else "",
        from_email=str(parsed["From"]),
        to=[str(parsed["To"])],
        headers={name: str(parsed[name]) for name in _HEADERS if parsed[name]},
    )
    if html:
        message.attach_alternative(html.get_content(), "text/html")
    message.metadata = {METADATA: str(parsed["Message-ID"])}  # type: ignore[attr-defined]
    return message


def _refusal(name: str, error: Any) -> ChannelError:
    """
    What an error of the interface means: where the request may have arrived, it is AMBIGUOUS.

    Credentials (401, 403) stop the campaign at once. Other 4xx are about us too (a sender that was not
    confirmed, an account that was not paid): never about an address, for refused ones anymail has an
    error of its own.
    """
    import requests  # noqa: PLC0415 - anymail has imported it
    from anymail.exceptions import AnymailAPIError  # noqa: PLC0415 - as above

    code = error.status_code
    # not an answer of the interface but anymail's own word: it cannot make such messages
    of_anymail = code is None and not isinstance(error, AnymailAPIError)
    not_asked = isinstance(error, requests.ConnectTimeout) or _never_connected(error)
    if not_asked or of_anymail or code in {401, 403}:
        verdict = Verdict.UNREACHABLE
    elif code in {408, 425, 429, 503}:
        verdict = Verdict.TEMPORARY
    elif code is None or code < 400 or code >= 500:
        verdict = Verdict.AMBIGUOUS
    else:
        verdict = Verdict.REPUTATION
    words = f"{name}: {error}".splitlines()[0][:280]
    return ChannelError(f"{words} {code or ''}".strip(), verdict=verdict)


def _never_connected(error: Any) -> bool:
    """urllib3's word that no connection was made stands at the end of the chain of causes."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        if type(cause).__name__ in {"NewConnectionError", "NameResolutionError"}:
            return True
        reason = getattr(cause, "reason", None)
        if isinstance(reason, BaseException):
            cause = reason
        else:
            first = cause.args[0] if cause.args else None
            cause = first if isinstance(first, BaseException) else cause.__cause__
    return False
