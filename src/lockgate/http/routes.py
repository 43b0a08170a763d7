"""The one table of routes: path → operation, dialect, required scope. A route without a policy stops the start-up."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from lockgate.core.call import Operation
from lockgate.dialects.registry import CODECS
from lockgate.pipeline.door import ANSWERS


class Route(msgspec.Struct, frozen=True):
    """One data-plane route. `scope` is what a key must carry to use it; it may not be empty."""

    method: str
    path: str
    operation: Operation
    dialect: str
    scope: str


class UnguardedRoute(Exception):
    """A route without a policy, or that nothing answers: the gateway does not start with one."""


ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/chat/completions", "chat", "openai.chat", "completions.write"),
    Route("POST", "/v1/responses", "respond", "openai.responses", "completions.write"),
    Route("POST", "/v1/messages", "message", "anthropic.messages", "completions.write"),
    Route("POST", "/v1/messages/count_tokens", "count", "anthropic.messages", "completions.write"),
    Route("GET", "/v1/models", "models", "", "models.list"),
)

#: Every scope that some route asks for: what a key carries when nothing else is said.
SCOPES: frozenset[str] = frozenset(route.scope for route in ROUTES)


class Table(msgspec.Struct, frozen=True):
    """Routes ready to be looked up: path → method → route."""

    paths: dict[str, dict[str, Route]]

    def find(self, method: str, path: str) -> Route | None:
        """The route, or None."""
        methods = self.paths.get(path)
        return methods.get(method) if methods is not None else None

    def methods(self, path: str) -> list[str]:
        """What a path can be asked with; empty for an unknown path."""
        return sorted(self.paths.get(path, ()))


def lay_out(routes: Iterable[Route] = ROUTES) -> Table:
    """The table. Raises `UnguardedRoute` for a route without scope, answer or dialect, or one that is there twice."""
    paths: dict[str, dict[str, Route]] = {}
    for route in routes:
        name = f"{route.method} {route.path}"
        if not route.scope:
            raise UnguardedRoute(f"{name} declares no scope")
        if route.operation not in ANSWERS:
            raise UnguardedRoute(f"{name}: nothing answers the operation '{route.operation}'")
        if route.dialect and route.dialect not in CODECS:
            raise UnguardedRoute(f"{name}: there is no dialect '{route.dialect}'")
        methods = paths.setdefault(route.path, {})
        if route.method in methods:
            raise UnguardedRoute(f"{name} is there twice")
        methods[route.method] = route
    return Table(paths)
