"""Forged tokens, as those who tried them elsewhere made them (RFC 8725; the CVEs of JWT libraries)."""

import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives import serialization

from lockgate.control.identity import jose
from lockgate.control.identity.jose import (
    LIMIT,
    BadToken,
    UnknownKey,
    check_audience,
    check_required,
    check_times,
    head_of,
    issuer_of,
    verified,
)
from lockgate.control.identity.jwks import VerifyKey
from support.tokens import ec_key, forged, jwk, part, rsa_key, sign

CLAIMS = {"iss": "https://issuer.example", "sub": "ann", "n": [1, {"a": None}]}
RSA = VerifyKey("1", "RS256", rsa_key().public_key())
EC = VerifyKey("2", "ES256", ec_key().public_key())
PEM = rsa_key().public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def read(token, *keys):
    return verified(token, head_of(token), keys or (RSA, EC))


def hs256(head, claims, secret):
    text = f"{part(head)}.{part(claims)}"
    return f"{text}.{part(hmac.digest(secret, text.encode(), hashlib.sha256))}"


@pytest.mark.parametrize(("key", "kid"), [(rsa_key(), "1"), (ec_key(), "2")])
def test_what_a_key_has_signed_is_read(key, kid):
    token = sign(CLAIMS, key, kid)
    assert read(token) == CLAIMS
    assert issuer_of(token) == "https://issuer.example"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_that_nobody_signed_is_nobody_s(alg):
    for kid in ({"kid": "1"}, {}):
        with pytest.raises(BadToken):
            read(forged({"alg": alg, **kid}, CLAIMS))
        with pytest.raises(BadToken):
            read(forged({"alg": alg, **kid}, CLAIMS), RSA)


@pytest.mark.parametrize("secret", [PEM, PEM.strip(), json.dumps(jwk(rsa_key())).encode(), b""])
@pytest.mark.parametrize("kid", ["1", ""])
def test_a_public_key_is_no_password(secret, kid):
    head = {"alg": "HS256", **({"kid": kid} if kid else {})}
    with pytest.raises(BadToken):
        read(hs256(head, CLAIMS, secret))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_other_algorithms_are_not_spoken(algorithm):
    with pytest.raises(BadToken, match="has signed it"):
        read(sign(CLAIMS, rsa_key(), algorithm=algorithm))


def test_the_key_decides_the_algorithm_and_not_the_head():
    token = sign(CLAIMS, rsa_key(), "2")  # the kid of the elliptic key
    with pytest.raises(BadToken, match="has signed it"):
        read(token)
    with pytest.raises(BadToken):
        read(forged({"alg": "ES256", "kid": "1"}, CLAIMS, b"\0" * 64))


def test_a_key_that_the_token_brings_along_is_not_used():
    other = rsa_key("other")
    for head in ({"jwk": jwk(other)}, {"jku": "https://evil.example/jwks"}, {"x5u": "https://evil.example"}, {"x5c": ["MIIB"]}):
        with pytest.raises(BadToken, match="has signed it"):
            read(sign(CLAIMS, other, **head))


@pytest.mark.parametrize("kid", ["../../dev/null", "1' OR '1'='1", "1\x00", "01", "unknown"])
def test_a_kid_is_compared_and_nothing_else(kid):
    with pytest.raises(UnknownKey):
        read(sign(CLAIMS, kid=kid))


def test_of_two_keys_with_one_kid_the_one_that_signed_counts():
    other = VerifyKey("1", "RS256", rsa_key("other").public_key())
    assert read(sign(CLAIMS, rsa_key("other")), RSA, other) == CLAIMS


def test_without_a_kid_there_must_be_nothing_to_choose():
    token = sign(CLAIMS, kid="")
    assert read(token) == CLAIMS
    with pytest.raises(UnknownKey):
        read(token, RSA, VerifyKey("3", "RS256", rsa_key("other").public_key()))
    with pytest.raises(UnknownKey):
        read(token, EC)


def test_a_letter_that_is_changed_is_noticed():
    head, body, signature = sign(CLAIMS).split(".")
    other = part({**CLAIMS, "sub": "bob"})
    for text in (f"{head}.{other}.{signature}", f"{head}.{body}.{signature[:-4]}", f"{head}.{body}.", f"{head}.{body}.AAAA"):
        with pytest.raises(BadToken):
            read(text)
    for token in (sign(CLAIMS, ec_key(), "2"), sign(CLAIMS)):
        text, _, signature = token.rpartition(".")
        for wrong in ("A" * 86, "A" * 342, signature[4:], f"{signature}=", f"{signature}==", "é" + signature[1:]):
            with pytest.raises(BadToken):
                read(f"{text}.{wrong}")
        assert read(token) == CLAIMS


