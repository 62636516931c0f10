"""What a new campaign starts with: a message that is complete and only wants its own words."""

from __future__ import annotations

from typing import Any

from django.conf import settings


SUBJECT = 'Something for you, {{ customer.first_name | default: "friend" }}'

BODY = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>News from our shop</title>
</head>
<body style="margin:0; background:#f3f4f6; font-family:Arial,Helvetica,sans-serif; font-size:16px; line-height:1.5; color:#1f2937">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:560px; table-layout:fixed; background:#ffffff; border-radius:8px">
<tr><td style="padding:32px; overflow-wrap:break-word">
  <h1 style="margin:0 0 16px; font-size:24px; line-height:1.3">Hello {{ customer.first_name | default: "there" }},</h1>
  <p style="margin:0 0 16px">we have put aside a few things that we think you will like.</p>
  {% if discount_percent > 0 %}<p style="margin:0 0 16px"><strong>{{ discount_percent }} % off</strong> everything until the end of the week.</p>{% endif %}
  <p style="margin:0 0 24px"><a href="https://shop.example/new" style="display:inline-block; padding:12px 20px; background:#1d4ed8; color:#ffffff; text-decoration:none; border-radius:6px">See what is new</a></p>
  <p style="margin:0">Yours,<br>the people of the shop</p>
</td></tr>
<tr><td style="padding:20px 32px; border-top:1px solid #e5e7eb; font-size:14px; color:#4b5563">
  You get this message because you agreed to news from us.
  <a href="{{ unsubscribe_url }}" style="color:#1d4ed8">Unsubscribe</a> ·
  <a href="{{ preferences_url }}" style="color:#1d4ed8">Your choices and your data</a><br>
  {{ shop.postal_address }}
</td></tr>
</table>
</td></tr></table>
</body>
</html>
"""

HELP = (
    'Write {{ customer.first_name | default: "there" }} where the name goes, so that people without '
    "one are greeted too. {{ unsubscribe_url }} and {{ shop.postal_address }} must be in it. "
    "The text part is made from it."
)


def defaults() -> dict[str, Any]:
    """Initial values of a new campaign's form."""
    return {
        "subject": SUBJECT,
        "body_html": BODY,
        "from_name": "The shop",
        "from_email": f"news@{settings.MESSAGE_ID_DOMAIN}",
    }
