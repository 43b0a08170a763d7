"""Secrets taken out of what is kept: bodies and error sentences, at the moment of capture.

Two kinds: secrets that the house holds (exact), and whatever has the shape of a well-known kind of key or token. Sixteen
searches for literals would cost 16 µs on a clean body of 2.5 kB. Instead each group of shapes has a byte that must be there
(`memchr`, 0.05 µs) and a scout, an expression that begins with that byte and looks around it (0.5 µs); only where it hits are
the shapes tried. In large bodies, which are mostly pictures in base64 where every byte is everywhere, one of the group's
literals must be there first (1 MB of base64: 31 ms without). What is found is replaced within its JSON string, so that the body
stays JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lockgate.core.mask import Mask

MARK = b"[redacted]"
#: An exact secret shorter than this would match by chance.
SHORTEST = 8

#: From this many bytes on, a body is searched for literals first.
_LARGE = 16 * 1024

_START = rb"(?<![A-Za-z0-9_])"
#: (byte, literals, scout, shapes): a shape's group named `keep` stays. Neither a scout nor its group's literals may miss what
#: one of its shapes would find.
_SHAPES: tuple[tuple[int, tuple[bytes, ...], re.Pattern[bytes], tuple[re.Pattern[bytes], ...]], ...] = (
    (
        ord("-"),
        (b"sk-", b"pk-", b"at-", b"xox"),
        re.compile(rb"-(?:(?<=sk-|pk-|at-)|(?<=xox[a-z]-))[A-Za-z0-9_-]{10}"),
        (
            re.compile(_START + rb"[sp]k-[A-Za-z0-9_-]{16,}"),
            re.compile(_START + rb"xox[a-z]-[A-Za-z0-9-]{10,}"),
            re.compile(_START + rb"glpat-[A-Za-z0-9_-]{16,}"),
        ),
    ),
    (
        ord("_"),
        (b"lg_", b"hp_", b"hf_", b"sk_", b"at_"),
        re.compile(rb"_(?<=lg_|hp_|at_|hf_|sk_)[A-Za-z0-9_-]{16}"),
        (
            re.compile(_START + rb"lg_[A-Za-z0-9_-]{16,}"),
            re.compile(_START + rb"(?:ghp|hf|gsk)_[A-Za-z0-9]{30,}"),
            re.compile(_START + rb"github_pat_[A-Za-z0-9_]{30,}"),
        ),
    ),
    (ord("I"), (b"AIza",), re.compile(rb"I(?<=AI)za"), (re.compile(_START + rb"AIza[A-Za-z0-9_-]{35}"),)),
    (ord("K"), (b"AKIA",), re.compile(rb"K(?<=AK)IA"), (re.compile(_START + rb"AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),)),
    # RFC 7519: two JSON objects and a signature, each base64url; "eyJ" is the beginning of `{"`.
    (
        ord("J"),
        (b".eyJ",),
        re.compile(rb"J(?<=eyJ)[A-Za-z0-9_-]{8}"),
        (re.compile(_START + rb"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),),
    ),
    (ord("B"), (b"Bearer ",), re.compile(rb"B(?=earer )"), (re.compile(rb"(?P<keep>Bearer )[A-Za-z0-9._~+/=-]{16,}"),)),
    # RFC 7468. A key that is cut off is one all the same: to its end, or to the end of the string it stands in.
    (
        ord("Y"),
        (b"KEY-----",),
        re.compile(rb"Y(?=-----)"),
        (
            re.compile(
                rb"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY-----[^\"]*?(?:-----END (?:[A-Z]+ ){0,3}PRIVATE KEY-----|(?=\")|\Z)"
            ),
        ),
    ),
)
_KEPT = rb"\g<keep>" + MARK


class Redactor:
    """Takes secrets out of bodies (`redactor(body)`) and sentences (`redactor.text(sentence)`).

    `secrets` are exact ones to look for as well; those shorter than eight bytes are left out, as they would match by chance.
    `mask` is what an operator wants taken out besides.
    """

    __slots__ = ("_mask", "_secrets")

    def __init__(self, secrets: Iterable[bytes] = (), mask: Mask | None = None) -> None:
        self._secrets: tuple[bytes, ...] = ()
        self._mask: Mask | None = None
        # Those that go by their shape anyway need no search of their own. The longest first: one may begin with another.
        own = {each for each in secrets if len(each) >= SHORTEST and self(each) != MARK}
        self._secrets = tuple(sorted(own, key=lambda each: (-len(each), each)))
        self._mask = mask

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"

    @property
    def reads(self) -> bool:
        """Whether bodies must be whole, since they are read as JSON."""
        return self._mask is not None and self._mask.reads

    def under(self, mask: Mask | None) -> Redactor:
        """One that knows the same secrets, and takes out what another mask says."""
        other = Redactor(mask=mask)
        other._secrets = self._secrets
        return other

    def __call__(self, body: bytes) -> bytes:
        """The body without secrets; the same object when it has none."""
        body = self._without_secrets(body)
        return body if self._mask is None else self._mask.body(body)

    def _without_secrets(self, body: bytes) -> bytes:
        for secret in self._secrets:
            if secret in body:
                body = body.replace(secret, MARK)
        large = len(body) >= _LARGE
        for byte, literals, scout, shapes in _SHAPES:
            if byte not in body or (large and not any(literal in body for literal in literals)):
                continue
            if scout.search(body):
                for shape in shapes:
                    body = shape.sub(_KEPT if shape.groups else MARK, body)
        return body

    def text(self, sentence: str) -> str:
        """The sentence without secrets."""
        body = sentence.encode("utf-8", "surrogatepass")
        clean = self._without_secrets(body)
        if self._mask is not None:
            clean = self._mask.text(clean)
        return sentence if clean is body else clean.decode("utf-8", "surrogatepass")
