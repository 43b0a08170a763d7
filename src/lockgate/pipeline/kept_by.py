"""What an answer is kept by: a keyed hash of all that could make it another one."""

from __future__ import annotations

from lockgate.pipeline.attempt import LARGE
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.prepare import Prepared
from lockgate.policy.cache_key import cache_key, canonical
from lockgate.policy.caching import CachePolicy, Wish


def key_of(passing: Passing, prepared: Prepared, parts: tuple[object, ...]) -> bytes:
    """What the answer of a request with these `parts` is kept by; b"" for one that is not kept: its body is no JSON, or very
    large."""
    body = prepared.outgoing.body
    if not isinstance(body, bytes) or len(body) > LARGE:
        return b""
    said = canonical(body)
    if said is None:
        return b""
    return cache_key(passing.snapshot.pepper, (*parts, said))


def parts_of(passing: Passing, prepared: Prepared, policy: CachePolicy, wish: Wish) -> tuple[object, ...]:
    """All that makes an answer another one, but for the body: whose it is, who is asked, for what, in which way."""
    record, target, outgoing, scope = passing.account.record, prepared.target, prepared.outgoing, policy.scope
    provider, destination = target.provider, target.destination
    ours = passing.snapshot.providers.get(provider.slug) is provider
    return (
        record.organisation,
        record.workspace,
        # A key that is no user's stands for itself.
        "" if scope == "workspace" else (scope == "user" and record.user) or record.key_id,
        scope,
        wish.namespace,
        provider.known_by,
        None if ours else provider.headers,  # a caller's own account: its secret tells it apart
        destination.scheme,
        destination.authority,
        outgoing.method,
        outgoing.target,
        target.lane.provider.name,
        prepared.stream,
        [header for header in outgoing.headers if header not in provider.headers],
    )
