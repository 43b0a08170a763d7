"""control/price_list: taking a new list, by a fetch or from a file; one worker of many; what fails leaves the old one."""

import asyncio
import os

import pytest

from lockgate.control import price_list
from lockgate.control.config import BadConfig
from lockgate.control.price_list import RETRY_S, NoPriceList, fetch, refresh_of, refresh_when_due, take, turn
from lockgate.core.failure import Failure, Refusal
from lockgate.core.reply import Usage
from lockgate.providers.prices_file import LIMIT, NAME, URL, head_of
from lockgate.providers.table import TABLE
from support.house import make_app, make_house
from support.price_list import repriced
from support.scripted import ScriptedClient, ScriptedExchange

NOW = 1_795_608_000_000_000
REFRESH = refresh_of("https://prices.example/v2/data.json", 86_400)


def fetched(answer):
    return asyncio.run(fetch(ScriptedClient(answer), REFRESH))


def test_a_list_is_fetched_from_where_the_operator_says():
    client = ScriptedClient(ScriptedExchange(200, b"[]"))
    assert asyncio.run(fetch(client, REFRESH)) == b"[]"
    ((destination, outgoing),) = client.sent
    assert (destination.host, destination.trusted, outgoing.method, outgoing.target) == (
        "prices.example",
        True,
        "GET",
        b"/v2/data.json",
    )
    assert {name for name, _ in outgoing.headers} == {b"user-agent", b"accept"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Failure("connect", 502, "nobody is there"), "nobody is there"),
        (ScriptedExchange(404, b"no"), "the status 404"),
        (ScriptedExchange(302, b"", [(b"location", b"https://elsewhere")]), "redirects are not followed"),
        (ScriptedExchange(200, [b"[", Failure("cut", 502, "it broke off")]), "it broke off"),
    ],
)
def test_what_is_no_answer_is_no_list(answer, why):
    with pytest.raises(NoPriceList, match=why):
        fetched(answer)


def test_a_list_that_the_egress_policy_forbids_is_none():
    class Forbidden:
        async def send(self, *_):
            raise Refusal(403, "egress_denied", "The gateway does not connect there.")

    with pytest.raises(NoPriceList, match="does not connect there"):
        asyncio.run(fetch(Forbidden(), REFRESH))


def test_no_more_than_the_limit_is_read():
    asked = []

    class Long(ScriptedExchange):
        async def read(self, limit):
            asked.append(limit)
            return Failure("malformed", 502, "it is too large")

    with pytest.raises(NoPriceList, match="too large"):
        fetched(Long(200, b""))
    assert asked == [LIMIT]


def test_a_list_is_kept_with_where_it_is_from(tmp_path):
    head = take(tmp_path / NAME, repriced(7), "https://prices.example", NOW)
    assert head_of(tmp_path / NAME) == head
    assert (head.source, head.taken_us) == ("https://prices.example", NOW)
    assert [each.name for each in tmp_path.iterdir()] == [NAME]


def test_the_same_data_are_not_written_again(tmp_path):
    first = take(tmp_path / NAME, repriced(7), "a", NOW)
    before = (tmp_path / NAME).stat()
    assert take(tmp_path / NAME, repriced(7), "b", NOW + 5) == first
    after = (tmp_path / NAME).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_bad_data_leave_the_old_list(tmp_path):
    head = take(tmp_path / NAME, repriced(7), "a", NOW)
    with pytest.raises(NoPriceList, match=r"the price list of b is not used: openai/gpt-4\.1: input: a price is"):
        take(tmp_path / NAME, repriced(-1), "b", NOW)
    assert head_of(tmp_path / NAME) == head


def test_a_directory_that_cannot_be_written_is_said_so(tmp_path):
    with pytest.raises(NoPriceList, match="cannot be written"):
        take(tmp_path / "nowhere" / NAME, repriced(7), "a", NOW)


def test_a_list_is_due_once_in_its_time_and_sooner_after_a_failure(tmp_path):
    path, day = tmp_path / NAME, 86_400.0

    def due(now_s, fail=False):
        try:
            with turn(path, day, now_s) as is_due:
                if is_due and fail:
                    raise NoPriceList("no")
        except NoPriceList:
            pass
        return is_due

    assert due(1e9)
    assert not due(1e9 + day - 1)
    assert due(1e9 + day, fail=True)
    assert not due(1e9 + day + RETRY_S - 1)
    assert due(1e9 + day + RETRY_S)
    assert not due(1e9 + 2 * day)


