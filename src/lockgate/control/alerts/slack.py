"""A chat: an alert as Slack's incoming webhooks take it (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks),
which Mattermost and Rocket.Chat take too, and Discord at its webhook's URL with "/slack" behind it.

Names were chosen by people who may not post in that chat: they mention nobody and link to nothing.
"""

from __future__ import annotations

from typing import Any

from lockgate.control.alerts.alert import Alert, Severity, facts, title
from lockgate.control.alerts.channel import Means, Trouble
from lockgate.control.alerts.posting import Place, post
from lockgate.core.json import encode

_COLOURS: dict[Severity, str] = {"info": "#2f6fdb", "warning": "#d9a200", "critical": "#c8322d"}
#: Breaks a mention or a link, and is not seen.
_ZERO = "\u200b"
#: What begins something in one of the chats: Slack's entities and its `<!channel>`, mentions, links, code.
_TAMED = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": f"@{_ZERO}", "[": f"[{_ZERO}", "]": f"]{_ZERO}", "`": "'", "#": f"#{_ZERO}"}
)


class Slack:
    """A message to one place."""

    addresses: tuple[str, ...] = ("",)
    lane = ""

    def __init__(self, place: Place) -> None:
        self._place = place

    def __repr__(self) -> str:
        return f"Slack({self._place.destination.authority})"

    async def deliver(self, alert: Alert, to: str, means: Means) -> Trouble | None:
        """See `Channel`."""
        return await post(self._place, encode(message(alert)), [], means)


def message(alert: Alert) -> dict[str, Any]:
    """The body: a sentence, and what else there is to know below it."""
    sentence = tamed(f"{title(alert)} {alert.note}".strip())
    fields = [{"title": what, "value": tamed(value), "short": True} for what, value in facts(alert)]
    return {
        "text": sentence,
        "attachments": [{"color": _COLOURS[alert.severity], "fallback": sentence, "fields": fields}],
    }


def tamed(text: str) -> str:
    """A text that is read as it stands."""
    return text.translate(_TAMED).replace("://", f":{_ZERO}//")
