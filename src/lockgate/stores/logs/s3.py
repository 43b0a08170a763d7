"""Bodies of the log in S3, or in what speaks as S3 does: each block an object `PREFIX/2026-11-25/NUMBER`.

A block is there before the transaction of its batch ends. What a failed batch has left over goes with its day: no request
refers to it. Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html and API_DeleteObjects.html.
"""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from hashlib import md5
from threading import Lock

import msgspec

from lockgate.core.failure import Refusal
from lockgate.providers.auth.aws import for_service, region_of
from lockgate.providers.auth.settings import Settings
from lockgate.stores.bucket import BUCKET, PREFIX, Bucket, bucket_url, code_of
from lockgate.stores.logs.block_store import date_of
from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.poster import Poster, Told, place_of
from lockgate.transport.destination import TlsIdentity
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import Headers

#: How long is waited for one answer, and how long the blocks of one batch may take, in seconds: somebody may wait for the
#: transaction of the batch.
ANSWER_S, BATCH_S = 10.0, 30.0
#: Objects that are listed and deleted at a time: as many as S3 takes.
DELETED = 1000
#: A block has about a MiB before it is compressed, and the bodies of its last record, each as large as a request may be.
_LARGEST = 512 * 1024 * 1024
_LISTED = 4 * 1024 * 1024
#: Connections that are kept while nobody uses them.
_IDLE = 4
_URL = re.compile(r"s3://([^/?#]+)/?([^?#]*)")
_KEY = re.compile(rb"<Key>([^<]*)</Key>")
_MORE = re.compile(rb"<IsTruncated>\s*true\s*</IsTruncated>")
#: Like the database, this is the operator's own place: its name may mean any address. No caller's word ever leads here.
_ANYWHERE = Egress.compile(("0.0.0.0/0", "::/0"))
_REMEDIES = {
    "NoSuchBucket": "make the bucket, or name another in log.bodies",
    "AccessDenied": "the keys must allow s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject",
    "InvalidAccessKeyId": "check log.aws_access_key_id",
    "SignatureDoesNotMatch": "check log.aws_secret_access_key and log.aws_region",
}


class S3Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where bodies are kept: `url` is s3://BUCKET/PREFIX, `endpoint` that of another service than AWS's. A log has a
    prefix of its own. `settings` says whose keys sign, by the members beginning with `aws_`."""

    url: str
    endpoint: str = ""
    ca_file: str = ""
    settings: Settings = msgspec.field(default_factory=Settings)

    def __repr__(self) -> str:
        return "S3Place()"  # the address may hold a secret, as its settings do

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The same guard for pretty printers."""
        return []


