"""What a condition may ask of a request: one table of facts, and the paths that name them.

A path is a fact's name ("model", "key.name"), or a group and what is meant in it: "metadata.plan", "headers.x-tier",
"params.messages[-1].role", "time.Europe/Berlin.hour". In `params`, a dot or brackets go one step down: a member's name, an
index (negative ones count from the end), `[*]` for each element, `["a.b"]` for a name with dots in it. The names of metadata
and headers are flat: all that follows the group is one name, dots and all.
"""

from __future__ import annotations

import re
import string
from enum import Enum
from functools import lru_cache
from typing import Final, Literal, Protocol, cast, get_args
from zoneinfo import ZoneInfo

import msgspec

from lockgate.core.call import Operation
from lockgate.core.failure import Refusal

#: What a fact is: what it can be compared with follows from it.
Kind = Literal["any", "text", "number", "truth", "date", "clock"]


class Missing(Enum):
    """The type of `MISSING`."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


#: The value of a fact that is not there; null is a value.
MISSING: Final = Missing.MISSING


class Facts(Protocol):
    """Whatever knows a request's facts."""

    def find(self, name: str, key: str = "", /) -> object:
        """The fact of a name in `FACTS`, or `MISSING`. `key` says which one: a member of the metadata or the body, a header in
        lower case, a time zone ("" for UTC). May raise `Refusal` 400 where the body turns out to be unreadable."""
        ...


class Fact(msgspec.Struct, frozen=True):
    """One row: what it is, what it says; `values` are all that it can be. A `group` has many under its name.

    `shown`: its texts may stand in a trace. Headers and bodies hold what nobody but the provider should read.
    """

    kind: Kind
    says: str
    values: tuple[str, ...] = ()
    group: bool = False
    shown: bool = True


DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

FACTS: dict[str, Fact] = {
    "metadata": Fact("any", "a member of the metadata header, of the type that it has there", group=True),
    "params": Fact("any", "a member of the request body, at any depth; a field of a form, as text", group=True, shown=False),
    "headers": Fact("text", "a request header; those that carry secrets have no name here", group=True, shown=False),
    "url.pathname": Fact("text", "the path that was asked, without its query"),
    "operation": Fact("text", "what is asked for", values=get_args(Operation)),
    "model": Fact("text", "the model as the caller named it, in the body or in the path"),
    "stream": Fact("truth", "whether the caller wants a stream"),
    "conversation": Fact(
        "text", "the conversation, by a hash of how it begins: system prompt, tools, the user's first message", shown=False
    ),
    "input_tokens": Fact("number", "the tokens of the input, estimated"),
    "has_tools": Fact("truth", "whether the model is offered tools"),
    "has_images": Fact("truth", "whether the input has pictures"),
    "user": Fact("text", "the end user: `_user` of the metadata, else what the body says"),
    "key.id": Fact("text", "the gateway key, by its id"),
    "key.name": Fact("text", "the gateway key, by its name"),
    "workspace": Fact("text", "the workspace of the key"),
    "budget.remaining": Fact("number", "what is left of the key's budget, in USD"),
    "time.hour": Fact("number", "0 to 23"),
    "time.minute": Fact("number", "0 to 59"),
    "time.weekday": Fact("text", "monday to sunday", values=DAYS),
    "time.date": Fact("date", '"2026-08-01"'),
    "time.hhmm": Fact("clock", '"09:30"'),
}

#: The longest path, in characters, and how many steps it may go down.
LONGEST = 256
DEEPEST = 32


class Each(Enum):
    """The step `[*]`."""

    EACH = "*"


Step = str | int | Each

_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]]+)
      | \[(?P<index>0|-?[1-9]\d{0,8})\]
      | \[(?P<each>\*)\]
      | \["(?P<quoted>[^"]+)"\]
      | \['(?P<single>[^']+)'\]""",
    re.VERBOSE | re.ASCII,
)
_INDEX = re.compile(r"0|-?[1-9]\d{0,8}", re.ASCII)
_HEADER = frozenset(string.ascii_lowercase + string.digits + "!#$%&'*+-.^_`|~")  # RFC 9110, section 5.6.2
#: A header with one of these words in its name may carry a secret.
_SECRET = re.compile(
    r"(?:^|[^a-z0-9])(?:apikey|assertion|auth|authorization|bearer|config|cookie|credentials?|csrf|json|jwt|keys?|otp|passwd"
    r"|password|pin|private|saml|secret|session|sessionid|sid|signature|token|xsrf)(?:$|[^a-z0-9])"
)


