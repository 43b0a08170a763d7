"""The keys that issuers sign with: read from a JSON Web Key Set (RFC 7517), fetched off the request path, and kept.

A set is fetched again every few minutes, and sooner, though not too often, when a token names a key that is not in it. While
its issuer cannot be reached, the keys that are known stay: an outage there is none here. What a set says when it can be read,
counts: a key that is not in it any more verifies nothing.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec

from lockgate.control.identity.web import Place, Trouble, ask
from lockgate.transport.exchange import Client

log = logging.getLogger("lockgate")

Algorithm = Literal["RS256", "ES256"]

#: Seconds after which a set is fetched again; after a failure; and when a token names an unknown key.
FRESH_S, RETRY_S, UNKNOWN_S = 300.0, 15.0, 30.0
#: Seconds between two looks for a set that is due.
TICK_S = 0.5
#: Keys of one set, and bits of an RSA key: fewer are broken, more are slow enough to be a weapon.
MOST = 100
_BITS = range(2048, 8193)


class VerifyKey(msgspec.Struct, frozen=True):
    """A public key, for one algorithm: what a token says of its own algorithm decides nothing."""

    kid: str
    algorithm: Algorithm
    key: Any

    def __repr__(self) -> str:
        return f"VerifyKey({self.kid!r}, {self.algorithm})"


class _Jwk(msgspec.Struct):
    """A key as it is written; what cannot be read of it is another kind of key."""

    kty: str
    kid: str = ""
    use: str = "sig"
    alg: str = ""
    key_ops: list[str] = msgspec.field(default_factory=lambda: ["verify"])
    n: str = ""
    e: str = ""
    crv: str = ""
    x: str = ""
    y: str = ""
    d: str = ""


class Jwks(msgspec.Struct):
    """A set as it is written. Members that are no keys we know are left out, as the RFC asks (section 5)."""

    keys: list[msgspec.Raw]


def read_keys(written: Jwks) -> tuple[VerifyKey, ...]:
    """The keys of a set that can verify RS256 or ES256. Raises `ValueError` for a set of very many."""
    if len(written.keys) > MOST:
        raise ValueError(f"it holds more than {MOST} keys")
    found: list[VerifyKey] = []
    for raw in written.keys:
        try:
            key = _read(msgspec.json.decode(raw, type=_Jwk))
        except (msgspec.DecodeError, ValueError):
            continue
        if key is not None:
            found.append(key)
    return tuple(found)


def _read(jwk: _Jwk) -> VerifyKey | None:
    """A key; None for one that is for something else. Raises `ValueError` for one that cannot be."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers  # noqa: PLC0415 - 60 ms
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers  # noqa: PLC0415

    if jwk.use != "sig" or "verify" not in jwk.key_ops:
        return None
    if jwk.d:
        log.error("a key set holds the private key %r: whoever reads it signs as its issuer; the key is not used", jwk.kid)
        return None
    if jwk.kty == "RSA" and jwk.alg in ("", "RS256"):
        n, e = _number(jwk.n), _number(jwk.e)
        return VerifyKey(jwk.kid, "RS256", RSAPublicNumbers(e, n).public_key()) if n.bit_length() in _BITS else None
    if jwk.kty == "EC" and jwk.crv == "P-256" and jwk.alg in ("", "ES256"):
        return VerifyKey(jwk.kid, "ES256", EllipticCurvePublicNumbers(_number(jwk.x), _number(jwk.y), SECP256R1()).public_key())
    return None


def _number(text: str) -> int:
    """Base64url without padding, as RFC 7518 writes numbers."""
    return int.from_bytes(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True), "big")


class KeySet:
    """One issuer's keys: those that were written down, or those that are at a place. `clock` is monotonic, in seconds.

    Reading needs no lock: what is swapped is one tuple.
    """

    def __init__(self, place: Place | None, keys: tuple[VerifyKey, ...], clock: Callable[[], float]) -> None:
        self.place = place
        self.keys = keys
        self.known = place is None  # whether there was a set to read
        self.generation = 0  # grows when the keys have become others
        self._clock = clock
        self._due_s = self._asked_s = float("-inf")
        self._trouble = ""
        self._flight: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"KeySet({self.place}, {len(self.keys)} keys)"

    @property
    def due(self) -> bool:
        """Whether the set is to be fetched now."""
        return self.place is not None and self._clock() >= self._due_s

    def miss(self) -> bool:
        """A token has named a key that is not here. Whether it may be there: then the set is fetched, now or soon, and whoever
        asks again in a moment knows more."""
        if self.place is None:
            return False
        soon_s = self._asked_s + UNKNOWN_S
        if self.known and not self._trouble and self._clock() < soon_s:
            return False
        self._due_s = min(self._due_s, max(soon_s, self._clock()))
        return True

    def start(self, client: Client) -> asyncio.Task[None]:
        """Begin to fetch the set, unless that is under way."""
        if self._flight is None:
            self._flight = asyncio.get_running_loop().create_task(self._fetch(client))
        return self._flight

    async def fetch(self, client: Client) -> None:
        """Fetch the set; those who come meanwhile wait for the same answer. Trouble is logged, once, and the keys stay."""
        await asyncio.shield(self.start(client))

    async def _fetch(self, client: Client) -> None:
        assert self.place is not None
        self._asked_s = self._clock()
        try:
            keys = read_keys(await ask(client, self.place, Jwks))
        except (Trouble, ValueError) as trouble:
            if str(trouble) != self._trouble:
                self._trouble = str(trouble)
                log.error("the keys at %s cannot be had, those that are known stay: %s", self.place.url, trouble)
            self._due_s = self._clock() + RETRY_S
            return
        finally:
            self._flight = None
        self._trouble = ""
        self._due_s = self._clock() + FRESH_S
        if not self.known or [(key.kid, key.key) for key in keys] != [(key.kid, key.key) for key in self.keys]:
            self.keys, self.known = keys, True
            self.generation += 1


class KeySets:
    """The key sets that the configuration names, by where they are: a reload keeps what is known of them. `clock` is monotonic,
    in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sets: dict[Place, KeySet] = {}

    def __repr__(self) -> str:
        return f"KeySets({len(self._sets)} places)"

    def at(self, places: Iterable[Place]) -> dict[Place, KeySet]:
        """The sets at these places, which are fetched from now on; all others are forgotten."""
        self._sets = {place: self._sets.get(place) or KeySet(place, (), self._clock) for place in places}
        return self._sets

    def written(self, keys: tuple[VerifyKey, ...]) -> KeySet:
        """A set that the configuration holds."""
        return KeySet(None, keys, self._clock)

    async def keep_fresh(self, client: Callable[[str], Client]) -> None:
        """Fetch what is due, for ever, before anyone asks for it. `client` finds a client by scheme."""
        while True:
            for place, found in self._sets.items():
                if found.due:
                    found.start(client(place.destination.scheme))
            await asyncio.sleep(TICK_S)
