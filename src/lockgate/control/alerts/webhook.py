"""A webhook: an alert as JSON, signed as Standard Webhooks 1.0 has it (https://www.standardwebhooks.com), for which there are
libraries to verify in every language.

    webhook-id: the alert's id             the same on every try, so a receiver knows what it has got already
    webhook-timestamp: 1795608000          seconds since the epoch, of this try
    webhook-signature: v1,BASE64           HMAC-SHA256 of "id.timestamp.body"
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Any

from lockgate.control.alerts.alert import Alert, Measure, said, title, when
from lockgate.control.alerts.channel import Means, Trouble
from lockgate.control.alerts.posting import Place, post
from lockgate.core.json import encode

_PREFIX = "whsec_"
_UNITS: dict[Measure, str] = {
    "cost": "nano-usd",
    "tokens": "tokens",
    "requests": "requests",
    "error_rate": "basis-points",
    "latency": "ms",
    "rise": "basis-points",
}
_STATES = {"": "alarming", "well": "over", "silent": "unknown"}


class Webhook:
    """Signed JSON to one place. `key` b"": it is not signed."""

    addresses: tuple[str, ...] = ("",)
    lane = ""

    def __init__(self, place: Place, key: bytes = b"") -> None:
        self._place = place
        self._key = key

    def __repr__(self) -> str:
        return f"Webhook({self._place.destination.authority})"

    async def deliver(self, alert: Alert, to: str, means: Means) -> Trouble | None:
        """See `Channel`."""
        body = encode(told(alert))
        headers = [(b"webhook-id", alert.id.encode())]
        if self._key:
            now_s = means.clock() // 1_000_000
            headers += [
                (b"webhook-timestamp", b"%d" % now_s),
                (b"webhook-signature", sign(self._key, alert.id, now_s, body)),
            ]
        return await post(self._place, body, headers, means)


def key_of(secret: str) -> bytes:
    """What is signed with: the bytes behind "whsec_", or the text itself. Raises `ValueError`."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("what follows 'whsec_' is no base64") from None


def sign(key: bytes, id: str, now_s: int, body: bytes) -> bytes:
    """The value of `webhook-signature`."""
    digest = hmac.digest(key, b"%s.%d.%s" % (id.encode(), now_s, body), "sha256")
    return b"v1," + base64.b64encode(digest)


def told(alert: Alert) -> dict[str, Any]:
    """The body. Amounts are integers, in `unit`."""
    subject = alert.subject
    return {
        "type": f"alert.{alert.kind}",
        "timestamp": when(alert.at_us),
        "data": {
            "id": alert.id,
            "kind": alert.kind,
            "severity": alert.severity,
            "state": _STATES[alert.over],
            "what": alert.what or None,
            "text": title(alert),
            "note": alert.note,
            "about": subject.about,
            "about_id": subject.id,
            "about_name": subject.name,
            "organisation_id": subject.organisation,
            "workspace_id": subject.workspace,
            "workspace": subject.slug,
            "rule": alert.rule,
            "window": alert.window,
            "window_ends": when(alert.ends_us) if alert.ends_us else None,
            "measure": alert.measure,
            "unit": _UNITS[alert.measure],
            "value": alert.value,
            "threshold": alert.threshold,
            "limit": alert.limit,
            "value_text": said(alert.measure, alert.value),
            "threshold_text": said(alert.measure, alert.threshold),
            "limit_text": said(alert.measure, alert.limit),
        },
    }
