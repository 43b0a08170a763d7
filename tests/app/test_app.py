"""A worker's reloads, when what they read has gone bad."""

import asyncio

import pytest

from lockgate.app import App
from lockgate.control.watch import Watch
from lockgate.stores.ports import StoreError
from support.house import make_house


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
        house.config_path.write_text("limits: {request_body: 7}")
        await until(lambda: app.world.snapshot.limits.request == 7)
        bad = False
        house.config_path.write_text("limits: {request_body: 77}")
        await until(lambda: app.world.snapshot.limits.request == 77)
        await app.stop()

    asyncio.run(go())