class Path(msgspec.Struct, frozen=True):
    """A path, ready to be followed: which fact, and the steps into it."""

    text: str
    name: str
    key: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def fact(self) -> Fact:
        """The row of the fact."""
        return FACTS[self.name]

    @property
    def many(self) -> bool:
        """Whether it leads to several values: `of` gives a tuple then."""
        return Each.EACH in self.steps

    def of(self, facts: Facts) -> object:
        """The value: `MISSING`, or what JSON can be; a tuple of those that are there for a path with `[*]`."""
        value = facts.find(self.name, self.key)
        return walk(value, self.steps) if self.steps else value


def walk(value: object, steps: tuple[Step, ...]) -> object:
    """What the steps lead to in plain JSON, as `Path.of`."""
    for at, step in enumerate(steps):
        if isinstance(step, Each):
            each = cast("list[object]", value) if isinstance(value, list) else []
            return _gathered(each, steps[at + 1 :])
        if isinstance(value, dict):
            value = cast("dict[str, object]", value).get(str(step), MISSING)
        elif isinstance(value, list) and isinstance(step, int):
            items = cast("list[object]", value)
            value = items[step] if -len(items) <= step < len(items) else MISSING
        else:
            return () if Each.EACH in steps[at:] else MISSING
    return value


def _gathered(values: list[object], steps: tuple[Step, ...]) -> tuple[object, ...]:
    out: list[object] = []
    for each in values:
        found = walk(each, steps)
        if isinstance(found, tuple):
            out += cast("tuple[object, ...]", found)
        elif found is not MISSING:
            out.append(found)
    return tuple(out)


def read_path(text: str, at: str) -> Path:
    """The path. Raises `Refusal` 400, naming `at`, for one that leads nowhere in any request."""
    if len(text) > LONGEST:
        raise refuse(at, f"is a path of more than {LONGEST} characters.")
    if text in FACTS and not FACTS[text].group:
        return Path(text, text)
    root = re.split(r"[.\[]", text, maxsplit=1)[0]
    rest = text[len(root) :]
    if root == "time" and (path := _at_zone(text, rest, at)) is not None:
        return path
    if root not in FACTS or not FACTS[root].group:
        raise refuse(at, f"'{text}' names nothing that is known of a request. Known: {', '.join(known())}.")
    if root == "params":
        return _param(text, rest, at)
    key = _flat(rest)
    if not key:
        raise refuse(at, f"'{text}' does not say which of the {root} is meant: {root}.NAME.")
    if root == "headers":
        key = key.lower()
        if not _HEADER.issuperset(key):
            raise refuse(at, f"'{key}' is no header's name.")
        if _SECRET.search(key):
            raise refuse(at, f"the header '{key}' may carry a secret and cannot be asked for; use the metadata.")
    return Path(text, root, key)


def known() -> list[str]:
    """The names of all facts, groups with a place for what is meant in them."""
    return [f"{name}.*" if fact.group else name for name, fact in FACTS.items()]


def steps_of(text: str) -> tuple[Step, ...] | None:
    """The steps that ".a[0].b" spells; None for what cannot be read."""
    steps: list[Step] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or len(steps) == DEEPEST:
            return None
        at = match.end()
        said = match[match.lastgroup or ""]
        if match["each"]:
            steps.append(Each.EACH)
        elif match["index"] or (match["name"] and _INDEX.fullmatch(said)):
            steps.append(int(said))
        else:
            steps.append(said)
    return tuple(steps)


def _param(text: str, rest: str, at: str) -> Path:
    steps = steps_of(rest)
    if steps is None:
        raise refuse(at, f"""'{text}' cannot be read as a path: params.a.b, params.a[0], params.a[*].b, params["a.b"].""")
    if not steps or not isinstance(steps[0], str):
        raise refuse(at, f"'{text}' does not begin with a member of the body: params.NAME.")
    return Path(text, "params", steps[0], steps[1:])


def _flat(rest: str) -> str:
    """The one name after ".", or quoted in brackets."""
    if rest.startswith("."):
        return rest[1:]
    match = _STEP.fullmatch(rest)
    return (match["quoted"] or match["single"] or "") if match else ""


def _at_zone(text: str, rest: str, at: str) -> Path | None:
    """A time at a place: ".Europe/Berlin.hour"."""
    zone, _, name = rest[1:].rpartition(".")
    if not zone or f"time.{name}" not in FACTS:
        return None
    if time_zone(zone) is None:
        raise refuse(at, f"'{zone}' is no time zone that is known here (IANA: \"Europe/Berlin\").")
    return Path(text, f"time.{name}", zone)


@lru_cache(maxsize=256)
def time_zone(name: str) -> ZoneInfo | None:
    """The time zone of an IANA name ("" for UTC); None when the machine's data do not have it."""
    try:
        return ZoneInfo(name or "UTC")
    except (OSError, ValueError, KeyError):  # a folder, a name that leads outside, a name that is not there
        return None


def refuse(at: str, sentence: str) -> Refusal:
    """The refusal of a config for what stands at a path of it."""
    return Refusal(400, "invalid_config", f"{at}: {sentence}", param=at)
