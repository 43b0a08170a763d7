"""Accounts at providers, as a source says them: each becomes an entry of `providers`, and its secrets environment variables."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from lockgate.control.imports.draft import Draft, Variables, reference, slugged, unused
from lockgate.control.imports.findings import Findings
from lockgate.providers.table import TABLE

#: Words of a variable's name that tell nothing of the account.
_COMMON = frozenset(("api", "key", "token", "secret", "base", "url", "endpoint", "host"))
_HOST = re.compile(r"https?://([^/:@?#]+)(?::([0-9]+))?")
#: Headers that carry secrets, by words in their names.
_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)
#: Hosts that only a private network knows.
_INSIDE = re.compile(r"[^.]+|.*\.(local|internal|intranet|lan|home|corp|svc|docker)|.*\.svc\.cluster\.local")
_LOOPBACK = re.compile(r"localhost|[0-9.]+|\[[0-9a-f:]+\]|.*\.localhost")


class Secret(msgspec.Struct, frozen=True):
    """A secret as the source says it, the end of its variable's name, and where it stands. `file`: the source says which file
    it is in."""

    value: str
    ending: str
    at: str
    file: bool = False

    def __repr__(self) -> str:
        return f"Secret({self.ending})"


class Account(msgspec.Struct):
    """One account: a row of the table, and the members of its entry in the order in which they are written."""

    row: str
    said: dict[str, Any]
    hint: str = ""  # what tells it from others of its row
    apart: bool = False  # its address is not the row's, so it is never called as the row is

    def identity(self) -> str:
        """The same for the same account, wherever it is said."""
        return repr((self.row, _bare(self.said)))


class Accounts:
    """The accounts of a source, by what they say: one that is said twice is one. Their secrets are replaced in the end, by
    `finish`, when it is known which variables the source itself names."""

    def __init__(self, draft: Draft, variables: Variables, findings: Findings) -> None:
        self._draft = draft
        self._variables = variables
        self._findings = findings
        self._slugs: dict[str, str] = {}

    def place(self, account: Account, at: str) -> str:
        """The slug of an account, which is written when it is met for the first time."""
        identity = account.identity()
        slug = self._slugs.get(identity)
        if slug is None:
            slug = self._slugs[identity] = self._slug(account)
            self.write(slug, account, at)
        return slug

    def write(self, slug: str, account: Account, at: str) -> None:
        """Write an account under a slug."""
        entry: dict[str, Any] = {} if slug == account.row else {"provider": account.row}
        entry |= account.said
        self._draft.providers[slug] = entry
        row = TABLE[account.row]
        self._findings.carried(at, f"@{slug}, an account at {row.name}")
        if row.proxy and not row.operations:
            self._findings.changed(at, f"{row.name} has no conversation here: its own API is at /proxy/{slug}/…")
        self._warn(slug, str(entry.get("base_url", "")), at)

    def finish(self) -> None:
        """Replace the secrets in the draft."""
        self._variables.reserve([_bare(entry) for entry in self._draft.providers.values()])
        for slug, entry in self._draft.providers.items():
            self._draft.providers[slug] = {name: self._shown(slug, value) for name, value in entry.items()}

    def hide(self, secret: Secret, owner: str) -> str:
        """What stands in the file for a secret of this owner."""
        if not secret.value or reference(secret.value.rpartition(" ")[2]):  # "${KEY}", or "Bearer ${KEY}"
            return secret.value
        if self._variables.keep and not secret.file:
            self._findings.changed(secret.at, "a secret in the clear stands in the file, as asked; guard it")
            return secret.value
        told = secret.ending.lower().startswith(f"{owner}_")
        name = self._variables.name(secret.ending if told else f"{owner}_{secret.ending}", secret.value)
        if secret.file:
            self._findings.todo(secret.at, f"put the text of {secret.value} into the environment as {name}")
        else:
            self._findings.todo(secret.at, f"a secret in the clear is not copied: put it into the environment as {name}")
        return f"${{{name}}}"

    def _shown(self, slug: str, value: Any) -> Any:
        if isinstance(value, Secret):
            return self.hide(value, slug)
        if isinstance(value, dict):
            return {name: self._shown(slug, each) for name, each in value.items()}
        return value

    def _slug(self, account: Account) -> str:
        taken = self._draft.providers
        if account.row not in taken and not account.apart:
            return account.row
        hint = slugged(account.hint)
        return unused(slugged(f"{account.row}-{hint}") if hint and hint != account.row else account.row, {account.row, *taken})

    def _warn(self, slug: str, base_url: str, at: str) -> None:
        match = _HOST.match(base_url)
        if match and _INSIDE.fullmatch(match[1].lower()) and not _LOOPBACK.fullmatch(match[1].lower()):
            self._findings.todo(
                at, f"@{slug}: a private address needs a rule: put the network that '{match[1]}' is in into egress.allow"
            )


def headers(said: dict[str, Any], at: str) -> dict[str, Any]:
    """Headers as an entry says them; the value of one that looks like a key is a secret."""
    found: dict[str, Any] = {}
    for name, value in said.items():
        text = value if isinstance(value, str) else str(value)
        found[name] = Secret(text, name, f"{at}.{name}") if _SECRET_HEADER.search(name) else text
    return found


def host_hint(base_url: str, row: str) -> str:
    """What tells an address from others: its host, or what is special in the variable's name."""
    if name := reference(base_url.split("/", 1)[0] if base_url.startswith("${") else ""):
        return name_hint(name, row)
    match = _HOST.match(base_url)
    if match is None:
        return ""
    host, port = match[1].lower(), match[2]
    return f"{host}-{port}" if port and _LOOPBACK.fullmatch(host) else host


def name_hint(variable: str, row: str) -> str:
    """What is special in a variable's name: OPENAI_API_KEY_TEAM_B, at openai, → team-b."""
    common = _COMMON | set(re.split(r"[-_.]", row))
    return "-".join(word for word in variable.lower().split("_") if word and word not in common)


def same_site(base_url: str, row: str) -> bool:
    """Whether an address is the provider's own, or a host beside it."""
    ours, theirs = _HOST.match(TABLE[row].base_url), _HOST.match(base_url)
    if ours is None or theirs is None:
        return False
    return ours[1].split(".")[-2:] == theirs[1].lower().split(".")[-2:]


def _bare(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.value
    if isinstance(value, dict):
        return {name: _bare(each) for name, each in sorted(value.items())}
    return value
