"""Reading somebody else's configuration. The file is not trusted: its size, depth and what its aliases unfold to are limited.

Sources: YAML 1.1 as PyYAML reads it (https://yaml.org/type/merge.html for `<<`), RFC 8259 (JSON).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

#: Bytes of a file, values after aliases are unfolded, and levels.
SIZE = 4 * 1024 * 1024
VALUES = 100_000
DEPTH = 64

_SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BadSource(Exception):
    """A file that cannot be imported; the message names it, and the place in it where there is one."""


class Source(msgspec.Struct, frozen=True):
    """What was read: the tree, and the paths of members that were given twice (the last holds, as YAML readers have it)."""

    path: Path
    tree: Any
    repeated: list[str] = []


def read(path: Path) -> Source:
    """The tree of a YAML or JSON file. Raises `BadSource`."""
    try:
        with path.open("rb") as file:
            data = file.read(SIZE + 1)
    except OSError as error:
        raise BadSource(f"{path} cannot be read: {error.strerror or error}") from None
    if len(data) > SIZE:
        raise BadSource(f"{path} is larger than {SIZE // 1024 // 1024} MiB; that is no configuration")
    try:
        return parse(data.decode("utf-8-sig"), path)
    except UnicodeDecodeError:
        raise BadSource(f"{path} cannot be read: it is not UTF-8 text") from None


def parse(text: str, path: Path) -> Source:
    """The tree of a text; `path` names it in messages. Raises `BadSource`."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return Source(path, _checked(msgspec.json.decode(text.encode()), path))
        except (msgspec.DecodeError, RecursionError):
            pass  # YAML's flow style begins with these too, and its errors say where
    repeated: list[str] = []
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return Source(path, {})
            _measure(node, path)
            _find_repeated(node, "", repeated)
            tree = loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise BadSource(f"{path}{where}: {getattr(error, 'problem', None) or error}") from None
    except (RecursionError, ValueError, TypeError) as error:
        raise BadSource(f"{path} cannot be read as YAML: {error}") from None
    return Source(path, _checked(tree, path), repeated)


class _Loader(_SAFE_LOADER):
    """The safe loader; a date stays the text that it was written as (`api_version: 2024-10-21`)."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way to say it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in _SAFE_LOADER.yaml_implicit_resolvers.items()
    }


def _measure(root: yaml.Node, path: Path) -> None:
    """Refuse what unfolds to too much: an alias counts with all that is below its anchor. One within itself has no end."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, depth: int) -> int:
        if depth > DEPTH:
            raise BadSource(f"{path}, line {node.start_mark.line + 1}: it is nested more than {DEPTH} levels deep")
        if id(node) not in sizes:
            total = 1
            for child in _children(node):
                total += size(child, depth + 1)
            sizes[id(node)] = total
        if sizes[id(node)] > VALUES:
            raise BadSource(f"{path} has more than {VALUES} values when its aliases are unfolded")
        return sizes[id(node)]

    size(root, 0)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _find_repeated(node: yaml.Node, at: str, repeated: list[str]) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            where = f"{at}.{name}".lstrip(".")
            if name in seen and name != "<<":
                repeated.append(where)
            seen.add(name)
            _find_repeated(value, where, repeated)
    elif isinstance(node, yaml.SequenceNode):
        for n, value in enumerate(node.value):
            _find_repeated(value, f"{at}[{n}]", repeated)


def _checked(tree: Any, path: Path) -> Any:
    """The tree as plain values with texts as names. Raises `BadSource` for what neither JSON nor a configuration holds."""
    left = VALUES

    def walk(value: Any, at: str, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise BadSource(f"{path} has more than {VALUES} values")
        if depth > DEPTH:
            raise BadSource(f"{path}: {at} is nested more than {DEPTH} levels deep")
        if isinstance(value, dict):
            members = cast("dict[Any, Any]", value)
            return {str(name): walk(each, f"{at}.{name}".lstrip("."), depth + 1) for name, each in members.items()}
        if isinstance(value, list):
            return [walk(each, f"{at}[{n}]", depth + 1) for n, each in enumerate(cast("list[Any]", value))]
        if value is None or isinstance(value, str | bool | int):
            return value
        if isinstance(value, float) and value - value == 0:  # neither infinite nor "not a number"
            return value
        raise BadSource(f"{path}: {at} is no value that a configuration can hold")

    return walk(tree, "", 0)
