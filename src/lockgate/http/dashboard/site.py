"""The dashboard as the gateway serves it: its files, and its first page for every view.

Views are paths (`/logs/…`) that only the application in the browser knows; here it is known what they are not: nothing that a
route of ours begins like, and nothing for who did not ask for a page. So a program that asks for a wrong path is told so, as
ever, and a view needs no line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lockgate.http.dashboard.shelf import INDEX, Article, take_stock
from lockgate.pipeline.ports import Headers
from lockgate.wire.accept import quality

#: Nothing runs, loads, frames or is framed but what lies here; no text becomes a document but by Svelte's own templates.
POLICY = b"; ".join(
    (
        b"default-src 'none'",
        b"script-src 'self'",
        b"style-src 'self'",
        b"img-src 'self' data:",
        b"connect-src 'self'",
        b"font-src 'self'",
        b"base-uri 'none'",
        b"form-action 'self'",
        b"frame-ancestors 'none'",
        b"require-trusted-types-for 'script'",
        b"trusted-types svelte-trusted-html",
    )
)
#: Below here names change with what they name.
_FOREVER = "/assets/"

#: Status, headers, body.
Served = tuple[int, Headers, bytes]


class Dashboard:
    """The files; and the paths that are others'. `stock` gives the files, and is asked again while there are none."""

    def __init__(self, taken: Iterable[str] = (), stock: Callable[[], dict[str, Article]] = take_stock) -> None:
        self._taken = frozenset(_first(path) for path in taken) - {""}
        self._stock = stock
        self._articles: dict[str, Article] = {}

    def __repr__(self) -> str:
        return f"Dashboard({len(self._articles)} files)"

    @property
    def is_built(self) -> bool:
        """Whether there is anything to show."""
        if not self._articles:
            self._articles = self._stock()
        return bool(self._articles)

    def find(self, path: str, headers: Headers) -> Served | None:
        """The answer to a GET; None where it is not the dashboard's to answer."""
        if not self.is_built:
            return None
        said = dict(headers)
        article = self._articles.get(path) if path != INDEX else None
        if article is None:
            if _first(path) in self._taken or path.startswith(_FOREVER) or not quality(_text(said, b"accept"), "text/html"):
                return None
            article = self._articles[INDEX]
        form = article.form(_text(said, b"accept-encoding"))
        head: Headers = [
            (b"etag", form.etag),
            (b"cache-control", b"public, max-age=31536000, immutable" if path.startswith(_FOREVER) else b"no-cache"),
            (b"vary", b"accept, accept-encoding"),
            (b"content-security-policy", POLICY),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if form.etag in (tag.strip().removeprefix(b"W/") for tag in said.get(b"if-none-match", b"").split(b",")):
            return 304, head, b""
        head.append((b"content-type", article.kind))
        if form.encoding:
            head.append((b"content-encoding", form.encoding.encode()))
        return 200, head, form.body


def _first(path: str) -> str:
    """The first part of a path."""
    return path.split("/", 2)[1] if path.startswith("/") else path


def _text(headers: dict[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")
