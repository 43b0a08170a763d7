"""Policies that are stored: what they may say, their groups with what was used of each, and groups that begin anew."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator

import msgspec

from lockgate.control.allowances import budget_of_group, period_of
from lockgate.control.office import Office
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import Policy
from lockgate.pipeline.allowance import KEYS
from lockgate.policy.limits import limit_of
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent

#: Groups of one policy that may have begun anew: each is a line of its row.
MOST_RESETS = 10_000
#: The id of the group of a policy that has no others.
_ALL = "-"


class Group(msgspec.Struct, frozen=True):
    """What a policy counts apart: a value for each key that it groups by, as in "api_key=…, metadata.team=…"; and what was
    used, in nano-USD for a cost. `exhausted`: nothing is left."""

    text: str
    used: int
    exhausted: bool

    @property
    def id(self) -> str:
        """By which it can be named in a path."""
        return urlsafe_b64encode(self.text.encode()).rstrip(b"=").decode() or _ALL


def check(policy: Policy) -> Policy:
    """The policy; raises `Refusal` 400 for one that the request path would leave out, or that refuses everything."""
    named = [(f"conditions[{n}].key", term.key) for n, term in enumerate(policy.conditions)]
    named += [(f"group_by[{n}].key", key) for n, key in enumerate(policy.group_by)]
    for at, key in named:
        if key not in KEYS and (not key.startswith("metadata.") or key == "metadata."):
            known = ", ".join(sorted(KEYS))
            raise Refusal(400, "unknown_key", f"There is no '{key[:100]}': there are {known} and metadata.NAME.", param=at)
    if len(set(policy.group_by)) < len(policy.group_by):
        raise Refusal(400, "invalid_value", "A key is named twice.", param="group_by")
    if policy.usage is None and policy.rate is None and not policy.conditions:
        raise Refusal(400, "invalid_value", "This would refuse everything: say in conditions what.", param="conditions")
    try:
        _ = policy.usage and budget_of_group(policy, "", 0)
        _ = policy.rate and limit_of(policy.rate, "policy", policy.id)
    except ValueError as error:
        raise Refusal(400, "invalid_value", f"This cannot be: {error}.") from None
    return policy


def named(change: Change, id: str) -> Policy:
    """The policy of an id. Raises `Refusal` 404."""
    try:
        return change.get(Policy, id)
    except Absent:
        raise unknown_policy(id) from None


def groups(office: Office, policy: Policy) -> Iterator[Group]:
    """All groups of which something was used, or that have begun anew, in the window of this moment. It blocks, and raises
    `StoreError`."""
    assert policy.usage is not None
    revision, prefix, anew = _revision(office, policy), f"policy:{policy.id}:", set(policy.resets)
    with office.ledger() as ledger:
        for id, used in ledger.under(prefix, period_of(policy.usage, revision)):
            text = id.removeprefix(prefix).rsplit(":", 2)[0]
            if _is_group(policy, text) and budget_of_group(policy, text, revision).id == id:
                anew.discard(text)
                yield Group(text, used, used >= policy.usage.credit_limit)
    yield from (Group(text, 0, False) for text in sorted(anew) if _is_group(policy, text))


def counted_group(office: Office, policy: Policy, id: str) -> str:
    """The text of a group. It blocks. Raises `Refusal` 404 for one that has used nothing, and `StoreError`."""
    try:
        text = "" if id == _ALL else urlsafe_b64decode(id + "=" * (-len(id) % 4)).decode()
    except ValueError:
        raise _unknown_group(id) from None
    if not _is_group(policy, text):
        raise _unknown_group(id)
    budget = budget_of_group(policy, text, _revision(office, policy))
    with office.ledger() as ledger:
        if text not in policy.resets and budget.id not in ledger.of([budget]):
            raise _unknown_group(id)
    return text


def begin_anew(change: Change, policy: Policy, text: str) -> Policy:
    """Forget what one group has used. Raises `Refusal` 409 when too many have begun anew."""
    resets = policy.resets | {text: policy.resets.get(text, 0) + 1}
    if len(resets) > MOST_RESETS:
        raise Refusal(
            409, "too_many_resets", f"{MOST_RESETS} groups of this policy have begun anew: make another policy in its place."
        )
    return change.put(msgspec.structs.replace(policy, resets=resets))


def unknown_policy(id: str) -> Refusal:
    """There is no such policy, for this tenant."""
    return Refusal(404, "policy_not_found", f"There is no policy '{id[:100]}' here.", param="id")


def _revision(office: Office, policy: Policy) -> int:
    return policy.changed_us if policy.version else office.house.declared_us


def _is_group(policy: Policy, text: str) -> bool:
    """Whether a text may be one of its groups; one of a policy that groups by other keys now is none."""
    at = 0
    for n, key in enumerate(policy.group_by):
        start = f", {key}=" if n else f"{key}="
        at = text.find(start, at) if n else (0 if text.startswith(start) else -1)
        if at < 0:
            return False
        at += len(start)
    return bool(policy.group_by) or not text


def _unknown_group(id: str) -> Refusal:
    return Refusal(404, "entity_not_found", f"The policy has counted nothing for '{id[:100]}'.", param="entity_id")
