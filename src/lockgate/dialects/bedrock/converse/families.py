"""What the families of models behind Converse take: one row each, found by the maker's name in a model's id.

Converse is one language over many models, and most of them speak a part of it: what a family does not take is answered with
a 400, so it is left out and named as a loss. Of a model whose family cannot be told (an application inference profile) all
that the language itself defines is asked, and nothing that only one family knows.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html,
structured-output.html, prompt-caching.html and API_runtime_ToolChoice.html there, the Nova user guide, and what users of these
models measured (pydantic-ai, LiteLLM).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.content import MediaKind
from lockgate.dialects.anthropic.messages.models import family_of as claude_of

#: How a family is asked to think: as Claude, as Nova 2, as gpt-oss, as Qwen 3; "" when it cannot be asked.
Thinking = Literal["", "claude", "nova", "openai", "qwen"]


class Family(msgspec.Struct, frozen=True):
    """What the models of a family take.

    `ids` are what their ids hold. `choice`: a forced tool. `caches`: cache points; `caches_tools`: behind tools as well.
    `schema`: JSON by schema and strict tools. `top_k`: how it is said. `inside`: media that a tool's result may hold.
    `alone`: a turn of tool results may hold nothing else. `objects`: a result is an object, not text. `status`: results may
    say that they are errors. `opens`: the conversation may begin with the model.
    """

    ids: tuple[str, ...] = ()
    choice: bool = False
    caches: bool = False
    caches_tools: bool = False
    schema: bool = False
    thinking: Thinking = ""
    top_k: Literal["", "plain", "nova"] = ""
    inside: frozenset[MediaKind] = frozenset(("image", "file"))
    alone: bool = False
    objects: bool = False
    status: bool = True
    opens: bool = False

    @property
    def claude(self) -> bool:
        """Whether the rules of Anthropic's own API hold behind it."""
        return self.thinking == "claude"


_IMAGES: frozenset[MediaKind] = frozenset(("image",))
_FILES: frozenset[MediaKind] = frozenset(("file",))
_NOTHING: frozenset[MediaKind] = frozenset()

_CLAUDE = Family(
    ("anthropic.claude",), choice=True, caches=True, caches_tools=True, thinking="claude", top_k="plain", opens=True
)
#: Claude models that have no prompt cache.
_CLAUDE_UNCACHED = (
    "claude-v2",
    "claude-instant",
    "claude-3-opus",
    "claude-3-sonnet",
    "claude-3-haiku",
    "claude-3-5-sonnet-20240620",
)
#: Claude models that are bound by a schema here: fewer than at Anthropic.
_CLAUDE_WITH_SCHEMA = ("haiku-4-5", "sonnet-4-5", "opus-4-5", "opus-4-6", "sonnet-4-6")

_FAMILIES = (
    Family(("amazon.nova-2",), choice=True, caches=True, thinking="nova", top_k="nova", inside=_IMAGES),
    Family(("amazon.nova",), choice=True, caches=True, top_k="nova", inside=_IMAGES),
    Family(("amazon.titan",)),
    Family(
        ("mistral.mistral-large-3", "mistral.magistral", "mistral.ministral", "mistral.voxtral"),
        schema=True,
        alone=True,
        objects=True,
        inside=_FILES,
    ),
    Family(("mistral.",), alone=True, objects=True, inside=_FILES),
    Family(("meta.llama",), alone=True),
    Family(("writer.palmyra",), alone=True, status=False),
    Family(("openai.gpt-oss",), schema=True, thinking="openai"),
    Family(("qwen.qwen3",), schema=True, thinking="qwen", inside=_NOTHING, opens=True),
    Family(("deepseek.r1",)),
    Family(("deepseek.",), schema=True),
    Family(("moonshot.", "moonshotai.", "zai."), choice=True, schema=True, inside=_NOTHING, opens=True),
    Family(("google.gemma-3-12b", "google.gemma-3-27b", "minimax.", "nvidia.nemotron-nano"), schema=True),
    Family(("google.", "nvidia.", "cohere.", "ai21.")),
)
#: A model that its id does not tell.
_UNTOLD = Family(choice=True, caches=True, caches_tools=True, schema=True)


def family_of(model: str) -> Family:
    """The family of a model id, an inference profile's id or the ARN of either."""
    if "anthropic.claude" in model:
        caches = not any(id in model for id in _CLAUDE_UNCACHED)
        schema = claude_of(model).schema and any(id in model for id in _CLAUDE_WITH_SCHEMA)
        return msgspec.structs.replace(_CLAUDE, caches=caches, caches_tools=caches, schema=schema)
    return next((family for family in _FAMILIES if any(id in model for id in family.ids)), _UNTOLD)
