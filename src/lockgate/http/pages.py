"""The pages that are neither data plane nor administration: path → who may ask. A page that does not say stops the start-up."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from lockgate.http.routes import SCOPES, UnguardedRoute

#: What a page says that anybody may ask for: it tells nothing of the house.
OPEN = "open"


class Page(msgspec.Struct, frozen=True):
    """One page. `scope` is what a key must carry, or `OPEN`."""

    path: str
    scope: str


#: `/metrics` needs a key even from this machine itself: behind a proxy, everybody comes from this machine.
PAGES: tuple[Page, ...] = (
    Page("/", OPEN),
    Page("/healthz", OPEN),
    Page("/readyz", OPEN),
    Page("/metrics", "metrics.read"),
)


def lay_out_pages(pages: Iterable[Page] = PAGES) -> dict[str, Page]:
    """The pages by path. Raises `UnguardedRoute` for one that says nothing of who may ask, or that is there twice."""
    found: dict[str, Page] = {}
    for page in pages:
        if page.scope != OPEN and page.scope not in SCOPES:
            raise UnguardedRoute(f"the page {page.path} declares no scope")
        if found.setdefault(page.path, page) is not page:
            raise UnguardedRoute(f"the page {page.path} is there twice")
    return found
