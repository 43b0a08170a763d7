"""The migrations of every log store, held to what was released: one that changes leaves two kinds of store behind."""

import hashlib

import pytest

from lockgate.stores.logs import schema as sqlite
from lockgate.stores.logs.clickhouse import schema as clickhouse
from lockgate.stores.logs.postgres import schema as postgres

#: What each says, but for how it is broken into lines. A new one is added; none is ever changed.
RELEASED = {
    "sqlite": (
        sqlite.MIGRATIONS,
        ["979c34d57dd1954a", "e830961382a54c8a", "d71cba6442d35265", "ed025a0d9e518868", "e830961382a54c8a"],
    ),
    "postgresql": (
        postgres.MIGRATIONS,
        [
            "ed84a9a75a9ef059",
            "9280e166618c8bfb",
            "b13bc16a9b55702d",
            "ebddda497fab9b22",
            "7ccd0e7ee966f335",
            "4c6b58856fd97a60",
            "b13bc16a9b55702d",
        ],
    ),
    "clickhouse": (clickhouse.MIGRATIONS, ["5691484ba0b7fc69", "c4b9a114781915dc", "a1b1df10eb503f7c", "9a90e181bade4da5"]),
}


def digest(migration):
    text = migration if isinstance(migration, str) else "\n".join(migration)
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:16]


@pytest.mark.parametrize("store", RELEASED)
def test_no_migration_has_changed(store):
    migrations, digests = RELEASED[store]
    assert [digest(each) for each in migrations] == digests