@pytest.mark.parametrize("head", [{"crit": ["exp"]}, {"crit": []}, {"b64": False, "crit": ["b64"]}, {"b64": 0}])
def test_an_extension_that_must_be_understood_is_not(head):
    with pytest.raises(BadToken, match="extension"):
        head_of(forged({"alg": "RS256", "kid": "1", **head}, CLAIMS))


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b", "a.b.c.d", "eyJ.eyJ.x", "!!!.e30.x", "é.e30.x", part([1]) + ".e30.x", part({"alg": 5}) + ".e30.x",
             part({}) + ".e30.x", part(b"\xff") + ".e30.x", part(b"[" * 9000) + ".e30.x", "lg_0123.4567.89"]
)  # fmt: skip
def test_what_is_no_token_is_told_apart(text):
    with pytest.raises(BadToken):
        head_of(text)


@pytest.mark.parametrize("claims", [[1], "text", b"\xff", b"{", b"[" * 9000])
def test_what_is_no_claims_is_told_apart(claims):
    with pytest.raises(BadToken):
        issuer_of(forged({"alg": "RS256"}, claims))


def test_signed_claims_that_are_no_object_are_refused():
    import jwt

    token = jwt.PyJWS().encode(b"[1]", rsa_key(), "RS256", headers={"kid": "1"})
    with pytest.raises(BadToken):
        read(token)


def test_a_token_has_its_length():
    assert head_of(sign({"a": "x" * 1000}))
    with pytest.raises(BadToken, match="longer"):
        head_of(sign({"a": "x" * LIMIT}))


def test_what_it_is_refused_for_repeats_nothing_of_it():
    with pytest.raises(BadToken) as caught:
        read(sign({"secret-claim": "x"}, rsa_key("other")))
    assert "secret" not in str(caught.value)


# --- claims


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({}, "does not say when it ends"),
        ({"exp": 940}, "has expired"),
        ({"exp": "2000"}, "exp is no time"),
        ({"exp": True}, "exp is no time"),
        ({"exp": -1}, "exp is no time"),
        ({"exp": 1e300}, "exp is no time"),
        ({"exp": 2000, "nbf": 1061}, r"does not hold yet \(nbf\)"),
        ({"exp": 2000, "iat": 1061}, r"does not hold yet \(iat\)"),
        ({"exp": 2000, "nbf": "x"}, "nbf is no time"),
    ],
)
def test_a_token_holds_in_its_time(claims, told):
    with pytest.raises(BadToken, match=told):
        check_times(claims, 1000)


@pytest.mark.parametrize("claims", [{"exp": 941}, {"exp": 2000.5, "nbf": 1060, "iat": 1060}, {"exp": 2000, "iat": 0}])
def test_clocks_may_differ_by_a_minute(claims):
    assert check_times(claims, 1000) == claims["exp"]


@pytest.mark.parametrize("said", [None, "other", ["other"], [], {"us": 1}, 5, [["us"]], "us2", "u", ["us "]])
def test_a_token_for_others_is_not_for_us(said):
    with pytest.raises(BadToken, match="not for this gateway"):
        check_audience({"aud": said}, ["us"])


def test_a_token_for_us_may_be_for_others_too():
    assert check_audience({"aud": "us"}, ["us", "also us"]) == ["us"]
    assert check_audience({"aud": ["other", 5, "also us"]}, ["us", "also us"]) == ["other", "also us"]


CI = {
    "owner": "acme",
    "n": 7,
    "ok": True,
    "no": False,
    "groups": ["a", "b"],
    "realm": {"roles": ["x"]},
    "a.b": "dotted",
    "f": 1.5,
}


@pytest.mark.parametrize(
    "required",
    [{}, {"owner": "acme"}, {"n": "7", "ok": "true", "no": "false"}, {"groups": "b"}, {"realm.roles": "x"}, {"a.b": "dotted"}],
)
def test_claims_that_are_asked_for_are_there(required):
    check_required(CI, required)


@pytest.mark.parametrize(
    "required",
    [{"owner": "Acme"}, {"owner": "acm"}, {"none": ""}, {"groups": "a,b"}, {"realm": "x"}, {"realm.roles.x": "x"}, {"ok": "1"},
     {"owner": "acme", "n": "8"}, {"f": "1.5"}],
)  # fmt: skip
def test_a_claim_that_is_not_as_asked_for_is_told(required):
    with pytest.raises(BadToken, match="its claim"):
        check_required(CI, required)


def test_pyjwt_s_own_algorithms_verify():
    assert set(jose._algorithms()) == {"RS256", "ES256"}
