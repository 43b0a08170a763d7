"""The one table of routes: path → operation, dialect, required scope. A route without a policy stops the start-up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal
from urllib.parse import unquote

import msgspec

from lockgate.control.scopes import ADMINISTRATIVE
from lockgate.core.call import Operation
from lockgate.dialects.registry import CODECS, RELAYS
from lockgate.pipeline.door import ANSWERS
from lockgate.pipeline.ports import Address


class Route(msgspec.Struct, frozen=True):
    """One data-plane route. `scope` is what a key must carry to use it; it may not be empty.

    `path` may have holes: `{model}` takes a model's name, slashes and all, `{rest}` whatever follows. `streams` is set where
    the path, and not the body, says whether the answer is streamed. `takes` says what the body may be: JSON, JSON or a form,
    or anything. `named`: it is there for requests that name a provider in a header, and for no others. `key_query` names a
    query parameter in which a key may come, and the header that it stands for.
    """

    method: str
    path: str
    operation: Operation
    dialect: str
    scope: str
    streams: bool | None = None
    takes: Literal["json", "form", "any"] = "json"
    named: bool = False
    key_query: tuple[bytes, bytes] | None = None


class UnguardedRoute(Exception):
    """A route without a policy, or that nothing answers: the gateway does not start with one."""


def _gemini(version: str) -> tuple[Route, ...]:
    """Google writes model and verb into the path: https://ai.google.dev/api/all-methods."""
    path = f"/{version}/models/{{model}}"
    dialect, scope, key = "gemini.generate", "completions.write", (b"key", b"x-goog-api-key")
    return (
        Route("POST", f"{path}:generateContent", "chat", dialect, scope, streams=False, key_query=key),
        Route("POST", f"{path}:streamGenerateContent", "chat", dialect, scope, streams=True, key_query=key),
        Route("POST", f"{path}:countTokens", "count", dialect, scope, key_query=key),
        Route("POST", f"{path}:embedContent", "embed", "gemini.embed", scope, key_query=key),
        Route("POST", f"{path}:batchEmbedContents", "embed", "gemini.batch_embed", scope, key_query=key),
    )


def _passes(path: str, *, named: bool) -> tuple[Route, ...]:
    """What is passed on as it is, whatever it is."""
    key = (b"key", b"x-goog-api-key")
    return tuple(
        Route(method, path, "proxy", "", "proxy.write", takes="any", named=named, key_query=key)
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    )


ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/chat/completions", "chat", "openai.chat", "completions.write"),
    Route("POST", "/v1/responses", "respond", "openai.responses", "completions.write"),
    Route("POST", "/v1/messages", "message", "anthropic.messages", "completions.write"),
    Route("POST", "/v1/messages/count_tokens", "count", "anthropic.messages", "completions.write"),
    Route("POST", "/v1/completions", "complete", "openai.completions", "completions.write"),
    Route("POST", "/v1/embeddings", "embed", "openai.embeddings", "completions.write"),
    Route("POST", "/v1/rerank", "rerank", "jina.rerank", "completions.write"),
    Route("POST", "/v1/moderations", "moderate", "openai.moderations", "completions.write"),
    Route("POST", "/v1/images/generations", "image", "openai.images", "completions.write"),
    Route("POST", "/v1/images/edits", "image", "openai.image_edits", "completions.write", takes="form"),
    Route("POST", "/v1/images/variations", "image", "openai.image_variations", "completions.write", takes="form"),
    Route("POST", "/v1/audio/speech", "speech", "openai.speech", "completions.write"),
    Route("POST", "/v1/audio/transcriptions", "transcribe", "openai.transcriptions", "completions.write", takes="form"),
    Route("POST", "/v1/audio/translations", "transcribe", "openai.translations", "completions.write", takes="form"),
    Route("POST", "/v1/ocr", "ocr", "mistral.ocr", "completions.write"),
    Route("POST", "/v2/chat", "chat", "cohere.chat", "completions.write"),
    Route("POST", "/v2/embed", "embed", "cohere.embed", "completions.write"),
    Route("POST", "/v2/rerank", "rerank", "cohere.rerank", "completions.write"),
    Route("POST", "/v1/explain", "explain", "", "completions.write"),
    Route("POST", "/v1/otel/v1/traces", "spans", "", "logs.write", takes="any"),
    Route("POST", "/v1/otel/v1/logs", "events", "", "logs.write", takes="any"),
    Route("GET", "/v1/models", "models", "", "models.list"),
    Route("GET", "/v1/models/{model}", "models", "", "models.list"),
    *_gemini("v1beta"),
    *_gemini("v1"),
    *_passes("/proxy/{provider}/{rest}", named=False),
    *_passes("/v1/proxy/{rest}", named=True),
    *_passes("/v1/{rest}", named=True),
)

