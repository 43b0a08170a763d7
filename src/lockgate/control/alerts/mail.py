"""A letter: an alert by e-mail, in plain text, one for each address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

from lockgate.control.alerts.alert import Alert, facts, id_of, title
from lockgate.control.alerts.channel import Means, Trouble
from lockgate.control.alerts.mail_server import Server, is_address
from lockgate.control.alerts.smtp import send

_SUBJECT = 150


class Mail:
    """Letters to some addresses, by one server."""

    lane = "mail"

    def __init__(self, server: Server, sender: str, addresses: Sequence[str]) -> None:
        self.addresses = tuple(addresses)
        self._server = server
        self._sender = sender

    def __repr__(self) -> str:
        return f"Mail({self._server.host}, {len(self.addresses)} addresses)"

    async def deliver(self, alert: Alert, to: str, means: Means) -> Trouble | None:
        """See `Channel`."""
        if not is_address(to):
            return Trouble("This is no address that mail can be sent to.")
        return await send(self._server, letter(alert, self._sender, to), self._sender, to, means)


def letter(alert: Alert, sender: str, to: str) -> EmailMessage:
    """The letter. Its id is the same on every try, so that those who look at it show it once; nobody's absence answers it
    (RFC 3834)."""
    made = EmailMessage(policy=SMTP)
    made["From"] = sender
    made["To"] = to
    made["Subject"] = subject = f"[lockgate] {title(alert)}"[:_SUBJECT]
    made["Date"] = datetime.fromtimestamp(alert.at_us / 1e6, UTC)
    made["Message-ID"] = f"<{id_of(alert.id, to)}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    width = max(len(what) for what, _ in facts(alert)) + 1
    lines = [title(alert), *([alert.note] if alert.note else []), ""]
    lines += [f"{what + ':':{width}} {value}" for what, value in facts(alert)]
    made.set_content("\n".join(lines) + "\n", cte="quoted-printable")
    if subject.isascii():
        # A subject that is longer than 78 letters would begin on a line of its own, which spam has; RFC 5322 allows 998.
        made.policy = SMTP.clone(max_line_length=998)
    return made
