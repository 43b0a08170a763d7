"""What things are called that the log knows by their ids: keys, people, workspaces and organisations."""

from __future__ import annotations

from lockgate.core.tenancy import ApiKey, Organisation, Row, Tenant, User, Workspace
from lockgate.stores.control.query import Absent
from lockgate.stores.control.store import ControlStore

#: Dimension → the noun whose ids are its values.
_NOUNS: dict[str, type[Row]] = {"key": ApiKey, "user": User, "workspace": Workspace, "organisation": Organisation}
#: How the ids of keys begin that the configuration declares.
_DECLARED = "config:"
NAMED = frozenset(_NOUNS)


class Names:
    """Looks names up in the control store, as a tenant sees it, each once. `store` None: there is none to look in."""

    def __init__(self, store: ControlStore | None, tenant: Tenant) -> None:
        self._store = store
        self._tenant = tenant
        self._known: dict[tuple[str, str], str] = {}

    def __repr__(self) -> str:
        return f"Names({len(self._known)} known)"

    def of(self, dimension: str, value: str) -> str:
        """What a value of a dimension is called; "" where that is not known, or nothing but the value. Raises `StoreError`."""
        noun = _NOUNS.get(dimension)
        if noun is None or not value:
            return ""
        if value.startswith(_DECLARED):
            return value.removeprefix(_DECLARED)
        known = self._known.get((dimension, value))
        if known is None:
            known = self._known[dimension, value] = self._found(noun, value)
        return known

    def _found(self, noun: type[Row], id: str) -> str:
        if self._store is None:
            return ""
        try:
            row = self._store.get(self._tenant, noun, id)
        except Absent:
            return ""
        return row.email if isinstance(row, User) else getattr(row, "name", "")