#: Every scope there is: those that some route here asks for, and those that administer.
SCOPES: frozenset[str] = frozenset(route.scope for route in ROUTES) | ADMINISTRATIVE

#: What a hole in a path takes.
_HOLES = {"model": ".+", "provider": "[^/]+", "rest": ".*"}
#: Holes whose text goes on as it came, escapes and all.
_AS_IT_CAME = frozenset(("rest",))
_HOLE = re.compile(r"\{([a-z]+)\}")


class Found(msgspec.Struct, frozen=True):
    """A route, and what stands in the holes of its path, decoded."""

    route: Route
    params: dict[str, str]


class Pattern(msgspec.Struct, frozen=True):
    """A path with holes, ready to be compared."""

    whole: re.Pattern[str]
    methods: dict[str, Route]


class Table(msgspec.Struct, frozen=True):
    """Routes ready to be looked up: an exact path → method → route; what no exact path is, the first pattern that fits."""

    paths: dict[str, dict[str, Found]]
    patterns: dict[str, Pattern]

    def find(self, method: str, path: str) -> Found | None:
        """The route, or None. `path` is as it stands in the request line."""
        methods = self.paths.get(path)
        if methods is not None:
            return methods.get(method)
        for pattern in self.patterns.values():
            if (match := pattern.whole.fullmatch(path)) is not None and (route := pattern.methods.get(method)) is not None:
                params = {name: said if name in _AS_IT_CAME else unquote(said) for name, said in match.groupdict().items()}
                return Found(route, params)
        return None

    def address(self, path: str) -> Address | None:
        """What a POST to a path asks for; None where nothing is, or only what a header names."""
        found = self.find("POST", path)
        if found is None or found.route.named:
            return None
        route = found.route
        return Address(route.operation, route.dialect, route.scope, found.params, route.streams)

    def methods(self, path: str) -> list[str]:
        """What a path can be asked with; empty for an unknown path."""
        if path in self.paths:
            return sorted(self.paths[path])
        return sorted({method for each in self.patterns.values() if each.whole.fullmatch(path) for method in each.methods})

    def known(self) -> list[str]:
        """Every path, as it is written in the table."""
        return sorted((*self.paths, *self.patterns))


def lay_out(routes: Iterable[Route] = ROUTES) -> Table:
    """The table. Raises `UnguardedRoute` for a route without scope, answer or dialect, or one that is there twice."""
    table = Table({}, {})
    for route in routes:
        name = f"{route.method} {route.path}"
        if not route.scope:
            raise UnguardedRoute(f"{name} declares no scope")
        if route.operation not in ANSWERS:
            raise UnguardedRoute(f"{name}: nothing answers the operation '{route.operation}'")
        if route.dialect and route.dialect not in RELAYS:
            raise UnguardedRoute(f"{name}: there is no dialect '{route.dialect}'")
        if route.operation == "count" and CODECS[route.dialect].counting is None:
            raise UnguardedRoute(f"{name}: '{route.dialect}' has no way to ask for a count")
        if "{" in route.path:
            pattern = table.patterns.setdefault(route.path, Pattern(_compile(route.path), {}))
            taken = route.method in pattern.methods
            pattern.methods[route.method] = route
        else:
            methods = table.paths.setdefault(route.path, {})
            taken = route.method in methods
            methods[route.method] = Found(route, {})
        if taken:
            raise UnguardedRoute(f"{name} is there twice")
    return table


def _compile(path: str) -> re.Pattern[str]:
    pieces = _HOLE.split(path)  # text, hole, text, …
    for at in range(1, len(pieces), 2):
        pieces[at] = f"(?P<{pieces[at]}>{_HOLES[pieces[at]]})"
    for at in range(0, len(pieces), 2):
        pieces[at] = re.escape(pieces[at])
    return re.compile("".join(pieces), re.DOTALL)
