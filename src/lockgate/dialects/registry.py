"""All codecs, by name. A new dialect is a module and a line here."""

from __future__ import annotations

from lockgate.dialects.anthropic import messages
from lockgate.dialects.bedrock import converse
from lockgate.dialects.codec import Codec
from lockgate.dialects.cohere import chat as cohere_chat
from lockgate.dialects.gemini import generate
from lockgate.dialects.openai import chat, responses

CODECS: dict[str, Codec] = {
    codec.name: codec
    for codec in (chat.CODEC, responses.CODEC, messages.CODEC, generate.CODEC, converse.CODEC, cohere_chat.CODEC)
}
