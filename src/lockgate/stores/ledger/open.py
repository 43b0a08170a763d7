"""Opening the ledger by its URL: `sqlite:///FILE` (four slashes for an absolute path) or `postgresql://…`; with a pool in Redis
in front of it (`tier`), `redis://…,postgresql://…`.

What a caller does with it, in one event loop:

    ledger = open_ledger(url, journals, "worker 1", report=log.warning)
    await ledger.start()
    account = ledger.account(budget)                            # keep it; it may be asked for again with a newer revision
    got = await ledger.admit([account, …], id, attempt, ask, capacity, price)         # raises Refusal 400, 412, 429, 503
    got.reservation.dispatch()                                  # just before the first byte is sent
    ledger.settle(got.reservation, (nano_usd, tokens, requests))  # what it has cost
    ledger.release(got.reservation)                             # in `finally`: void if never sent, in full if never settled
    await ledger.close()

Nothing is connected here: a database that is away when the worker starts is asked again until it answers.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

from lockgate.policy.ledger import Alert
from lockgate.stores.ledger.book import Book
from lockgate.stores.ledger.change import SILENT_US
from lockgate.stores.ledger.ledger import Ledger
from lockgate.stores.ledger.ports import Database
from lockgate.stores.ledger.sqlite import SqliteLedger
from lockgate.stores.ledger.tier import Pool, TieredBook
from lockgate.stores.ports import StoreError


def open_ledger(
    url: str, journals: Path, name: str, *, report: Callable[[str], None], alert: Callable[[Alert], None] | None = None
) -> Ledger:
    """One worker's ledger, to be started. `journals` is a folder on a local disk, the same for all workers of a machine that
    use this database; it is made if need be. For `name`, `report` and `alert` see `Ledger`. Raises `StoreError` for a URL that
    names no ledger."""
    return Ledger(open_book(url, journals), journals, name, report=report, alert=alert)


def open_book(url: str, journals: Path | None = None, *, silent_us: int = SILENT_US) -> Book:
    """The durable ledger, for those who define budgets, look at balances or audit; to be `shut`. Its calls block, all in one
    thread at a time. Who has `journals` takes part in the pool, if there is one. Who is not heard for `silent_us` is taken for
    lost. Raises `StoreError` for a URL that names no ledger."""
    front, _, rest = url.partition(",")
    if front.partition(":")[0] not in _POOLS:
        return Book(open_database(url), silent_us=silent_us)
    database = open_database(rest)
    if journals is None:
        return Book(database, silent_us=silent_us)
    return TieredBook(database, _redis(front), journals, silent_us=silent_us)


def open_database(url: str) -> Database:
    """Where the ledger's tables are. Raises `StoreError` for a URL that names none."""
    make = _SCHEMES.get(url.partition(":")[0])
    if make is None:
        raise StoreError(f"The ledger's URL begins with {' or '.join(f'{scheme}://' for scheme in _SCHEMES)}.")
    return make(url)


def _sqlite(url: str) -> Database:
    name = unquote(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite:///") or not name:
        raise StoreError("sqlite:/// is followed by the path of a file, as in sqlite:////var/lib/lockgate/ledger.db.")
    path = Path(name)
    if not path.parent.is_dir():
        raise StoreError(f"The ledger cannot be kept in {path}: make the folder {path.parent}, or name another file.")
    return SqliteLedger(path)


def _postgres(url: str) -> Database:
    try:
        # 25 MB and a quarter of a second to import, so only who asks for it has it.
        postgres = import_module("lockgate.stores.ledger.postgres")
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise StoreError("A ledger in PostgreSQL needs psycopg: pip install 'lockgate[postgres]'.") from None
    return postgres.PostgresLedger(url)


def _redis(url: str) -> Pool:
    try:
        redis_pool = import_module("lockgate.stores.ledger.redis_pool")
    except ModuleNotFoundError as error:
        if error.name != "redis":
            raise
        raise StoreError("A pool in Redis needs redis-py: pip install 'lockgate[redis]'.") from None
    return redis_pool.RedisPool(url)


_POOLS = ("redis", "rediss", "unix")
_SCHEMES: dict[str, Callable[[str], Database]] = {"sqlite": _sqlite, "postgresql": _postgres, "postgres": _postgres}
