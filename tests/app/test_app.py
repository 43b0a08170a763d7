"""A worker's reloads, when what they read has gone bad."""

import asyncio

import pytest

from lockgate.app import App
from lockgate.control import keys, providers
from lockgate.control.watch import Watch
from lockgate.core.failure import Refusal
from lockgate.pipeline.admit import admit
from lockgate.stores.ports import StoreError
from support.house import KEY, make_house
from support.tenants import ME, NOW


def reloaded(house, spoil):
    """The app after a reload of what `spoil` has left."""

    async def go():
        app = App(house, house.snapshot())
        before = app.world.snapshot
        spoil()
        await app.reload()
        return app, before

    return asyncio.run(go())


def test_a_good_change_is_taken(tmp_path):
    house = make_house(tmp_path)
    app, before = reloaded(house, lambda: house.config_path.write_text("providers: {openai: {api_key: k}}"))
    assert app.world.snapshot is not before
    assert "openai" in app.world.snapshot.providers


@pytest.mark.parametrize("trouble", ["configuration", "keys", "directory"])
def test_trouble_leaves_the_old_world_in_force_and_is_reported(tmp_path, caplog, trouble):
    house = make_house(tmp_path)

    def spoil():
        if trouble == "configuration":
            house.config_path.write_text("surprise: 1")
        elif trouble == "keys":
            for file in house.data.glob("control.db*"):
                file.unlink()
            (house.data / "control.db").write_bytes(b"garbage" * 1000)
        else:
            house.data.rename(tmp_path / "elsewhere")

    app, before = reloaded(house, spoil)
    assert app.world.snapshot is before
    assert "the old one stays in force" in caplog.text


def test_a_key_that_is_revoked_is_refused_also_while_the_file_is_spoilt(tmp_path, caplog):
    house = make_house(tmp_path, "limits: {request_body: 7}")
    with house.control() as store:
        home = store.house().home
        key, _ = keys.create(store, house.pepper, home, ME, NOW, name="app")

    def spoil():
        house.config_path.write_text("surprise: 1")
        with house.control() as store:
            keys.revoke(store, home, ME, NOW, key.id)

    app, before = reloaded(house, spoil)
    assert len(before.keys) == 2
    assert len(app.world.snapshot.keys) == 1
    assert app.world.snapshot.limits.request == 7
    assert "the old one stays in force" in caplog.text


def test_a_stored_slug_that_the_file_has_too_leaves_the_old_world_in_force(tmp_path, caplog):
    house = make_house(tmp_path, "providers: {mine: {provider: sim}}")

    def spoil():
        with house.control() as store:
            providers.add_provider(store, house.vault(store), store.house().home, ME, NOW, "mine", provider="sim")

    app, before = reloaded(house, spoil)
    assert app.world.snapshot is before
    assert "does not fit the configuration" in caplog.text


def test_a_key_that_is_not_known_gets_no_401_while_the_store_cannot_be_read(tmp_path):
    world = make_house(tmp_path).snapshot()
    headers = {b"authorization": b"Bearer lg_made-a-moment-ago"}
    with pytest.raises(Refusal) as told:
        admit(headers, world)
    assert told.value.status == 401
    world.stale = True
    with pytest.raises(Refusal) as told:
        admit(headers, world)
    assert (told.value.status, told.value.code, told.value.retry_after) == (503, "keys_unavailable", 5.0)
    assert admit({b"authorization": f"Bearer {KEY}".encode()}, world)[0].id == "admin"


def test_a_key_of_a_changed_provider_is_not_kept_either(tmp_path):
    key = "0123456789abcdef0123456789abcdef"
    house = make_house(tmp_path)
    app, _ = reloaded(house, lambda: house.config_path.write_text(f"providers: {{openai: {{api_key: {key}}}}}"))
    assert key not in app.runtime.redactor.text(f"the key {key} is wrong")


def test_looking_for_changes_goes_on_after_trouble(tmp_path, monkeypatch, caplog):
    """A look that fails is not the last one: a key that is revoked later must still be refused."""
    monkeypatch.setattr("lockgate.app.WATCH_SECONDS", 0.001)
    house = make_house(tmp_path)
    changed = Watch.changed
    bad = True

    def look(watch):
        if bad:
            raise StoreError("control.db: disk I/O error")
        return changed(watch)

    monkeypatch.setattr(Watch, "changed", look)

    async def until(claim):
        for _ in range(5000):
            if claim():
                return
            await asyncio.sleep(0.001)
        raise AssertionError("it did not come")

    async def go():
        nonlocal bad
        app = App(house, house.snapshot())
        app.start()
        await until(lambda: "cannot be watched" in caplog.text)
        assert app.world.snapshot.stale
        house.config_path.write_text("limits: {request_body: 7}")
        await until(lambda: app.world.snapshot.limits.request == 7)
        bad = False
        house.config_path.write_text("limits: {request_body: 77}")
        await until(lambda: app.world.snapshot.limits.request == 77)
        await until(lambda: not app.world.snapshot.stale)
        await app.stop()

    asyncio.run(go())


def test_a_worker_works_alone_where_it_cannot_share(tmp_path, monkeypatch, caplog):
    """Neither a place for the roster nor circuits between machines is a reason not to serve."""

    def no_redis(url):
        raise StoreError("Redis needs redis-py: pip install 'lockgate[redis]'.")

    monkeypatch.setattr("lockgate.app.open_exchange", no_redis)
    house = make_house(tmp_path, LOCKGATE_REDIS_URL="redis://127.0.0.1:1")
    (house.data / "workers").write_text("in the way")

    async def go():
        app = App(house, house.snapshot())
        app.start()
        await app.stop()

    asyncio.run(go())
    assert "circuits are not shared with other machines: Redis needs" in caplog.text
    assert "what this worker does cannot be written down for others: File exists" in caplog.text
