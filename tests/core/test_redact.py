"""core/redact: secrets go, everything else stays."""

from __future__ import annotations

import json
import random
import string
import time

import pytest

from lockgate.core.redact import MARK, Redactor

ALNUM = string.ascii_letters + string.digits


def some(count: int, letters: str = ALNUM, seed: int = 1) -> str:
    return "".join(random.Random(seed).choices(letters, k=count))


PEM = "-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join(some(64, seed=n) for n in range(4)) + "\n-----END RSA PRIVATE KEY-----"
SECRETS = [
    "sk-" + some(48),
    "sk-proj-" + some(40) + "-" + some(20) + "_x",
    "sk-ant-api03-" + some(80),
    "pk-" + some(24),
    "lg_" + some(32),
    "AIza" + some(35),
    "AKIA" + some(16, string.ascii_uppercase),
    "ghp_" + some(36),
    "github_pat_" + some(82),
    "xoxb-123456789012-" + some(24),
    "glpat-" + some(20),
    "hf_" + some(34),
    "gsk_" + some(52),
    f"eyJ{some(30)}.eyJ{some(60)}.{some(43)}",
    PEM,
    "-----BEGIN PRIVATE KEY-----\nMIIEv",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_in_a_body_goes_and_the_body_stays_json(secret: str) -> None:
    body = json.dumps({"messages": [{"content": f"my key is {secret}"}], "after": "kept"}).encode()
    clean = Redactor()(body)
    assert secret.encode() not in clean
    assert json.loads(clean) == {"messages": [{"content": "my key is [redacted]"}], "after": "kept"}


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_beside_a_large_picture_goes(secret: str) -> None:
    picture = some(64 * 1024, ALNUM + "+/")
    body = json.dumps({"image": picture, "text": f"it is {secret}"}).encode()
    clean = json.loads(Redactor()(body))
    assert clean["image"] == picture
    assert secret not in clean["text"]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_in_a_sentence_goes(secret: str) -> None:
    assert Redactor().text(f"Incorrect API key provided: {secret}") == "Incorrect API key provided: [redacted]"


def test_a_bearer_token_of_any_shape_goes() -> None:
    assert Redactor()(b'{"h":"Authorization: Bearer abcdef0123456789abcdef"}') == b'{"h":"Authorization: Bearer [redacted]"}'


@pytest.mark.parametrize(
    "text",
    [
        "a risk-assessment-of-a-long-and-winding-road",
        "task-based-learning-in-the-classroom",
        "sk-short",
        "the Bearer of bad news",
        "AKIA is a prefix, AIza too, and so are ghp_ and hf_",
        "eyJhbGciOiJIUzI1NiJ9",
        "hf_hub_enable_fast_transfer_of_files",
        "disk_lg_partition_that_is_large_enough",
        "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----",
        "ein gewöhnlicher Satz mit Ümlauten 日本語",
    ],
)
def test_what_is_no_secret_stays_the_same_object(text: str) -> None:
    body = text.encode()
    assert Redactor()(body) is body
    assert Redactor().text(text) is text


def test_secrets_of_the_house_go_whatever_their_shape() -> None:
    redactor = Redactor([b"hunter2-hunter2", b"hunter2-hunter2-and-more", b"short"])
    assert redactor(b"x hunter2-hunter2-and-more y hunter2-hunter2 short") == b"x [redacted] y [redacted] short"


def test_a_secret_that_goes_by_its_shape_is_not_searched_for_twice() -> None:
    assert repr(Redactor(secret.encode() for secret in SECRETS)) == "Redactor(0 secrets)"


def test_it_does_not_show_what_it_hides() -> None:
    assert repr(Redactor([b"hunter2-hunter2"])) == "Redactor(1 secrets)"


def test_a_sentence_may_hold_what_is_no_unicode() -> None:
    assert Redactor().text("a\udcff sk-" + "x" * 20) == "a\udcff [redacted]"


def test_several_secrets_go_each() -> None:
    body = " ".join(SECRETS[:5]).encode()
    assert Redactor()(body) == b" ".join([MARK] * 5)


@pytest.mark.parametrize(
    "hostile", [b"eyJ" * 60_000, b"-----BEGIN PRIVATE KEY-----" * 8_000, b"sk-" * 60_000, b"Bearer " * 30_000]
)
def test_a_hostile_body_takes_no_more_than_linear_time(hostile: bytes) -> None:
    began = time.process_time()
    Redactor()(hostile)
    assert time.process_time() - began < 0.5
