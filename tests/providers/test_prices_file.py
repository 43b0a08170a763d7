"""providers/prices_file: a list that was taken later, checked before it is kept, used instead of the package's own."""

from datetime import datetime
from decimal import Decimal

import msgspec
import pytest
from genai_prices.update_prices import DEFAULT_UPDATE_URL

from lockgate.core.reply import Usage
from lockgate.policy.price import Row
from lockgate.providers import prices_file
from lockgate.providers.bundled import bundled, bundled_version
from lockgate.providers.prices import Prices
from lockgate.providers.prices_file import NAME, URL, head_of, load, seal
from lockgate.providers.table import TABLE
from support import price_list
from support.price_list import data, model

NOW = int(datetime(2026, 11, 25, 12).timestamp() * 1e6)


@pytest.fixture
def entries():
    return price_list.entries()


def taken(tmp_path, entries):
    head, file = seal(data(entries), "test", NOW)
    (tmp_path / NAME).write_bytes(file)
    return head


def test_the_data_are_where_the_package_s_own_updates_look():
    assert URL == DEFAULT_UPDATE_URL


def test_a_list_that_was_taken_says_what_the_package_says(tmp_path, entries):
    taken(tmp_path, entries)
    found, known = load(tmp_path / NAME), bundled()
    assert found.size == known.size > 2000
    assert [found.seller(each["id"]) for each in entries] == [known.seller(each["id"]) for each in entries]


def test_a_list_that_was_taken_is_what_requests_are_charged_by(tmp_path, entries):
    model(entries, "openai", "gpt-4.1")["prices"] = {"input_mtok": 7, "output_mtok": 9}
    head = taken(tmp_path, entries)
    prices = Prices({"openai/mine": Row(input=Decimal(1))}, file=tmp_path / NAME)
    priced = prices.cost(TABLE["openai"], "gpt-4.1", "", Usage(input=1_000_000), NOW)
    assert (priced.nusd, priced.version) == (7 * 10**9, head.version)
    assert head.version == f"genai-prices 2026-11-25 {head.digest[:8]}"
    assert prices.cost(TABLE["openai"], "mine", "", Usage(input=1_000_000), NOW).nusd == 10**9
    assert (
        Prices(file=tmp_path / "none").cost(TABLE["openai"], "gpt-4.1", "", Usage(), NOW).version
        == f"genai-prices {bundled_version()}"
    )


def test_a_list_is_read_once(tmp_path, entries):
    taken(tmp_path, entries)
    assert load(tmp_path / NAME) is load(tmp_path / NAME)


def spoilt(entries, how):
    prices = model(entries, "openai", "gpt-4.1")["prices"]
    match how:
        case "negative":
            prices["input_mtok"] = -1
        case "endless":
            prices["input_mtok"] = "1e-999999999"
        case "word":
            prices["input_mtok"] = "cheap"
        case "tier":
            model(entries, "openai", "gpt-4.1")["price_variants"] = [
                {"when": {"service_tier": "x"}, "prices": {"input_mtok": -1}}
            ]
        case "later":
            model(entries, "openai", "gpt-4.1")["prices"] = [
                {"prices": prices},
                {"constraint": {"start_date": "2999-01-01"}, "prices": {"input_mtok": -1}},
            ]
        case "pattern":
            model(entries, "openai", "gpt-4.1")["match"] = {"regex": "("}
        case "clause":
            model(entries, "openai", "gpt-4.1")["match"] = {}
        case "clauses":
            model(entries, "openai", "gpt-4.1")["match"] = 5
        case "twice":
            entries.append(entries[0])
        case "few":
            del entries[3:]
        case "nameless":
            del entries[0]["id"]
    return data(entries)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("negative", "openai/gpt-4.1: input: a price is a number"),
        ("endless", "openai/gpt-4.1: input: a price is a number"),
        ("word", "the provider 'openai' cannot be read"),
        ("tier", "openai/gpt-4.1: input: a price is a number"),
        ("later", "openai/gpt-4.1: input: a price is a number"),
        ("pattern", "missing \\)"),
        ("clause", "the provider 'openai' cannot be read"),
        ("clauses", "the provider 'openai' cannot be read"),
        ("twice", "listed twice"),
        ("few", "fewer than half"),
        ("nameless", "providers with ids: Object missing required field `id`"),
    ],
)
def test_a_list_that_cannot_be_is_refused_with_a_sentence(entries, how, why):
    with pytest.raises(ValueError, match=why) as caught:
        seal(spoilt(entries, how), "test", NOW)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b'["x"]', b"[" * 10_000, b'[{"id":"\xff"}]', b"null"])
def test_what_is_no_list_is_refused(body):
    with pytest.raises(ValueError, match=r"it is no JSON|it has 0 models"):
        seal(body, "test", NOW)


def test_a_list_beyond_the_limit_is_not_read(monkeypatch):
    monkeypatch.setattr(prices_file, "LIMIT", 10)
    with pytest.raises(ValueError, match="more than 10 bytes"):
        seal(b"[" + b" " * 20 + b"]", "test", NOW)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"not json", b'{"taken_us":1,"source":"","digest":"d","beside":"99","providers":[{"id":1}]}']
)
def test_a_file_that_is_spoilt_is_reported_and_the_package_s_list_used(tmp_path, caplog, body):
    (tmp_path / NAME).write_bytes(body)
    prices = Prices(file=tmp_path / NAME)
    assert prices.flat("openai", "gpt-4.1", NOW) is not None
    assert "the package's own" in caplog.text


def test_a_list_taken_beside_an_older_package_gives_way(tmp_path, entries, monkeypatch):
    taken(tmp_path, entries)
    assert head_of(tmp_path / NAME).beside == bundled_version()
    monkeypatch.setattr(prices_file, "bundled_version", lambda: "0.10.0")
    assert head_of(tmp_path / NAME) is None
    assert load(tmp_path / NAME) is None


def test_a_list_that_was_checked_by_other_rules_is_checked_again(tmp_path, entries, caplog):
    _, file = seal(data(entries), "test", NOW)
    old = msgspec.json.decode(file) | {"reader": 0}
    (tmp_path / NAME).write_bytes(msgspec.json.encode(old))
    assert load(tmp_path / NAME).size == bundled().size
    del old["providers"][0]["models"][0]["match"]
    (tmp_path / NAME).write_bytes(msgspec.json.encode(old | {"digest": "other"}))
    assert load(tmp_path / NAME) is None
    assert "cannot be read" in caplog.text


def test_there_need_be_no_file(tmp_path, caplog):
    assert head_of(tmp_path / NAME) is None
    assert caplog.text == ""