class S3Bodies:
    """Opens the blocks of one bucket; threads may share it. `report` is told in words of what is lost. `now_s` are seconds
    since the epoch, `clock` those of a clock that only goes on."""

    def __init__(
        self,
        bucket: Bucket,
        prefix: str,
        report: Callable[[str], None],
        *,
        answer_s: float = ANSWER_S,
        now_s: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.report = report
        self.clock = clock
        self._answer_s = answer_s
        self._now_s = now_s
        self._turn = Lock()
        self._idle: list[Poster] = []

    def __repr__(self) -> str:
        return f"S3Bodies({self.bucket})"

    def __call__(self, db: object) -> S3Blocks:
        """See `postgres.bodies.OpenBlocks`."""
        return S3Blocks(self)

    def close(self) -> None:
        """Let go of the connections; it may be asked again."""
        with self._turn:
            idle, self._idle = self._idle, []
        for poster in idle:
            poster.close()

    @contextmanager
    def poster(self) -> Generator[Poster, None, None]:
        """One that nobody else uses meanwhile."""
        with self._turn:
            poster = self._idle.pop() if self._idle else None
        poster = poster or Poster(lambda: _ANYWHERE, self._answer_s, now_s=self._now_s)
        try:
            yield poster
        finally:
            with self._turn:
                kept = len(self._idle) < _IDLE
                if kept:
                    self._idle.append(poster)
            if not kept:
                poster.close()


class S3Blocks:
    """The blocks of one transaction. See `stores.logs.block_store.BlockStore`."""

    def __init__(self, bodies: S3Bodies) -> None:
        self._all = bodies
        self._until: float | None = None

    def put(self, day: int, name: str, data: bytes) -> None:
        """See `BlockStore`: it is there when this returns."""
        now = self._all.clock()
        self._until = now + BATCH_S if self._until is None else self._until
        if now > self._until:
            raise self._trouble(f"takes longer than {BATCH_S:.0f} s for the bodies of one batch")
        self._ask("PUT", self._name(day) + name, body=data, headers=[(b"content-type", b"application/zstd")])

    def get(self, day: int, name: str) -> bytes | None:
        """See `BlockStore`."""
        told = self._ask("GET", self._name(day) + name, most=_LARGEST, missing="NoSuchKey")
        return told.body if told.status == 200 else None

    def lost(self, sentence: str) -> None:
        """See `BlockStore`: it is told, and all else can be read."""
        self._all.report(f"request log: {sentence}")

    def forget(self, day: int) -> None:
        """See `BlockStore`: a thousand at a time."""
        after = ""
        more = True
        while more:
            query = [("list-type", "2"), ("max-keys", str(DELETED)), ("prefix", self._name(day))]
            query += [("start-after", after)] if after else []
            told = self._ask("GET", query=tuple(query), most=_LISTED)
            names = [found.decode("utf-8", "replace") for found in _KEY.findall(told.body)]
            more = bool(names) and _MORE.search(told.body) is not None
            after = names[-1] if names else ""
            self._delete([name for name in names if name.removeprefix(self._name(day)).isdigit()])  # ours, and nobody else's

    def _delete(self, names: list[str]) -> None:
        if not names:
            return
        objects = "".join(f"<Object><Key>{name}</Key></Object>" for name in names)
        body = f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>{objects}</Delete>'.encode()
        digest = b64encode(md5(body, usedforsecurity=False).digest())
        headers: Headers = [(b"content-md5", digest), (b"content-type", b"application/xml")]
        told = self._ask("POST", query=(("delete", ""),), headers=headers, body=body, most=_LISTED)
        if b"<Error>" in told.body:
            raise self._trouble("does not delete all of a day", code_of(told))

    def _name(self, day: int) -> str:
        return f"{self._all.prefix}{date_of(day)}/"

    def _ask(
        self,
        method: str,
        name: str = "",
        *,
        query: tuple[tuple[str, str], ...] = (),
        headers: Headers | None = None,
        body: bytes = b"",
        most: int = 0,
        missing: str = "",
    ) -> Told:
        """An answer that is well, or says the code `missing`. Raises `StoreError`."""
        try:
            with self._all.poster() as poster:
                told = self._all.bucket.ask(poster, method, name, query=query, headers=headers, body=body, most=most)
        except StoreError as error:
            raise StoreError(f"log.bodies: {error}") from None
        code = code_of(told) if not 200 <= told.status < 300 else ""
        if 200 <= told.status < 300 or (missing and code == missing):
            return told
        raise self._trouble(f"answered with the status {told.status}", code)

    def _trouble(self, what: str, code: str = "") -> StoreError:
        said = f"log.bodies: {self._all.bucket.place.destination.authority} {what}"
        said += f" ({code})" if code else ""
        return StoreError(f"{said}; {_REMEDIES[code]}" if code in _REMEDIES else said)


def open_bodies(place: S3Place, environment: Mapping[str, str], report: Callable[[str], None]) -> S3Bodies:
    """The bodies at a place; nothing is connected yet. Raises `Refusal`, whose `param` is the member at fault."""
    match = _URL.fullmatch(place.url)
    if match is None or not BUCKET.fullmatch(match[1]) or not PREFIX.fullmatch(match[2]) or ".." in match[2]:
        raise Refusal(400, "invalid_setting", "Bodies are kept at s3://BUCKET/PREFIX, and nowhere else.", param="bodies")
    signer, region = for_service("s3")(place.settings, "", environment), region_of(place.settings, environment)
    try:
        tls = TlsIdentity(ca_file=place.ca_file) if place.ca_file else None
        address = place_of(bucket_url(match[1], region, place.endpoint), tls)
    except Refusal as refusal:
        raise Refusal(refusal.status, refusal.code, refusal.message, param="bodies_endpoint") from None
    return S3Bodies(Bucket(address, signer, region), match[2], report)


def wrong_with_place(place: S3Place, environment: Mapping[str, str]) -> tuple[str, str]:
    """What is wrong with a place: the member, and a sentence; ("", "") when nothing is."""
    try:
        open_bodies(place, environment, lambda sentence: None)
    except Refusal as refusal:
        return refusal.param or "bodies", refusal.message
    return "", ""
