"""`docs/providers/`, written from the provider table: an index, and a page for each provider.

python -m lockgate.providers.docs docs/providers
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lockgate.providers.auth import SIGNERS
from lockgate.providers.auth.static import SCHEMES
from lockgate.providers.edits import Edits
from lockgate.providers.slots import Slot
from lockgate.providers.table import TABLE, Endpoint, Row

#: The kinds of providers, in the order of the index.
KINDS = {
    "makers": "Makers of models",
    "clouds": "Clouds",
    "hosts": "Hosts of open models",
    "gateways": "Gateways",
    "local": "Your own servers",
    "media": "Embeddings, reranking, pictures, sound, and stores of vectors",
}
_MADE = "<!-- Made from src/lockgate/providers/table/ by `python -m lockgate.providers.docs docs/providers`. -->\n"


def write(folder: Path, table: Mapping[str, Row] = TABLE) -> None:
    """Write all pages, and remove those of providers that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = render(table)
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        folder.joinpath(name).write_text(text, "utf-8")


def render(table: Mapping[str, Row] = TABLE) -> dict[str, str]:
    """File name → text."""
    return {"README.md": index(table), **{f"{row.slug}.md": page(row) for row in table.values()}}


def index(table: Mapping[str, Row]) -> str:
    """The page that lists them all."""
    lines = [_MADE, f"# {len(table)} providers", "", "`lockgate providers` lists them too, and says which are ready.", ""]
    for kind, title in KINDS.items():
        rows = sorted((row for row in table.values() if row.kind == kind), key=lambda row: row.name.lower())
        lines += [f"## {title}", "", "| | Name here | Speaks | Key |", "|---|---|---|---|"]
        lines += [f"| [{row.name}]({row.slug}.md) | `{row.slug}` | {_spoken(row)} | {_codes(row.env) or '-'} |" for row in rows]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def page(row: Row) -> str:
    """The page of one provider."""
    lines = [_MADE, f"# {row.name}", ""]
    lines += [f"`{row.slug}` · [{KINDS[row.kind]}](README.md) · {_reference(row)}", ""]
    lines += [*_example(row), ""]
    lines += [f"- **Key**: {_key(row)}", f"- **Address**: {_address(row)}"]
    lines += [f"- **Model names**: {_codes(row.models)} find their way here by themselves."] if row.models else []
    lines += [f"- **Always sent**: {_codes(f'{name}: {value}' for name, value in row.headers.items())}"] if row.headers else []
    lines += [f"- {note}" for note in row.notes]
    lines.append("")
    if row.slots:
        lines += ["| Parameter | Also said by | In the environment | Otherwise |", "|---|---|---|---|"]
        lines += [_slot(name, slot) for name, slot in row.slots.items()]
        lines.append("")
    lines += _places("Speaks", row.speaks)
    lines += _places("Does", row.operations)
    lines += _places("Counts tokens", row.counts)
    for dialect, edits in row.edits.items():
        lines += [f"Otherwise than `{dialect}` says:", "", *(f"- {text}" for text in _edits(edits)), ""]
    for each in row.variants:
        if each.models and (each.speaks or each.operations):
            does = [*_places("Speaks", each.speaks or {}), *_places("Does", each.operations or {})]
            lines += [f"For {_codes(each.models)}:", "", *does]
    return "\n".join(lines).rstrip() + "\n"


def _spoken(row: Row) -> str:
    dialects = dict.fromkeys([*row.speaks, *(name for each in row.variants for name in each.speaks or {})])
    return _codes(dialects) or (_codes(row.operations) or "pass-through")


def _reference(row: Row) -> str:
    also = " · [what a cloud needs besides a key](../clouds.md)" if row.kind == "clouds" else ""
    return f"[its documentation]({row.docs}){also}" if row.docs.startswith("https://") else row.docs


def _example(row: Row) -> list[str]:
    """How it is set up and asked, as short as can be."""
    if row.builtin:
        return ["It is there without being set up; ask for `@sim/chat`."]
    members = {} if row.keyless or row.auth in SIGNERS else {"api_key": f'"${{{row.env[0]}}}"'}
    if not row.base_url or row.kind == "local":
        members["base_url"] = row.base_url or "https://…"
    needed = {name: row.slots[name] for name in sorted(row.slots_of(row.base_url, ())) if not row.slots[name].default}
    members |= {slot.member: "…" for slot in needed.values() if slot.member}
    if unnamed := [name for name, slot in needed.items() if not slot.member]:
        members["params"] = "{" + ", ".join(f"{name}: …" for name in unnamed) + "}"
    said = ", ".join(f"{name}: {value}" for name, value in members.items())
    ask = f"@{row.slug}/MODEL"
    what = f"Ask for `{ask}`." if row.speaks or row.variants or row.operations else f"Ask through `/proxy/{row.slug}/…`."
    return ["```yaml", "providers:", f"  {row.slug}: {{{said}}}", "```", "", what]


def _key(row: Row) -> str:
    if row.auth == "none":
        return "none."
    where = f"{_codes(row.env, ' or ')} in the environment, or `api_key`" if row.env else "`api_key`, where there is one"
    if row.auth in SIGNERS:
        return f"{where}. Requests are signed, or carry a token: `{row.auth}`."
    header, prefix = SCHEMES[row.auth]
    return f"{where}; sent as `{header}: {prefix}…`." + (" It works without one." if row.keyless else "")


def _address(row: Row) -> str:
    return f"`{row.base_url}`" if row.base_url else "none of its own: set `base_url`."


def _slot(name: str, slot: Slot) -> str:
    return f"| `{name}` | {_code(slot.member)} | {_code(slot.env)} | {_code(slot.default)} |"


def _places(title: str, endpoints: Mapping[str, Endpoint]) -> list[str]:
    if not endpoints:
        return []
    rows = [f"| `{dialect}` | `{place.path}`{_streams(place)} |" for dialect, place in endpoints.items()]
    return [f"| {title} | at |", "|---|---|", *rows, ""]


def _streams(place: Endpoint) -> str:
    return f", streams `{place.stream}`" if place.stream not in ("", place.path) else ""


def _edits(edits: Edits) -> Iterator[str]:
    """The edits, a sentence each."""
    for old, new in edits.rename.items():
        yield f"`{old}` is called `{new}`."
    for old, new in edits.roles.items():
        yield f"The role `{old}` becomes `{new}`."
    for member, said in edits.says.items():
        for value, instead in said.items():
            told = _codes(f"{name}: {what}" for name, what in instead.items()) or "nothing"
            yield f"`{member}: {value}` is said by {told}." if value != "*" else f"Any other `{member}` is said by {told}."
    if edits.also:
        yield f"{_codes(edits.also)} can be said too."
    if edits.drop:
        yield f"Left out, and named in `x-lockgate-dropped`: {_codes(edits.drop)}."


def _code(text: str) -> str:
    return f"`{text}`" if text else "-"


def _codes(texts: Iterable[str], between: str = ", ") -> str:
    return between.join(f"`{text}`" for text in texts)


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/providers"))
