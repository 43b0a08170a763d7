"""Rows of the table with the functions that answer them. What a function takes and gives stands in its signature:

    def update(ask: Ask, body: ChangedConfig) -> MadeConfig

`body` is the JSON body, `query` the query; both are structs, and what they do not know is refused. A body that is a list may
be sent as one of its elements, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from starlette.responses import Response

from lockgate.core.failure import Refusal
from lockgate.core.json import readable, wrong_type
from lockgate.http.admin.routes import AdminRoute
from lockgate.http.admin.shapes import said
from lockgate.http.routes import UnguardedRoute

#: Other spellings of what a query may say, as Portkey's SDK has them in places.
_ALSO = {"pageSize": "page_size", "currentPage": "current_page", "workspace_slug": "workspace_id"}
_UNKNOWN = re.compile("unknown field `(.+?)`")


class Operation(msgspec.Struct, frozen=True):
    """A row, what answers it, and the types of that."""

    route: AdminRoute
    function: Callable[..., Any]
    answer: Any
    body: Any = None
    query: type[msgspec.Struct] | None = None

    @property
    def element(self) -> Any:
        """What a body that is a list has; None for any other."""
        kind = get_args(self.body)[0] if get_origin(self.body) is Annotated else self.body
        return get_args(kind)[0] if get_origin(kind) is list else None

    def read_body(self, data: bytes) -> Any:
        """The body; nothing at all stands for `{}`. Raises `Refusal` 400 for what cannot be read."""
        if self.body is not None:
            data = data or b"{}"
            if self.element is not None and data.lstrip()[:1] == b"{":
                data = b"[" + data + b"]"
            try:
                return readable(data, self.body)
            except Refusal as refusal:
                raise _named(refusal) from None
        if data.strip() not in (b"", b"{}", b"null"):
            raise Refusal(400, "unexpected_body", f"{self.route.name} takes no body: leave it out.")
        return None

    def read_query(self, pairs: list[tuple[str, str]]) -> tuple[msgspec.Struct | None, dict[str, str]]:
        """The query, and what every operation knows: `workspace_id` and `organisation_id`. Raises `Refusal` 400."""
        found: dict[str, str] = {}
        for name, value in pairs:
            name = _ALSO.get(name, name)
            if name in found:
                raise Refusal(400, "repeated_parameter", f"'{name[:100]}' is given twice.", param=name[:100])
            found[name] = value
        fields = () if self.query is None else self.query.__struct_fields__
        common = {name: found.get(name, "") for name in COMMON}
        unknown = [name for name in found if name not in fields and name not in common]
        if unknown:
            known = ", ".join(sorted({*fields, *common}))
            raise Refusal(
                400,
                "unknown_parameter",
                f"{self.route.name} knows no '{unknown[0][:100]}'. It knows {known}.",
                param=unknown[0][:100],
            )
        if self.query is None:
            return None, common
        said = {name: value for name, value in found.items() if name in fields}
        try:
            return msgspec.convert(said, self.query, strict=False), common
        except msgspec.ValidationError as error:
            raise wrong_type(error) from None


def _named(refusal: Refusal) -> Refusal:
    """A refusal of a member that is not known names that member, and not what it stands in."""
    if (match := _UNKNOWN.search(refusal.message)) is None:
        return refusal
    at = f"{refusal.param}.{match[1]}" if refusal.param else match[1]
    return Refusal(400, "unknown_member", f"There is no '{at[:200]}' here: leave it out.", param=at[:200])


#: What says where an operation works: each may say it in its query, and those with such a member in their bodies.
COMMON = ("workspace_id", "organisation_id")


def named_in(name: str, body: object, query: Mapping[str, str], path: Mapping[str, str]) -> str:
    """A workspace or an organisation that a request names. Raises `Refusal` 400 when it names two."""
    named = {getattr(body, name, ""), query.get(name, ""), path.get(name, "")} - {"", None}
    if len(named) > 1:
        raise Refusal(400, "invalid_value", "The path, the query and the body name different ones.", param=name)
    return named.pop() if named else ""


def members_of(body: object) -> frozenset[str]:
    """What a body says, by the names of its members."""
    return said(body) if isinstance(body, msgspec.Struct) else frozenset()


def bind(route: AdminRoute) -> Operation:
    """The row with its function. Raises `UnguardedRoute` for one that is not there or does not say what it takes, and for
    members that are reserved and not in the body."""
    module, _, name = route.handler.partition(".")
    function = getattr(import_module(f"lockgate.http.admin.{module}"), name, None)
    if function is None:
        raise UnguardedRoute(f"{route.name}: there is no {route.handler}")
    types = get_type_hints(function, include_extras=True)
    answer, body, query = types.pop("return", None), types.pop("body", None), types.pop("query", None)
    types.pop("ask", None)
    if answer is None or types:
        raise UnguardedRoute(f"{route.name}: {route.handler} takes an ask, a body and a query, and says what it gives")
    if (answer is Response) != bool(route.gives):
        raise UnguardedRoute(f"{route.name}: what is no JSON says what it gives, and is a Response")
    if strange := set(route.reserved) - set(getattr(body, "__struct_fields__", ())):
        raise UnguardedRoute(f"{route.name}: its body has no {', '.join(sorted(strange))}")
    return Operation(route, function, answer, body, query)
