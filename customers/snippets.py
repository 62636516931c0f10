"""What to paste into a shop's client so that it sends to us: one line of it is ours, the host."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Snippet:
    title: str
    note: str
    code: str


def segment(*, url: str, server_key: str, browser_key: str) -> list[Snippet]:
    """For the published clients; `url` is the address of this installation, without a slash."""
    parts = urlsplit(url)
    host = parts.netloc + parts.path
    return [
        Snippet(
            title="Segment, Python",
            note="segment-analytics-python",
            code=f"""import segment.analytics as analytics

analytics.write_key = "{server_key}"
analytics.host = "{url}"
analytics.identify("customer-17", {{"email": "ada@example.com"}})
analytics.track("customer-17", "Product Viewed", {{"product_id": "tea-1"}})
analytics.flush()""",
        ),
        Snippet(
            title="Segment, Node",
            note="@segment/analytics-node",
            code=f"""import {{ Analytics }} from "@segment/analytics-node"

const analytics = new Analytics({{ writeKey: "{server_key}", host: "{url}" }})
analytics.track({{ userId: "customer-17", event: "Product Viewed" }})
await analytics.closeAndFlush()""",
        ),
        Snippet(
            title="RudderStack, Python",
            note="rudder-sdk-python",
            code=f"""import rudderstack.analytics as analytics

analytics.write_key = "{server_key}"
analytics.dataPlaneUrl = "{url}"
analytics.track("customer-17", "Product Viewed", {{"product_id": "tea-1"}})
analytics.flush()""",
        ),
        Snippet(
            title="RudderStack, Node",
            note="@rudderstack/rudder-sdk-node",
            code=f"""import RudderAnalytics from "@rudderstack/rudder-sdk-node"

const analytics = new RudderAnalytics("{server_key}", {{ dataPlaneUrl: "{url}" }})
analytics.track({{ userId: "customer-17", event: "Product Viewed" }})
await analytics.flush()""",
        ),
        Snippet(
            title="Segment, browser",
            note="@segment/analytics-next; with the browser key, which everybody may read",
            code=f"""import {{ AnalyticsBrowser }} from "@segment/analytics-next"

const analytics = AnalyticsBrowser.load({{
  writeKey: "{browser_key}",
  cdnSettings: {{ integrations: {{
    "Segment.io": {{ apiKey: "{browser_key}", apiHost: "{host}/v1", protocol: "{parts.scheme}" }}
  }} }}
}})
analytics.page()""",
        ),
        Snippet(
            title="By hand",
            note="one event, to see whether it works",
            code=f"""curl -u "{server_key}:" -H "content-type: application/json" {url}/v1/track \\
  -d '{{"userId": "customer-17", "event": "Product Viewed", "messageId": "try-1"}}'""",
        ),
    ]
