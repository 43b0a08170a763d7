"""Secrets that are kept elsewhere, resolved off the request path and kept for a while.

A secret manager is a function that fetches a path; each has a file (`control/managers`). An account names its secrets by a
`SecretReference` and a key in what that holds.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import msgspec

from lockgate.core.failure import Refusal
from lockgate.core.holdings import Integration, SecretMapping, SecretReference
from lockgate.core.tenancy import Tenant

#: How long what was fetched counts as fresh, in seconds; then it is asked for again, and used until there is an answer.
FRESH_S = 300.0
#: After a failure, so long until the next try.
RETRY_S = 15.0


class ManagerError(Exception):
    """A secret manager has not given a secret. The message says why, and nothing of any secret."""


#: Fetches what a reference points to; `secrets` are the sealed members of its `auth_config`. It may block, for a bounded time.
Fetch = Callable[[SecretReference, Mapping[str, str]], str]


class _Kept(msgspec.Struct):
    reference: SecretReference
    secrets: dict[str, str]
    text: str | None = None
    trouble: str = "its manager has not answered yet"
    due_s: float = 0.0
    former: bool = False  # the text is of the place that the reference pointed to before

    def __repr__(self) -> str:
        return f"_Kept({self.reference.slug})"


class Resolver:
    """Knows what references point to. `secrets_of` answers from memory after the first time; `refresh` asks for what is due,
    and may take as long as the managers do. `clock` is monotonic, in seconds.

    `waits`: `secrets_of` asks itself for what is not known, as is right at a start. Where it does not, somebody calls `refresh`
    again and again, off the path of all else: what is new is known a moment later, and a manager that hangs holds up nothing.
    """

    def __init__(self, managers: Mapping[str, Fetch], clock: Callable[[], float]) -> None:
        self._managers = managers
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._turn = threading.Lock()
        self.waits = True
        self.generation = 0  # grows when a secret has become another

    def __repr__(self) -> str:
        return f"Resolver({len(self._kept)} references)"

    def secrets_of(
        self,
        account: Integration,
        references: Mapping[str, SecretReference],
        sealed: Mapping[str, Mapping[str, str]],
    ) -> dict[str, str]:
        """The secrets that an account has by reference, by their fields. Raises `Refusal` 424 for one that cannot be had."""
        whose = Tenant(account.organisation, account.workspace)
        return self.texts_of(account.secret_mappings, whose, references=references, sealed=sealed)

    def texts_of(
        self,
        mappings: Iterable[SecretMapping],
        whose: Tenant,
        *,
        references: Mapping[str, SecretReference],
        sealed: Mapping[str, Mapping[str, str]],
    ) -> dict[str, str]:
        """Likewise for whatever is a tenant's and names its secrets so."""
        found: dict[str, str] = {}
        for mapping in mappings:
            reference = references.get(mapping.secret_reference) or next(
                (each for each in references.values() if each.slug == mapping.secret_reference), None
            )
            if reference is None or reference.organisation != whose.organisation:
                raise _failed(f"there is no secret reference '{mapping.secret_reference}'")
            if not reference.allow_all_workspaces and whose.workspace not in reference.allowed_workspaces:
                raise _failed(f"the secret reference '{reference.slug}' is not for this workspace")
            text = self._text(reference, dict(sealed.get(reference.id, {})))
            found[mapping.target_field] = _member(text, mapping.secret_key or reference.secret_key, reference.slug)
        return found

    @property
    def is_due(self) -> bool:
        """Whether there is something to ask for, and nobody at it."""
        now_s = self._clock()
        return not self._turn.locked() and any(now_s >= kept.due_s for kept in list(self._kept.values()))

    def refresh(self) -> None:
        """Ask for what is due, unless somebody does so already. What cannot be had now stays as it was."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            for kept in list(self._kept.values()):
                if self._clock() >= kept.due_s:
                    before = kept.text
                    self._ask(kept)
                    self.generation += kept.text != before
        finally:
            self._turn.release()

    def _text(self, reference: SecretReference, secrets: dict[str, str]) -> str:
        kept = self._kept.get(reference.id)
        if kept is not None and _place(kept.reference) == _place(reference) and kept.secrets == secrets:
            kept.reference = reference
        else:
            former = None if kept is None or self.waits else kept.text
            kept = self._kept[reference.id] = _Kept(reference, secrets, former, former=former is not None)
            if self.waits:
                self._ask(kept)
        if kept.text is None:
            raise _failed(kept.trouble)
        return kept.text

    def _ask(self, kept: _Kept) -> None:
        fetch = self._managers.get(kept.reference.manager_type)
        try:
            if fetch is None:
                raise ManagerError(f"secrets of '{kept.reference.manager_type}' cannot be read by this version")
            kept.text, kept.trouble, kept.former = fetch(kept.reference, kept.secrets), "", False
            kept.due_s = self._clock() + FRESH_S
        except ManagerError as trouble:
            if kept.former:
                kept.text, kept.former = None, False
            kept.trouble = str(trouble)
            kept.due_s = self._clock() + RETRY_S


def _place(reference: SecretReference) -> tuple[object, ...]:
    """Where it points to: where that is another one, so is the secret."""
    return reference.manager_type, reference.secret_path, reference.auth_config


def _member(text: str, key: str, slug: str) -> str:
    """A key in what a reference points to, which is JSON then; without one, all of it."""
    if not key:
        return text.strip()
    try:
        tree: Any = json.loads(text)
    except ValueError:
        raise _failed(f"what '{slug}' points to is no JSON, so there is no '{key}' in it") from None
    value = cast("dict[str, Any]", tree).get(key) if isinstance(tree, dict) else None
    if value is None:
        raise _failed(f"there is no '{key}' in what '{slug}' points to")
    return value if isinstance(value, str) else json.dumps(value)


def _failed(why: str) -> Refusal:
    return Refusal(424, "secret_unavailable", f"A secret cannot be had: {why}.", param="secret_mappings")
