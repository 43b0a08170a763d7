"""A provider's odd member is as good as absent; a caller's unreadable JSON is a refusal."""

from __future__ import annotations

import msgspec
import pytest

from lockgate.core.failure import Refusal
from lockgate.dialects.lenient import forgiving, refusing


class Inner(msgspec.Struct):
    name: str | None = None
    count: int | None = None


class Outer(msgspec.Struct):
    one: Inner | None = None
    many: list[Inner] | None = None
    named: dict[str, int] | None = None
    must: int = 0


class Needy(msgspec.Struct):
    must: int


decode = msgspec.json.Decoder(Outer).decode


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"must":1}', Outer(must=1)),
        (b'{"must":1,"one":5}', Outer(must=1)),
        (b'{"one":{"name":5,"count":2}}', Outer(one=Inner(count=2))),
        (b'{"many":[{"name":"a"},{"name":[],"count":"x"}]}', Outer(many=[Inner("a"), Inner()])),
        (b'{"many":[5],"must":1}', Outer(must=1)),
        (b'{"many":{},"one":[],"named":{"a":"b","c":3}}', Outer()),
    ],
)
def test_a_member_of_an_odd_type_is_as_good_as_absent(body: bytes, expected: Outer) -> None:
    assert forgiving(body, decode) == expected


@pytest.mark.parametrize("body", [b"[]", b"5", b"{oops", b"", b"\xff"])
def test_what_is_no_object_is_not_forgiven(body: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        forgiving(body, decode)


def test_a_member_that_cannot_be_done_without_is_not_forgiven() -> None:
    with pytest.raises(msgspec.ValidationError):
        forgiving(b'{"must":"x"}', msgspec.json.Decoder(Needy).decode)


def test_more_oddities_than_one_value_may_have_are_not_forgiven() -> None:
    body = b'{"many":[%s]}' % b",".join([b'{"name":5}'] * 20)
    with pytest.raises(msgspec.ValidationError):
        forgiving(body, decode)


@pytest.mark.parametrize("data", [b"{", b"[" * 5000, b'"\xff"'])
def test_json_that_turns_out_to_be_unreadable_is_refused(data: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        refusing(msgspec.json.decode)(data)
    assert (refused.value.status, refused.value.code) == (400, "invalid_json")


def test_a_refusal_passes_through() -> None:
    def reader(_: bytes) -> None:
        raise Refusal(400, "mine", "No.")

    with pytest.raises(Refusal) as refused:
        refusing(reader)(b"")
    assert refused.value.code == "mine"
