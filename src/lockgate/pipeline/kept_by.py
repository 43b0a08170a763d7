"""What an answer is kept by: a keyed hash of all that could make it another one."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.pipeline.attempt import LARGE
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.prepare import Prepared
from lockgate.policy.cache_key import cache_key, canonical
from lockgate.policy.caching import CachePolicy, Wish


def key_of(passing: Passing, prepared: Prepared, policy: CachePolicy, wish: Wish) -> bytes:
    """What the answer of a request is kept by; b"" for one that is not kept: its body is no JSON, or very large."""
    body = prepared.outgoing.body
    if not isinstance(body, bytes) or len(body) > LARGE:
        return b""
    said = canonical(body)
    if said is None:
        return b""
    return cache_key(passing.snapshot.pepper, [*parts_of(passing, prepared, policy, wish), said])


def parts_of(passing: Passing, prepared: Prepared, policy: CachePolicy, wish: Wish) -> Iterator[bytes]:
    """All that makes an answer another one, but for the body: whose it is, who is asked, for what, in which way."""
    record, target = passing.account.record, prepared.target
    yield record.organisation.encode()
    yield record.workspace.encode()
    # A key that is no user's stands for itself.
    yield {"workspace": "", "key": record.key_id, "user": record.user or record.key_id}[policy.scope].encode()
    yield policy.scope.encode()
    yield wish.namespace.encode("utf-8", "surrogateescape")
    provider = target.provider
    yield provider.known_by.encode()
    if passing.snapshot.providers.get(provider.slug) is not provider:  # a caller's own account: its secret tells it apart
        yield b"\n".join(value for _, value in provider.headers)
    yield f"{target.destination.scheme}://{target.destination.authority}".encode()
    yield prepared.outgoing.method.encode()
    yield prepared.outgoing.target
    yield target.lane.provider.name.encode()
    yield b"stream" if prepared.stream else b"whole"
    for header in prepared.outgoing.headers:
        if header not in provider.headers:
            yield b": ".join(header)
