"""Ways to hand a message over. Adding one is adding a file and a line here."""

from __future__ import annotations

from urllib.parse import urlsplit

from campaigns.channels.base import Channel
from core.registry import Registry


CHANNELS = Registry(
    "channel",
    {
        "smtp": "campaigns.channels.smtp:SmtpChannel",
        "smtps": "campaigns.channels.smtp:SmtpChannel",
        "anymail": "campaigns.channels.provider:ProviderChannel",
        "console": "campaigns.channels.console:ConsoleChannel",
    },
)


def open_channel(url: str) -> Channel:
    """The channel that the scheme of `url` names, up to a plus. Raises UnknownNameError."""
    channel: Channel = CHANNELS.load(urlsplit(url).scheme.partition("+")[0])(url)
    return channel
