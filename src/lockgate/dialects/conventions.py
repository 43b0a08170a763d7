"""What the house must know of dialects by name: which one is everybody's second, and what belongs to whom on the wire."""

from __future__ import annotations

#: How errors are said on routes that have no dialect of their own.
PLAIN = "openai.chat"

#: The `upstream_api` of a config → the dialect that it asks for.
API: dict[str, str] = {"chat": "openai.chat", "responses": "openai.responses"}

#: The paths that these dialects end in below a base URL, where their makers keep to their own.
OWN_PATHS = (
    ("openai.chat", "/chat/completions"),
    ("openai.responses", "/responses"),
    ("anthropic.messages", "/messages"),
)

#: Headers of a provider's answer that travel on: rate limits, request ids, processing times. All others stay behind, cookies
#: among them.
TRAVELS = (
    b"x-ratelimit-",
    b"anthropic-ratelimit-",
    b"anthropic-organization-id",
    b"openai-",
    b"request-id",
    b"x-request-id",
    b"retry-after",
)

#: Of these, those that say how it was at that moment: they are not said again with an answer that is given again.
MOMENTARY = (b"x-ratelimit-", b"anthropic-ratelimit-", b"retry-after")

#: How the names of headers begin that belong to a signed request: the signer's to write, nobody else's.
SIGNED = (b"x-amz-",)
