"""What of requests may be kept, and for how long, as configuration and stored workspaces and keys say it together."""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.control.config import BadConfig, Config, Mistake, log_bodies, log_url
from lockgate.control.stored import Stored
from lockgate.core.cache_cap import UNCAPPED, CacheCap, cap_of
from lockgate.core.call import Capture, strictest
from lockgate.core.mask import Mask, Redaction
from lockgate.core.tenancy import Organisation, Workspace
from lockgate.stores.logs.open import wrong_with_bodies
from lockgate.stores.logs.s3 import wrong_with_place

#: Leaves nothing to be read.
_ALL = Mask(["(?s).+"])


def check_bodies(config: Config, environment: Mapping[str, str]) -> list[Mistake]:
    """What is wrong with the place of the log's bodies."""
    try:
        place = log_bodies(config.log, environment)
    except BadConfig as bad:
        return bad.mistakes
    if place is None:
        return []
    if wrong := wrong_with_bodies(log_url(config.log, environment)):
        return [Mistake("log.bodies", wrong)]
    member, wrong = wrong_with_place(place, environment)
    return [Mistake(f"log.{member}", wrong)] if wrong else []


def mask_of(at: str, said: Redaction, mistakes: list[Mistake]) -> Mask | None:
    """What is said of redaction at one place, compiled; None where nothing is, or `mistakes` has got what is wrong with it."""
    flaws = [Mistake(f"{at}.redact.{where}", why) for where, why in said.flaws()]
    mistakes += flaws
    return said.mask() if said and not flaws else None


def masks_of(config: Config, stored: Stored, mistakes: list[Mistake]) -> dict[str, Mask]:
    """What workspaces and keys take out of the log besides, by their ids. Where what is stored cannot be used, nothing can be
    read."""
    home = stored.home.workspace
    said = [("workspace", home, config.workspace.redact)]
    said += [(f"keys[{n}]", f"config:{entry.name}", entry.redact) for n, entry in enumerate(config.keys) if entry.redact]
    found = {id: mask for at, id, each in said if (mask := mask_of(at, each, mistakes)) is not None}
    rows: list[Workspace] = list(stored.rows[Workspace].values())
    kept = [(f"stored workspace {row.slug}", row.id, row.redact) for row in rows if row.redact]
    kept += [(f"stored key {id}", id, each) for id, each in stored.redactions.items()]
    for at, id, each in kept:
        mask = mask_of(at, each, stored.flaws) or _ALL
        found[id] = Mask.joined((found[id], mask)) if id in found else mask
    return found


def captures_of(config: Config, stored: Stored) -> dict[str, Capture]:
    """What may be kept in workspaces, where that is not all. What the file says is of the one that its things belong to."""
    rows: list[Workspace] = list(stored.rows[Workspace].values())
    found: dict[str, Capture] = {row.id: row.capture for row in rows}
    home = stored.home.workspace
    found[home] = strictest(found.get(home, "full"), config.workspace.capture)
    return {place: capture for place, capture in found.items() if capture != "full"}


def caps_of(config: Config, stored: Stored) -> dict[str, CacheCap]:
    """The most that configs may ask of the cache, where that is not whatever they like: in workspaces; in organisations, for
    their keys that belong to none. What the file says is of the workspace that its things belong to."""
    organisations: dict[str, Organisation] = stored.rows[Organisation]
    found = {row.id: row.cache for row in organisations.values()}
    workspaces: dict[str, Workspace] = stored.rows[Workspace]
    for row in workspaces.values():
        found[row.id] = row.cache.within(found.get(row.organisation, UNCAPPED))
    home = stored.home.workspace
    found[home] = found.get(home, UNCAPPED).within(cap_of(config.workspace.cache))
    return {place: cap for place, cap in found.items() if cap != UNCAPPED}