def test_one_of_many_workers_gets_the_list(tmp_path):
    with turn(tmp_path / NAME, 10, 1e9) as mine, turn(tmp_path / NAME, 10, 1e9) as theirs:
        assert (mine, theirs) == (True, False)


def test_a_refresh_takes_the_list_and_a_failed_one_is_logged(tmp_path, caplog):
    path = tmp_path / NAME
    client = ScriptedClient(ScriptedExchange(200, repriced(7)))
    asyncio.run(refresh_when_due(client, REFRESH, path))
    head = head_of(path)
    assert head.source == "https://prices.example/v2/data.json"
    asyncio.run(refresh_when_due(client, REFRESH, path))  # not due: nothing is asked
    os.utime(path.with_suffix(".lock"), (0, 0))
    asyncio.run(refresh_when_due(ScriptedClient(ScriptedExchange(200, b"[]")), REFRESH, path))
    assert (
        "no new price list, the old one stays: the price list of https://prices.example/v2/data.json is not used" in caplog.text
    )
    assert head_of(path) == head


def test_a_directory_that_is_gone_is_logged(tmp_path, caplog):
    asyncio.run(refresh_when_due(ScriptedClient(), REFRESH, tmp_path / "gone" / NAME))
    assert "no new price list" in caplog.text


# --- the configuration


def test_nothing_is_fetched_unless_the_operator_says_so(tmp_path):
    assert make_house(tmp_path).snapshot().refresh is None
    assert make_house(tmp_path, "catalogue: {refresh: off}").snapshot().refresh is None
    refresh = make_house(tmp_path, "catalogue: {refresh: on, every_hours: 6}").snapshot().refresh
    assert (refresh.url, refresh.every_s, refresh.destination.scheme) == (URL, 21_600, "https")


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ("{url: 'ftp://x'}", "catalogue.url"),
        ("{url: 'http://prices.example/data.json'}", "catalogue.url"),
        ("{proxy: 'socks://x'}", "catalogue.proxy"),
        ("{every_hours: 0.5}", "catalogue.every_hours"),
        ("{refresh: daily}", "catalogue.refresh"),
    ],
)
def test_a_mistake_has_its_path(tmp_path, entry, path):
    with pytest.raises(BadConfig) as caught:
        make_house(tmp_path, f"catalogue: {entry}").snapshot()
    assert [mistake.path for mistake in caught.value.mistakes] == [path]


# --- a running worker


def cost(snapshot):
    return snapshot.prices.cost(TABLE["openai"], "gpt-4.1", "", Usage(input=1_000_000), NOW)


def test_a_new_list_is_taken_in_without_a_restart_and_requests_under_way_keep_theirs(tmp_path, monkeypatch):
    monkeypatch.setattr("lockgate.app.WATCH_SECONDS", 0.01)
    app = make_app(tmp_path, "catalogue: {refresh: on, url: 'https://prices.example/data.json'}")
    before = app.world.snapshot

    async def go():
        app.start()
        app.runtime.clients["https"] = ScriptedClient(ScriptedExchange(200, repriced(7)))
        for _ in range(2000):
            if app.world.snapshot is not before:
                break
            await asyncio.sleep(0.01)
        await app.stop()

    asyncio.run(go())
    assert cost(app.world.snapshot).nusd == 7 * 10**9
    assert cost(app.world.snapshot).version == head_of(tmp_path / "data" / NAME).version
    assert cost(before).nusd == 2 * 10**9
    assert app.world.snapshot.revision != before.revision
    assert cost(make_house(tmp_path).snapshot()).nusd == 7 * 10**9  # and at the next start


def test_a_worker_asks_nobody_when_the_operator_wants_no_refresh(tmp_path, monkeypatch):
    async def never(*_):
        raise AssertionError("it was asked")

    monkeypatch.setattr(price_list, "fetch", never)
    app = make_app(tmp_path)

    async def go():
        app.start()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await app.stop()

    asyncio.run(go())
    assert not (tmp_path / "data" / "prices.lock").exists()
