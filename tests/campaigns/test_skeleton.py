"""A template taken apart says what Liquid says, and goes over the wire as the whole text would."""

from __future__ import annotations

import quopri
from typing import Any

import pytest
from liquid.exceptions import LiquidError

from campaigns import merge_fields, mime
from campaigns.skeleton import Skeleton


OWN = ("customer.first_name", "customer.last_name", "unsubscribe_url", "links[0]", "links[1]")


def values(name: str) -> dict[str, Any]:
    return {
        "customer": {"first_name": name, "last_name": ""},
        "unsubscribe_url": "https://shop.example/u?a=1&b=2", "links": ["https://shop.example/", name],
        "shop": {"postal_address": "1 Tea Lane\nLondon & more"}, "discount_percent": 15,
        "recommendations": ({"name": name, "price": "9"}, {"name": "cup", "price": ""}),
    }  # fmt: skip


def own(name: str) -> dict[str, str]:
    told = values(name)
    return {
        "customer.first_name": name, "customer.last_name": "",
        "unsubscribe_url": told["unsubscribe_url"],
        "links[0]": told["links"][0], "links[1]": told["links"][1],
    }  # fmt: skip


def nobody() -> dict[str, Any]:
    return {
        **values(""), "unsubscribe_url": "", "links": ["", ""], "recommendations": (),
    }  # fmt: skip


TEMPLATES = {
    "nothing": "",
    "only text": "Tea\n.\n and  cups \t\nwithout an end ",
    "only a field": "{{ customer.first_name }}",
    "fields in a line": "a {{ customer.first_name }} b {{unsubscribe_url}}{{ links[1] }}\nc\n\n{{ links[0] }}",
    "defaults": "{{ customer.first_name | default: 'a & <b>' }} {{ customer.last_name | default: \"é\" }}\n",
    "the default is a field": "{{ customer.last_name | default: customer.first_name }}",
    "filters": "{{ customer.first_name | upcase | truncate: 5 }}\n{{ discount_percent | plus: 1 }} %\n",
    "the same for all": "{{ shop.postal_address }} {{ discount_percent }}\n{{ 'literal & ' }}{{ 3 }}",
    "conditions": "{% if customer.first_name == '' %}\nnobody\n{% else %}\nx{{ customer.first_name }}\n{% endif %}end\n",
    "a name given anew": "{{ discount_percent }}{% assign discount_percent = 5 %}\n{{ discount_percent }}\n",
    "captured": "{% capture customer %}x{% endcapture %}{{ customer }}\n{% capture unsubscribe_url %}y{% endcapture %}"
    "{{ unsubscribe_url }}",
    "loop": "{% for product in recommendations limit: 2 %}\n* {{ product.name }} {{ product.price }}\n{% endfor %}\n.",
    "blanks cut off": "a  {{- customer.first_name -}}  \n b {%- if discount_percent -%} c {%- endif -%}\n",
    "line ends of all kinds": "a\r\n{{ customer.first_name }}\r\nb\rc{{ customer.first_name }}\r\nd\r",
    "long lines": "é" * 90 + "{{ customer.first_name }}" + "x" * 200 + "\n" + "=" * 80 + "\n" + "y" * 76 + "\n",
}  # fmt: skip
NAMES = [
    "", "Ada", "Zoë <b>&</b> \"'", "é" * 100, "x" * 75, ".", "a\nb", "\n", "\x00", "=3D", " ",
]  # fmt: skip


@pytest.mark.parametrize("html", [True, False], ids=["html", "text"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_taken_apart_says_what_liquid_says(template: str, *, html: bool) -> None:
    source = TEMPLATES[template]
    whole = merge_fields.environment(html=html).from_string(source)
    apart = Skeleton(source, html=html, own=OWN, nobody=nobody())
    for name in NAMES:
        text = whole.render(**values(name))
        filled = apart.fill(own(name), lambda name=name: values(name))
        assert filled.text.replace("\r\n", "\n").replace("\r", "\n") == text  # Liquid's are all \n
        framed = mime.alternative(headers={}, text=text, html="", boundary="=_b")
        assert filled.wire == framed.split(b"quoted-printable\r\n\r\n")[1].split(b"--=_b\r\n")[0]
        assert max(map(len, filled.wire.split(b"\r\n"))) <= 76
        plain = text.encode("utf-8", "replace").replace(b"\x00", b" ")
        assert quopri.decodestring(filled.wire).splitlines() == (plain.splitlines() or [b""])


def test_what_stands_in_every_message_is_known() -> None:
    apart = Skeleton(
        "{{ unsubscribe_url }}{% if discount_percent %}{{ links[0] }}{% endif %} {{ shop.postal_address }}",
        html=True, own=OWN, nobody=nobody(),
    )  # fmt: skip
    assert apart.always == {"unsubscribe_url"}
    assert apart.has("London &amp; more")
    assert not apart.has("links")


def test_limits_hold_for_the_whole_template() -> None:
    loop = "{% for product in recommendations %}" + "x" * 100_000 + "{% endfor %}"
    apart = Skeleton("y" * 200_000 + loop + "\n" + loop, html=True, own=OWN, nobody=nobody())
    with pytest.raises(LiquidError, match="limit"):
        apart.fill(own("Ada"), lambda: values("Ada"))
