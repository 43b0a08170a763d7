"""What Amazon Bedrock wants of other makers' bodies for `invoke`: the model and the wish for a stream stand in the path, an
API's version and its beta features in the body.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html,
…/model-parameters-embed.html and https://docs.aws.amazon.com/bedrock/latest/userguide/rerank-api-reference.html
"""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.core.sheet import Sheet

_VERSION = "bedrock-2023-05-31"
#: Beta features that Bedrock knows, without their dates; one that it does not know is an error there.
_BETAS = (
    "computer-use",
    "token-efficient-tools",
    "interleaved-thinking",
    "output-128k",
    "dev-full-thinking",
    "context-1m",
    "context-management",
    "effort",
    "tool-search-tool",
    "tool-examples",
    "fine-grained-tool-streaming",
)


def claude(sheet: Sheet, model: str, headers: Mapping[bytes, bytes]) -> list[str]:
    """A Messages body for `invoke`."""
    sheet.drop("model")
    sheet.drop("stream")
    if "anthropic_version" not in sheet:
        sheet.set("anthropic_version", _VERSION)
    asked = [each.strip() for each in headers.get(b"anthropic-beta", b"").decode("latin-1").split(",") if each.strip()]
    known = [each for each in asked if each.startswith(_BETAS)]
    if known and "anthropic_beta" not in sheet:
        sheet.set("anthropic_beta", known)
    return [f"anthropic-beta {each}" for each in asked if each not in known]


def cohere(sheet: Sheet, model: str, headers: Mapping[bytes, bytes]) -> list[str]:
    """A body of Cohere's embed or rerank; the latter is known by its query, and Cohere's own models want a version of it."""
    sheet.drop("model")
    if "query" in sheet and "cohere." in model and "api_version" not in sheet:
        sheet.set("api_version", 2)
    return []
