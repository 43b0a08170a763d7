"""The canonical request of a conversation: what a caller asks of a model, free of any dialect."""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.content import Tool, Turn

ToolMode = Literal["auto", "none", "required"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class ToolChoice(msgspec.Struct, omit_defaults=True):
    """Which tools the model may or must call. `names` limits the choice; one name with `required` forces that tool."""

    mode: ToolMode = "auto"
    names: list[str] = []


class Format(msgspec.Struct, omit_defaults=True):
    """The shape of the answer: any JSON, or JSON by a schema (raw JSON Schema)."""

    kind: Literal["json", "schema"]
    schema: msgspec.Raw | None = None
    name: str = ""
    description: str = ""
    strict: bool | None = None


class Reasoning(msgspec.Struct, omit_defaults=True):
    """How much the model shall think. `budget` counts tokens; `shown` is how its thinking is shown ("auto", "detailed",
    "none"); `adaptive` leaves the amount to the model."""

    effort: Effort | None = None
    budget: int | None = None
    adaptive: bool = False
    shown: str = ""


class Sampling(msgspec.Struct, omit_defaults=True):
    """The knobs of generation; None means that the caller did not say."""

    max_tokens: int | None = None
    temperature: float | int | None = None
    top_p: float | int | None = None
    top_k: int | None = None
    stop: list[str] = []
    seed: int | None = None
    n: int | None = None
    presence_penalty: float | int | None = None
    frequency_penalty: float | int | None = None
    logit_bias: dict[str, float | int] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class Request(msgspec.Struct, omit_defaults=True):
    """A conversation to continue.

    `extra` holds members that the caller's dialect does not define: they pass to any target as they are. `losses` names
    members that the caller's dialect defines and the canonical model has no place for; a writer adds its own.
    """

    model: str
    turns: list[Turn] = []
    tools: list[Tool] = []
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    sampling: Sampling = msgspec.field(default_factory=Sampling)
    format: Format | None = None
    reasoning: Reasoning | None = None
    verbosity: str = ""
    stream: bool = False
    user: str = ""
    metadata: dict[str, str] | None = None
    service_tier: str = ""
    cache_key: str = ""
    cache: str | None = None  # a prompt-cache mark on the whole request
    store: bool | None = None
    extra: dict[str, msgspec.Raw] = {}
    losses: list[str] = []

    def lose(self, what: str) -> None:
        """Note that something cannot be said in the dialect being written."""
        if what not in self.losses:
            self.losses.append(what)
